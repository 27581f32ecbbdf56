/**
 * How soon memory may be a reason again. A limit that a fresh worker is over would be a reload at each
 * look: where the last one did not help for long, the pause doubles.
 */
const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 600_000;

export class RenewalPace {
  #pauseMs = 0;
  #lastMs = Number.NEGATIVE_INFINITY;

  isDue(nowMs: number): boolean {
    return nowMs - this.#lastMs >= this.#pauseMs;
  }

  renewed(nowMs: number): void {
    const hasHelped = nowMs - this.#lastMs >= 2 * this.#pauseMs;
    const nextMs = hasHelped ? FIRST_PAUSE_MS : 2 * this.#pauseMs;
    this.#pauseMs = Math.min(nextMs, LONGEST_PAUSE_MS);
    this.#lastMs = nowMs;
  }
}
