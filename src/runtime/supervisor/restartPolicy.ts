/**
 * OTP's intensity and period: more than `max` restarts `withinMs` and the supervisor gives up.
 * Until then a crashed worker is restarted with a growing pause, the first time at once.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export class RestartPolicy {
  readonly max: number;
  readonly withinMs: number;
  #crashesAtMs: number[] = [];

  constructor(settings: { max: number; withinMs: number }) {
    this.max = settings.max;
    this.withinMs = settings.withinMs;
  }

  /** The pause before the restart in milliseconds, or "giveUp". */
  crashed(nowMs: number): number | "giveUp" {
    this.#crashesAtMs = this.#crashesAtMs.filter((at) => nowMs - at < this.withinMs);
    this.#crashesAtMs.push(nowMs);
    const count = this.#crashesAtMs.length;
    if (count > this.max) return "giveUp";
    return count === 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (count - 2), LONGEST_PAUSE_MS);
  }

  get count(): number {
    return this.#crashesAtMs.length;
  }
}
