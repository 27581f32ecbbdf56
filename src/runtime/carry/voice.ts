/**
 * What an application says to one connection: whether there was an answer, and, while a session is
 * opened again, nothing of it to the client.
 */
import { override } from "./override.ts";

type Say = (...parts: unknown[]) => unknown;

export class Voice {
  readonly undo: () => void;
  /** So much was said to nobody. */
  muted = 0;
  #isMuted = false;
  #noteUntilMs = 0;
  #onSaid: (() => void) | undefined;

  /** `returned`: by a call that says nothing. */
  constructor(target: object, name: string, returned?: unknown) {
    const speaker = target as Record<string, Say>;
    const say = speaker[name]!;
    const isHeard = () => this.#isHeard();
    this.undo = override(speaker, name, function (this: unknown, ...parts) {
      if (isHeard()) return Reflect.apply(say, this, parts);
      const callback = parts.findLast((part) => typeof part === "function");
      if (callback) process.nextTick(callback as () => void);
      return returned;
    });
  }

  #isHeard(): boolean {
    if (this.#onSaid && performance.now() < this.#noteUntilMs) this.#onSaid();
    if (this.#isMuted) this.muted += 1;
    return !this.#isMuted;
  }

  /** Of the first thing that is said within this time, if nothing is heard before. */
  noteFor(ms: number, onSaid: () => void): void {
    if (this.#isMuted) return;
    this.#noteUntilMs = performance.now() + ms;
    this.#onSaid = () => {
      this.ignore();
      onSaid();
    };
  }

  ignore(): void {
    this.#onSaid = undefined;
  }

  mute(): void {
    this.#isMuted = true;
  }

  unmute(): void {
    this.#isMuted = false;
  }

  /** Something was said, and nothing more for a while; at most for so long. */
  silence(ms: number, mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(most);
        clearTimeout(quiet);
        this.ignore();
        resolve();
      };
      const most = setTimeout(over, mostMs);
      let quiet = this.muted > 0 ? setTimeout(over, ms) : undefined;
      this.#noteUntilMs = performance.now() + mostMs;
      this.#onSaid = () => {
        clearTimeout(quiet);
        quiet = setTimeout(over, ms);
      };
    });
  }
}
