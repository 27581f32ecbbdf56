/**
 * A worker of either generation that dies before the commit ends the step that is under way: an
 * upgrade must not wait for an answer of somebody who is gone.
 */
import { TsugiError } from "../../contract/errors.ts";
import type { Generation } from "./generation.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";

export interface DeathWatch {
  /** Settles as `work` does, or rejects with TSUGI_WORKER_DIED. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Only the old ones count: a new one that does not come up says itself why. */
  raceOld<T>(work: Promise<T>): Promise<T>;
  /** Only the new ones count: after the point of no return there is nothing to go back to a dead one for. */
  raceNext<T>(work: Promise<T>): Promise<T>;
  /** This one is ended on purpose. */
  expect(worker: WorkerHandle): void;
  stop(): void;
}

export function watchDeaths(old: Generation, next: Generation): DeathWatch {
  let watching = true;
  const expected = new Set<WorkerHandle>();
  const deaths = new Map<WorkerHandle, Promise<never>>();
  const deathOf = (worker: WorkerHandle): Promise<never> => {
    const known = deaths.get(worker);
    if (known) return known;
    const death = new Promise<never>((_, reject) => {
      void worker.exited.then((exit) => {
        const { process, slot, version } = worker.boot;
        const why = `${version}, ${describeExit(exit)}`;
        const details = { process, slot, pid: worker.pid, why };
        if (watching && !expected.has(worker)) reject(new TsugiError("TSUGI_WORKER_DIED", details));
      });
    });
    death.catch(() => {}); // it may happen between two steps
    deaths.set(worker, death);
    return death;
  };
  const race = <T>(work: Promise<T>, ...generations: Generation[]): Promise<T> => {
    const workers = generations.flatMap(({ slots }) => slots.map(({ worker }) => worker));
    return Promise.race([...workers.map(deathOf), work]);
  };
  return {
    race: (work) => race(work, old, next),
    raceOld: (work) => race(work, old),
    raceNext: (work) => race(work, next),
    expect(worker) {
      expected.add(worker);
    },
    stop() {
      watching = false;
    },
  };
}
