/**
 * Old workers that have crashed lately. The death of one fails no step of an upgrade: what it held is
 * gone either way, and the new version may be the remedy. While it lives it is asked like any other,
 * so that its state and its connections go over.
 */
import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../../contract/errors.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** A pipe of a process that dies may end before its end is seen. */
const SEEN_DEAD_MS = 1_000;

export class Unsteady {
  readonly #workers = new Set<WorkerHandle>();

  add(worker: WorkerHandle): void {
    this.#workers.add(worker);
    // Dead, it has nothing that could be frozen or carried.
    void worker.exited.then(() => {
      worker.declared = undefined;
    });
  }

  has(worker: WorkerHandle): boolean {
    return this.#workers.has(worker);
  }

  /** What `ask` comes to; undefined where it failed by the death of one of these. */
  async ask<T>(workers: readonly WorkerHandle[], ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      // Of a steady one, too, whoever watches deaths says more than what it has cut off.
      const isCutOff = hasCode(error, "TSUGI_ANNOUNCE_CUT_OFF");
      const awaited = isCutOff ? workers : workers.filter((worker) => this.has(worker));
      const ends = awaited.map((worker) => worker.exited.then(() => worker));
      const dead = await Promise.race([...ends, delay(ends.length > 0 ? SEEN_DEAD_MS : 0)]);
      if (dead !== undefined && this.has(dead)) return undefined;
      throw error;
    }
  }
}
