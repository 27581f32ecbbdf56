/**
 * What the clients wait for: acknowledgements that the application has yet to give, middlewares that
 * have yet to let an event through. Each counts for a second: many are never given.
 */
import { nowMs } from "../../../platform/clock.ts";

const COUNTS_MS = 1_000;

export class Owed {
  readonly #onGiven: () => void;
  /** In the order of their time. */
  readonly #since = new Set<{ sinceMs: number }>();

  constructor(onGiven: () => void) {
    this.#onGiven = onGiven;
  }

  /** Returns what is called when it is given. */
  owe(): () => void {
    this.#forgetOld();
    const one = { sinceMs: nowMs() };
    this.#since.add(one);
    return () => {
      if (this.#since.delete(one) && this.#since.size === 0) this.#onGiven();
    };
  }

  get isNothing(): boolean {
    this.#forgetOld();
    return this.#since.size === 0;
  }

  get ageMs(): number {
    const [oldest] = this.#since;
    return oldest === undefined ? 0 : Math.round(nowMs() - oldest.sinceMs);
  }

  #forgetOld(): void {
    const sinceMs = nowMs() - COUNTS_MS;
    for (const one of this.#since) {
      if (one.sinceMs > sinceMs) return;
      this.#since.delete(one);
    }
  }
}
