/**
 * A worker of either generation that dies before the commit ends the step that is under way: an
 * upgrade must not wait for an answer of somebody who is gone.
 */
import { TsugiError } from "../../errors.ts";
import type { Generation } from "./generation.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";

export interface DeathWatch {
  /** Settles as `work` does, or rejects with TSUGI_WORKER_DIED. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Only the old ones count: a new one that does not come up says itself why. */
  raceOld<T>(work: Promise<T>): Promise<T>;
  /** This one is ended on purpose. */
  expect(worker: WorkerHandle): void;
  stop(): void;
}

export function watchDeaths(old: Generation, next: Generation): DeathWatch {
  let onDeath: (error: Error) => void = () => {};
  const died = new Promise<never>((_, reject) => {
    onDeath = reject;
  });
  died.catch(() => {}); // it may happen between two steps
  let watching = true;
  const known = new Set<WorkerHandle>();
  const expected = new Set<WorkerHandle>();
  const watch = (worker: WorkerHandle) => {
    if (known.has(worker)) return;
    known.add(worker);
    void worker.exited.then((exit) => {
      const { process, slot, version } = worker.boot;
      const why = `${version}, ${describeExit(exit)}`;
      const details = { process, slot, pid: worker.pid, why };
      if (watching && !expected.has(worker)) onDeath(new TsugiError("TSUGI_WORKER_DIED", details));
    });
  };
  const race = <T>(work: Promise<T>, ...generations: Generation[]): Promise<T> => {
    for (const { slots } of generations) for (const { worker } of slots) watch(worker);
    return Promise.race([work, died]);
  };
  return {
    race: (work) => race(work, old, next),
    raceOld: (work) => race(work, old),
    expect(worker) {
      expected.add(worker);
    },
    stop() {
      watching = false;
    },
  };
}
