/**
 * A worker of either generation that dies before the commit ends the step that is under way: an
 * upgrade must not wait for an answer of somebody who is gone. Old ones that have crashed lately are
 * no part of that (unsteady.ts).
 */
import { TsugiError } from "../../contract/errors.ts";
import type { Generation } from "./generation.ts";
import type { Unsteady } from "./unsteady.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";

export interface DeathWatch {
  /** Settles as `run` does, or rejects with TSUGI_WORKER_DIED. Who is loaded by it says itself why it does not come up. */
  race<T>(run: () => Promise<T>): Promise<T>;
  /** Only the new ones count: after the point of no return there is nothing to go back to a dead one for. */
  raceNext<T>(run: () => Promise<T>): Promise<T>;
  stop(): void;
}

export function watchDeaths(old: Generation, next: Generation, unsteady: Unsteady): DeathWatch {
  let watching = true;
  const deaths = new Map<WorkerHandle, Promise<never>>();
  const deathOf = (worker: WorkerHandle): Promise<never> => {
    const known = deaths.get(worker);
    if (known) return known;
    const death = new Promise<never>((_, reject) => {
      void worker.exited.then((exit) => {
        const { process, slot, version } = worker.boot;
        const why = `${version}, ${describeExit(exit)}`;
        const details = { process, slot, pid: worker.pid, why };
        if (watching) reject(new TsugiError("TSUGI_WORKER_DIED", details));
      });
    });
    death.catch(() => {}); // it may happen between two steps
    deaths.set(worker, death);
    return death;
  };
  const race = <T>(run: () => Promise<T>, ...generations: Generation[]): Promise<T> => {
    const workers = generations.flatMap(({ slots }) => slots.map(({ worker }) => worker));
    const needed = workers.filter((worker) => !unsteady.has(worker));
    return Promise.race([...needed.map(deathOf), run()]);
  };
  return {
    race: (run) => race(run, old, next),
    raceNext: (run) => race(run, next),
    stop() {
      watching = false;
    },
  };
}
