/**
 * The state migration, tried before anything is touched: a copy of the live state, taken in slices,
 * goes through the very same code in throwaway processes.
 *
 *   upgrade:    live ──copy──► throwaway of the new release (runs `upgrade`)
 *   downgrade:  live ──copy──► throwaway of the running release ──(runs `downgrade`)──► throwaway
 *               of the target: the live process must not run a migration that may change its input.
 */

import { TsugiError } from "../../contract/errors.ts";
import type { CarriedState, DeclaredState } from "../../protocol/states.ts";
import { statePath } from "../../relup/states.ts";
import { carryState } from "./carryState.ts";
import { type Generation, hasState, type Slot, slotName } from "./generation.ts";
import type { UpgradeState } from "./job.ts";
import type { Supervisor } from "./supervisor.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** `pure`: a step must not change what it is given: it will be given the state itself. */
export async function rehearse(upgrade: UpgradeState, pure: boolean): Promise<StateOfSlot[]> {
  const { job, old: from, next: to, unsteady } = upgrade;
  const { supervisor } = job;
  const carried: StateOfSlot[] = [];
  for (const slot of from.slots) {
    if (!hasState(slot)) continue;
    const target = to.slotLike(slot);
    if (target === undefined) continue;
    const trial = () => rehearseSlot({ supervisor, from, to, slot, target, pure });
    carried.push(...ofSlot(slot, await unsteady.ask([slot.worker], trial)));
  }
  return carried;
}

/** Several workers have a state of the same name each. */
export type StateOfSlot = CarriedState & { worker: string };

export const ofSlot = (slot: Slot, states: readonly CarriedState[] = []): StateOfSlot[] =>
  states.map((state) => ({ worker: slotName(slot), ...state }));

interface SlotRehearsal {
  supervisor: Supervisor;
  from: Generation;
  to: Generation;
  slot: Slot;
  target: Slot;
  pure: boolean;
}

async function rehearseSlot(what: SlotRehearsal): Promise<CarriedState[]> {
  const { supervisor, from, to, slot, target, pure } = what;
  const timeoutMs = from.settings.timeouts.rehearseMs;
  const wanted = target.worker.declared?.states ?? [];
  const throwaways: WorkerHandle[] = [];
  const throwaway = async (generation: Generation, like: Slot) => {
    const worker = supervisor.workers.spawn(generation, like.process, like.index, "rehearsal");
    throwaways.push(worker);
    await supervisor.workers.waitReady(generation, worker);
    return worker;
  };
  try {
    let source = slot.worker;
    const receiver = throwaway(to, target);
    receiver.catch(() => {}); // awaited below; the copy may fail first
    if (goesDown(slot.worker.declared?.states ?? [], wanted)) {
      source = await throwaway(from, slot);
      const unchanged = slot.worker.declared?.states ?? [];
      await carryState(slot.worker, source, { timeoutMs, wanted: unchanged, sliced: true });
    }
    const sliced = source === slot.worker;
    const options = { timeoutMs, wanted, pure, sliced };
    const states = await carryState(source, await receiver, options);
    if (pure) refuseImpure(states);
    return states;
  } finally {
    for (const worker of throwaways) worker.kill("SIGKILL");
    await Promise.all(throwaways.map((worker) => worker.exited));
  }
}

/** @throws TSUGI_STATE_FAILED */
function refuseImpure(states: CarriedState[]): void {
  for (const { name: state, changesInput } of states) {
    if (!changesInput) continue;
    const problem = "its migration changes the value that it is given; it has to make a new one";
    throw new TsugiError("TSUGI_STATE_FAILED", { state, problem });
  }
}

const goesDown = (senders: DeclaredState[], receivers: DeclaredState[]) =>
  senders.some((sender) => {
    const receiver = receivers.find((state) => state.name === sender.name);
    return receiver !== undefined && statePath(sender, receiver).kind === "downgrade";
  });
