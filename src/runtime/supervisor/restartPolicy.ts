/**
 * When a crashed worker is started again, one policy for each slot. OTP's intensity and period: up to
 * `max` crashes `withinMs` are borne, the first restart comes after `delayMs`. Beyond that it keeps crashing:
 * it is started again with pauses that double from 1 s to 30 s, until it has run for `withinMs`.
 */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const FIRST_LOOP_PAUSE_MS = 1_000;
const LONGEST_LOOP_PAUSE_MS = 30_000;

export class RestartPolicy {
  readonly max: number;
  readonly withinMs: number;
  readonly delayMs: number;
  #crashesAtMs: number[] = [];
  /** Crashes beyond `max`, since it has last run well. */
  #beyond = 0;
  #restartAtMs = 0;

  constructor(settings: { max: number; withinMs: number; delayMs: number }) {
    this.max = settings.max;
    this.withinMs = settings.withinMs;
    this.delayMs = settings.delayMs;
  }

  /** The pause before the restart, in milliseconds. */
  crashed(nowMs: number): number {
    if (!this.keepsCrashing(nowMs)) this.#beyond = 0;
    this.#crashesAtMs = this.#crashesAtMs.filter((at) => nowMs - at < this.withinMs);
    this.#crashesAtMs.push(nowMs);
    if (this.#beyond > 0 || this.count > this.max) this.#beyond += 1;
    const pauseMs = Math.max(this.delayMs, this.#pauseMs());
    this.#restartAtMs = nowMs + pauseMs;
    return pauseMs;
  }

  /** From the crash that was one too many until it has run for the whole period. */
  keepsCrashing(nowMs: number): boolean {
    return this.#beyond > 0 && nowMs - this.#restartAtMs < this.withinMs;
  }

  /** The last crash was the one too many. */
  get hasBegunToLoop(): boolean {
    return this.#beyond === 1;
  }

  /** Within the period, or it keeps crashing. */
  hasCrashedLately(nowMs: number): boolean {
    const [last = Number.NEGATIVE_INFINITY] = this.#crashesAtMs.slice(-1);
    return nowMs - last < this.withinMs || this.keepsCrashing(nowMs);
  }

  /** Crashes within the period. */
  get count(): number {
    return this.#crashesAtMs.length;
  }

  #pauseMs(): number {
    if (this.#beyond > 0) return doubled(FIRST_LOOP_PAUSE_MS, this.#beyond, LONGEST_LOOP_PAUSE_MS);
    if (this.count === 1) return 0;
    const firstMs = Math.max(FIRST_PAUSE_MS, this.delayMs);
    return doubled(firstMs, this.count - 1, LONGEST_PAUSE_MS);
  }
}

/** The first one, twice that, four times that … */
const doubled = (firstMs: number, turn: number, longestMs: number): number =>
  Math.min(firstMs * 2 ** (turn - 1), longestMs);
