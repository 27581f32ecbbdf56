/**
 * The timer functions that an application's own code sees: Node's, remembering what could still
 * fire long after the generation that started it is gone. A short timeout is over by itself.
 */
import { isTimerOver } from "../node/modules.ts";
import { symbolsOf } from "../node/symbols.ts";

export const LONG_MS = 1_000;
const FIRST_SWEEP = 256;

export interface Timers {
  setTimeout: typeof setTimeout;
  clearTimeout: typeof clearTimeout;
  setInterval: typeof setInterval;
  clearInterval: typeof clearInterval;
  setImmediate: typeof setImmediate;
  clearImmediate: typeof clearImmediate;
}

export const plainTimers: Timers = {
  setTimeout,
  clearTimeout,
  setInterval,
  clearInterval,
  setImmediate,
  clearImmediate,
};

export class TimerWatch {
  readonly timers: Timers;
  readonly #names = new Map<NodeJS.Timeout, string>();
  #sweepAt = FIRST_SWEEP;

  constructor() {
    const watched = (
      kind: string,
      start: (...parts: never[]) => NodeJS.Timeout,
      always: boolean,
    ) => {
      const wrapped = (...parts: never[]) => {
        const timer = start(...parts);
        if (always || Number(parts[1]) >= LONG_MS) this.#note(timer, `${kind} ${nameOf(parts[0])}`);
        return timer;
      };
      // `promisify(setTimeout)` and the like.
      return Object.defineProperties(wrapped, symbolsOf(start));
    };
    this.timers = {
      ...plainTimers,
      setTimeout: watched("timeout", plainTimers.setTimeout as never, false) as never,
      setInterval: watched("interval", plainTimers.setInterval as never, true) as never,
    };
  }

  /** What can still fire. */
  running(): string[] {
    this.#sweep();
    return [...this.#names.values()];
  }

  #note(timer: NodeJS.Timeout, name: string): void {
    this.#names.set(timer, name);
    if (this.#names.size < this.#sweepAt) return;
    this.#sweep();
    this.#sweepAt = Math.max(FIRST_SWEEP, this.#names.size * 2);
  }

  #sweep(): void {
    for (const timer of this.#names.keys()) if (isTimerOver(timer)) this.#names.delete(timer);
  }
}

export const nameOf = (callback: unknown): string =>
  (typeof callback === "function" && callback.name) || "(anonymous)";
