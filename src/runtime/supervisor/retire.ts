/** How a worker ends: it drains, it disposes, it gets SIGTERM, and, if it must, SIGKILL. */
import type { Slot } from "./generation.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** After SIGTERM an application has this long for its own handler, unless told otherwise. */
const TERM_GRACE_MS = 5_000;
const DISPOSE_MS = 10_000;

export interface Retired {
  drained: number;
  lost: number;
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
