/** How a worker ends: it drains, it disposes, it gets SIGTERM, and, if it must, SIGKILL. */
import type { Slot } from "./generation.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** After SIGTERM an application has this long for its own handler, unless told otherwise. */
const TERM_GRACE_MS = 5_000;
const DISPOSE_MS = 10_000;

export interface Retired {
  drained: number;
  lost: number;
  /** A swap's: what of it can still run in the process that goes on. */
  running?: string[];
}

/** Resolves when the worker is gone. Never throws: what fails on the way only makes it shorter. */
export async function retireWorker(
  worker: WorkerHandle,
  drainMs: number,
  termGraceMs = TERM_GRACE_MS,
): Promise<Retired> {
  const drained = await worker
    .request({ type: "drain", drainMs }, { timeoutMs: drainMs + 2_000 })
    .catch(() => ({ drained: 0, lost: 0 }));
  if (worker.exit === null) {
    await worker.request({ type: "dispose" }, { timeoutMs: DISPOSE_MS }).catch(() => null);
  }
  await terminateWorker(worker, termGraceMs);
  return drained;
}

/** A swap: the generation goes, its processes stay. */
export async function retireInPlace(slots: readonly Slot[], drainMs: number): Promise<Retired> {
  const retired: Required<Retired> = { drained: 0, lost: 0, running: [] };
  const retireOne = async ({ worker }: Slot) => {
    const timeoutMs = drainMs + 4_000;
    const drain = worker.request({ type: "drain", drainMs }, { timeoutMs });
    const { drained, lost } = await drain.catch(() => ({ drained: 0, lost: 0 }));
    retired.drained += drained;
    retired.lost += lost;
    const silent = () => [`generation ${worker.boot.generation} in worker ${worker.pid}`];
    retired.running.push(...(await worker.unload().catch(silent)));
  };
  await Promise.all(slots.map(retireOne));
  return retired;
}

export async function terminateWorker(worker: WorkerHandle, termGraceMs: number): Promise<void> {
  if (worker.exit !== null) return;
  worker.kill("SIGTERM");
  const timer = setTimeout(() => worker.kill("SIGKILL"), termGraceMs);
  await worker.exited;
  clearTimeout(timer);
}

export async function retireSlots(slots: readonly Slot[], drainMs: number): Promise<Retired> {
  const all = await Promise.all(slots.map((slot) => retireWorker(slot.worker, drainMs)));
  return {
    drained: all.reduce((sum, one) => sum + one.drained, 0),
    lost: all.reduce((sum, one) => sum + one.lost, 0),
  };
}
