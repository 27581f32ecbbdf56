/**
 * How late the event loop comes to its timers. It costs a timer of its own, which would wake an idle
 * process: so only as long as somebody asks.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { EventLoopDelay } from "../../protocol/report.ts";

const RESOLUTION_MS = 10;
const FORGOTTEN_MS = 120_000;

export class EventLoopWatch {
  #histogram: IntervalHistogram | undefined;
  #forgotten: NodeJS.Timeout | undefined;

  /** Since it was last asked for; undefined at the first time. */
  read(): EventLoopDelay | undefined {
    clearTimeout(this.#forgotten);
    this.#forgotten = setTimeout(() => this.#end(), FORGOTTEN_MS).unref();
    if (this.#histogram === undefined) {
      this.#histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      this.#histogram.enable();
      return undefined;
    }
    const histogram = this.#histogram;
    if (histogram.count === 0) return undefined;
    const delay = { p50Ms: lateMs(histogram, 50), p99Ms: lateMs(histogram, 99) };
    histogram.reset();
    return delay;
  }

  #end(): void {
    this.#histogram?.disable();
    this.#histogram = undefined;
  }
}

/** What is recorded is the time between two of its timers. */
function lateMs(histogram: IntervalHistogram, percentile: number): number {
  const lateNs = histogram.percentile(percentile) - RESOLUTION_MS * 1e6;
  return Math.max(0, Math.round(lateNs / 1e4) / 100);
}
