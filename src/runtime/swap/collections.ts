/**
 * Counts the full collections that V8 makes of its own accord. A generation that is gone is garbage
 * until one comes, and minutes may pass; only what outlives collections is held by something.
 */
import { constants, type PerformanceEntry, PerformanceObserver } from "node:perf_hooks";

type CollectionEntry = PerformanceEntry & { detail: { kind: number } };

export class Collections {
  #full = 0;
  #observer: PerformanceObserver | undefined;

  get full(): number {
    return this.#full;
  }

  /** Once something waits for a collection: a process that was never swapped doesn't observe. */
  begin(): void {
    if (this.#observer) return;
    this.#observer = new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries() as CollectionEntry[]) {
        if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) this.#full += 1;
      }
    });
    this.#observer.observe({ entryTypes: ["gc"] });
  }
}
