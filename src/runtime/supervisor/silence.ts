/**
 * A worker whose event loop stands still answers nothing, and each thing that it is asked would be waited
 * for to its end. So it is asked first whether it turns at all. What it was asked before counts: one that
 * was silent all through probation gets no such time again.
 */
import { hasCode, TsugiError } from "../../contract/errors.ts";
import { slotName } from "./generation.ts";
import type { UpgradeState } from "./job.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const SILENT_MS = 5_000;
const LEAST_MS = 1_000;
/** Of a supervisor that was stopped itself, one at most runs out for no reason. */
const QUESTIONS = 2;

/**
 * For how long nothing has been heard of it; undefined of one that answers, is gone or still loads.
 * `onAnswer`: how many connections it has open.
 */
async function silentFor(
  worker: WorkerHandle,
  onAnswer: (open: number) => void = () => {},
): Promise<number | undefined> {
  if (worker.declared === undefined) return undefined;
  const timeoutMs = Math.max(LEAST_MS, SILENT_MS - worker.silentMs) / QUESTIONS;
  for (let asked = 0; asked < QUESTIONS; asked += 1) {
    const question = worker.request({ type: "health", turns: true }, { timeoutMs });
    const answer = await question.catch(unlessSilent);
    if (answer === undefined) continue;
    if (answer?.open !== undefined) onAnswer(answer.open);
    return undefined;
  }
  return Math.round(worker.silentMs);
}

const unlessSilent = ({ code }: TsugiError) => (code === "TSUGI_WORKER_SILENT" ? undefined : null);

/** Those of the new generation: they have nothing to give back. Resolves with the longest silence, 0 where all answer. */
export async function killSilent({ job: { supervisor }, next }: UpgradeState): Promise<number> {
  const silences = next.slots.map(async (slot) => {
    const { worker } = slot;
    const silentMs = await silentFor(worker);
    if (silentMs === undefined) return 0;
    const who = `${slotName(slot)} pid ${worker.pid}`;
    supervisor.note(`${who}: its event loop has stood still for ${silentMs} ms, so it is killed`);
    worker.wasKilled = true;
    worker.kill("SIGKILL");
    await worker.exited;
    return worker.silentMs;
  });
  return Math.max(0, ...(await Promise.all(silences)));
}

/** @throws TSUGI_SERVING_SILENT: of the old generation, nothing could be carried */
export async function refuseSilent({ job, old, next, tally }: UpgradeState): Promise<void> {
  // It ends them, and asks them for nothing.
  if (job.plan.strategy === "restart") return;
  const { bin } = job.supervisor.parts.layout;
  const asked = old.slots.map(async ({ process, index, worker }) => {
    const silentMs = await silentFor(worker, (open) => tally.open.set(worker, open));
    if (silentMs === undefined) return;
    const who = { process: process.name, slot: index, pid: worker.pid, silentMs };
    const details = { ...who, version: old.version, next: next.version, bin };
    throw new TsugiError("TSUGI_SERVING_SILENT", details);
  });
  await Promise.all(asked);
}

/** What an upgrade failed by: where the old one is silent, whoever waited for it is not to blame. */
export async function whoWasSilent(upgrade: UpgradeState, error: unknown): Promise<unknown> {
  if (!hasCode(error, "TSUGI_WORKER_SILENT")) return error;
  return refuseSilent(upgrade).then(
    () => error,
    (silent: unknown) => silent,
  );
}
