/** What the steps of an upgrade do; when and in which order is upgrade.ts alone. */
import { TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { availableMemoryBytes } from "../../platform/memory.ts";
import { rssBytesOf } from "../../platform/processes.ts";
import type { StateReport, UpgradeReport } from "../../protocol/report.ts";
import type { CarriedState } from "../../protocol/worker.ts";
import { carryState } from "./carryState.ts";
import { type Generation, hasState, needsFreeze, type Slot } from "./generation.ts";
import type { UpgradeJob } from "./job.ts";
import type { Loading } from "./loading.ts";
import type { MoveTally } from "./moveConnections.ts";
import { rehearse } from "./rehearsal.ts";
import {
  type Retired,
  retireInPlace,
  retireSlots,
  retireWorker,
  terminateWorker,
} from "./retire.ts";
import { createStatePipe, type StatePipe } from "./statePipe.ts";
import type { WorkerHandle } from "./workerHandle.ts";

export async function rehearseInto(job: UpgradeJob, old: Generation, report: UpgradeReport) {
  const skipped = job.rehearse === "skip" ? "as asked" : whyNoRehearsal(job, old);
  const states = skipped ? declaredStates(old) : await rehearse(job.supervisor, old, job.next);
  const rehearsed = skipped ? `skipped: ${skipped}` : true;
  report.states = states.map((state): StateReport => ({ ...state, rehearsed }));
}

/** A rehearsal holds the state twice more for a while; without the room for it, it is left out. */
function whyNoRehearsal(job: UpgradeJob, old: Generation): string | undefined {
  if (job.plan.strategy === "swap" && !needsSteps(old, job.next)) {
    return "it goes on as it is, by reference";
  }
  if (job.rehearse === "full") return undefined;
  const largest = Math.max(...old.slots.map(({ worker }) => rssBytesOf(worker.pid)));
  const available = availableMemoryBytes();
  if (available > 2 * largest) return undefined;
  return `${toMegabytes(available)} MB of memory left, a worker has ${toMegabytes(largest)} MB`;
}

/** Some state is migrated, or encoded and decoded. */
const needsSteps = (old: Generation, next: Generation): boolean =>
  old.slots.some((slot) => {
    const wanted = next.slotLike(slot)?.worker.declared?.states ?? [];
    return (slot.worker.declared?.states ?? []).some((sender) => {
      const receiver = wanted.find(({ name }) => name === sender.name);
      if (receiver === undefined) return false;
      return receiver.version !== sender.version || sender.encoded || receiver.encoded;
    });
  });

const toMegabytes = (bytes: number): number => Math.round(bytes / 1_000_000);

const declaredStates = (old: Generation): CarriedState[] =>
  old.slots.flatMap(({ worker }) =>
    (worker.declared?.states ?? []).map(({ name, version }) => ({
      name,
      from: version,
      to: version,
      bytes: 0,
      migrateMs: 0,
    })),
  );

/** Better refused than ended by the kernel half-way. @throws TSUGI_MEMORY_SHORT */
export function checkMemory(report: UpgradeReport): void {
  const bytes = report.states.reduce((sum, state) => sum + state.bytes, 0);
  const available = availableMemoryBytes();
  if (bytes * 2 < available) return;
  const details = { bytesMb: toMegabytes(bytes * 2), availableMb: toMegabytes(available) };
  throw new TsugiError("TSUGI_MEMORY_SHORT", details);
}

export async function freeze(
  old: Generation,
  report: UpgradeReport,
  tally: MoveTally,
): Promise<void> {
  const { freezeMs } = old.settings.timeouts;
  const replies = await Promise.all(
    old.slots.filter(needsFreeze).map(async ({ worker }) => {
      const hooksOnly = worker.declared?.states.length === 0;
      const freeze = { type: "freeze", timeoutMs: freezeMs, hooksOnly } as const;
      const reply = await worker.request(freeze, { timeoutMs: freezeMs + 2_000 });
      tally.open.set(worker, reply.connections ?? 0);
      return reply;
    }),
  );
  report.requests.underWay = replies.reduce((sum, reply) => sum + reply.underWay, 0);
}

export type StatePipes = Map<Slot, StatePipe>;

/** While the old generation still serves: a pipe that is there already is no part of the pause. */
export async function layPipes(old: Generation, next: Generation): Promise<StatePipes> {
  const crossing = old.slots.filter((slot) => {
    const target = next.slotLike(slot);
    // Within one process state is handed over by reference.
    return hasState(slot) && target && !target.worker.isBeside(slot.worker);
  });
  return new Map(
    await Promise.all(crossing.map(async (slot) => [slot, await createStatePipe()] as const)),
  );
}

export async function carryAll(
  old: Generation,
  next: Generation,
  report: UpgradeReport,
  pipes: StatePipes,
): Promise<void> {
  const timeoutMs = old.settings.timeouts.rehearseMs;
  const rehearsed = new Map(report.states.map((state) => [state.name, state.rehearsed]));
  const carried = await Promise.all(
    old.slots.map(async (slot) => {
      const target = next.slotLike(slot);
      if (!target || !hasState(slot)) return [];
      return carryState(slot.worker, target.worker, { timeoutMs, pipe: pipes.get(slot) });
    }),
  );
  report.states = carried
    .flat()
    .map((state) => ({ ...state, rehearsed: rehearsed.get(state.name) ?? false }));
}

/** `alone`: what ends before its successor begins. */
export async function activate(
  old: Generation,
  next: Generation,
  alone: readonly Slot[],
  loading: Loading,
): Promise<Retired> {
  const timeoutMs = next.settings.timeouts.readyMs;
  const { drainMs } = old.settings.timeouts;
  const begin = async (slot: Slot) => {
    const before = alone.find((one) => one === old.slotLike(slot));
    if (before) await retireWorker(before.worker, drainMs);
    await slot.worker.request({ type: "activate" }, { timeoutMs });
  };
  await Promise.all(next.slots.map(begin));
  const retired = await retireSlots(alone, drainMs);
  await loading.late();
  return retired;
}

/** Only what is in no use: a failure to tidy up is no failure of the upgrade. */
export async function prune(
  handler: ReleaseHandler,
  old: Generation,
  next: Generation,
): Promise<void> {
  const inUse = [old.version, next.version];
  await handler.prune(next.settings.keepReleases, inUse).catch(() => []);
}

export async function thaw(old: Generation): Promise<void> {
  await Promise.all(
    old.slots.map(({ worker }) =>
      worker.request({ type: "thaw" }, { timeoutMs: 10_000 }).catch(() => null),
    ),
  );
}

export async function abandon(
  next: Generation,
  loading: Loading,
  report: UpgradeReport,
): Promise<void> {
  const end = async (worker: WorkerHandle) => {
    if (loading.inPlace) report.leftovers.push(...(await worker.abandon()));
    else await terminateWorker(worker, 1_000);
  };
  await Promise.all(next.slots.map(({ worker }) => end(worker)));
  loading.abandon();
}

export async function retireOld(
  old: Generation,
  report: UpgradeReport,
  { inPlace }: Loading,
): Promise<void> {
  const { drainMs } = old.settings.timeouts;
  const retire = inPlace ? retireInPlace : retireSlots;
  const { drained, lost, running = [] } = await retire(old.slots, drainMs);
  report.leftovers.push(...running);
  report.connections.drained += drained;
  report.connections.lost += lost;
  for (const { worker } of inPlace ? [] : old.slots) {
    if (worker.exit === null) report.leftovers.push(`worker ${worker.pid} of ${old.version}`);
  }
}
