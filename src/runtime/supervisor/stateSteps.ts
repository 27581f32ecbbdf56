/** Those steps of an upgrade that have to do with state. */
import { TsugiError } from "../../contract/errors.ts";
import { isoNow } from "../../platform/clock.ts";
import { availableMemoryBytes } from "../../platform/memory.ts";
import { rssBytesOf } from "../../platform/processes.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { type Generation, hasState, needsFreeze, type Slot, slotName } from "./generation.ts";
import type { UpgradeJob, UpgradeState } from "./job.ts";
import { ofSlot, rehearse, type StateOfSlot } from "./rehearsal.ts";
import type { Takeover } from "./takeover.ts";

/** @returns why not, where it was not. @throws TSUGI_STATE_FAILED, TSUGI_MEMORY_SHORT */
export async function rehearseStates(upgrade: UpgradeState): Promise<string | undefined> {
  const { job, old, report, takeover } = upgrade;
  const { isByReference } = takeover;
  const skipped = job.rehearse === "skip" ? "as asked" : whyNoRehearsal(job, old, takeover);
  const states = skipped ? declaredStates(old) : await rehearse(upgrade, isByReference);
  report.states = told(
    states.map(({ skipped: why = skipped, ...state }) => {
      return { ...state, rehearsed: why ? `skipped: ${why}` : true };
    }),
  );
  if (!isByReference) checkMemory(report);
  return skipped && `not rehearsed: ${skipped}`;
}

/** A rehearsal holds the state twice more for a while; without the room for it, it is left out. */
function whyNoRehearsal(
  job: UpgradeJob,
  old: Generation,
  { isByReference }: Takeover,
): string | undefined {
  if (isByReference && !needsSteps(old, job.next)) {
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

const declaredStates = (old: Generation): StateOfSlot[] =>
  old.slots.flatMap((slot) =>
    (slot.worker.declared?.states ?? []).map(({ name, version }) => ({
      worker: slotName(slot),
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

export async function freeze(upgrade: UpgradeState, frozen: readonly Slot[]): Promise<void> {
  const { old, report, tally, unsteady } = upgrade;
  const { freezeMs } = old.settings.timeouts;
  const replies = await Promise.all(
    frozen.filter(needsFreeze).map(async ({ worker }) => {
      const hooksOnly = worker.declared?.states.length === 0;
      const freeze = { type: "freeze", timeoutMs: freezeMs, hooksOnly } as const;
      const timeoutMs = freezeMs + 2_000;
      const reply = await unsteady.ask([worker], () => worker.request(freeze, { timeoutMs }));
      tally.open.set(worker, reply?.connections ?? 0);
      return reply?.underWay ?? 0;
    }),
  );
  report.requests.underWay = replies.reduce((sum, underWay) => sum + underWay, 0);
  upgrade.frozenAt = isoNow();
}

/** The old one takes requests again, its state untouched. */
export async function thaw({ old, report, tally, pausedMs }: UpgradeState): Promise<void> {
  const replies = await Promise.all(
    old.slots.map(({ worker }) =>
      worker.request({ type: "thaw" }, { timeoutMs: 10_000 }).catch(() => null),
    ),
  );
  for (const reply of replies) tally.waited += reply?.waited ?? 0;
  if (old.pauses) report.pauseMs = pausedMs();
}

/** Those whose state goes over. */
const crossing = ({ old, next }: UpgradeState): Slot[] =>
  old.slots.filter((slot) => hasState(slot) && next.slotLike(slot));

export const prepareCarry = async (upgrade: UpgradeState): Promise<void> =>
  upgrade.takeover.prepare?.(crossing(upgrade));

export async function carryStates(upgrade: UpgradeState): Promise<void> {
  const { old, next, report, takeover, unsteady } = upgrade;
  const { rehearseMs: timeoutMs } = old.settings.timeouts;
  // Looking through a state takes as long as its migration: in the pause only if nobody has.
  const check = report.states.some(({ rehearsed }) => rehearsed !== true);
  const rehearsed = new Map(report.states.map((state) => [keyOf(state), state.rehearsed]));
  const carried = await Promise.all(
    crossing(upgrade).map(async (slot) => {
      const to = next.slotLike(slot)!.worker;
      const carry = () => takeover.carry(slot.worker, to, { timeoutMs, check });
      return ofSlot(slot, await unsteady.ask([slot.worker], carry));
    }),
  );
  report.states = told(carried.flat()).map((state) => {
    return { ...state, rehearsed: rehearsed.get(keyOf(state)) ?? false };
  });
}

const keyOf = ({ worker, name }: { worker?: string; name: string }) => `${worker} ${name}`;

/** Whose a state is is said where there are several workers. */
function told<State extends StateOfSlot>(
  states: State[],
): (Omit<State, "worker"> & { worker?: string })[] {
  const isOfSeveral = new Set(states.map(({ worker }) => worker)).size > 1;
  return states.map(({ worker, ...state }) => (isOfSeveral ? { worker, ...state } : state));
}
