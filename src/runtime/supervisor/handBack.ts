/**
 * After the point of no return and before the commit: the new generation gives state and
 * connections back, and the old one serves again. What the new one can't give any more (it died, or its
 * event loop stands still: then it is killed) is counted: its connections as lost, the state as of the
 * freeze.
 */
import { isoNow, stopwatch } from "../../platform/clock.ts";
import { instant } from "../../platform/faults.ts";
import { type Generation, hasState, type Slot } from "./generation.ts";
import type { UpgradeState } from "./job.ts";
import { emptyTally, lostWith, moveConnections, relayConnections } from "./moveConnections.ts";
import { tellEnded } from "./retire.ts";
import { killSilent } from "./silence.ts";
import type { Supervisor } from "./supervisor.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const HAND_BACK_MS = 10_000;
const NOT_CARRIED = "the restart: it was not carried";
/** Of a swap: the state was in the process that has died. */
export const LOST_WITH_PROCESS = "the restart: it was lost with its process";

/** Everything but RELEASES.json; what came of it is in the report. */
export async function handBack(upgrade: UpgradeState): Promise<void> {
  const { job, old, next, tally, report, takeover } = upgrade;
  const { supervisor } = job;
  await instant("handBack:carry");
  supervisor.serve(old);
  const silentMs = await killSilent(upgrade);
  const backMs = stopwatch();
  for (const { worker } of next.slots) tally.lost += lostWith(worker, tally);
  if (old.hasState) {
    const isRestart = job.plan.strategy === "restart";
    const stateAsOf = await stateBack(upgrade);
    if (isRestart) report.stateAsOf = NOT_CARRIED;
    else if (stateAsOf) report.stateAsOf = stateAsOf;
  }
  if (next.pauses) await announceBack(upgrade);
  await instant("handBack:thaw");
  await Promise.all(
    old.slots.map(({ worker }) =>
      worker
        .request({ type: "thaw" }, { timeoutMs: HAND_BACK_MS })
        .then((reply) => {
          tally.waited += reply?.waited ?? 0;
          worker.servesAt = reply?.listens;
        })
        .catch((error) => supervisor.noteError(error)),
    ),
  );
  const hasPaused = silentMs > 0 || old.pauses;
  if (hasPaused) report.pauseMs = Math.max(report.pauseMs, silentMs + backMs());
  await instant("handBack:connections");
  const back = emptyTally();
  const stopRelay = relayConnections(next, old, back);
  await moveConnections(next, old, back).catch((error) => supervisor.noteError(error));
  await instant("handBack:retire");
  const retired = await takeover.retire(next.slots, { drainMs: HAND_BACK_MS });
  upgrade.leftovers.push(...retired.leftovers);
  tellEnded(report, retired);
  stopRelay();
  // Open before and open after: those that went there and came back.
  tally.carried = Math.min(tally.carried, back.carried);
  tally.lost += back.lost + retired.lost;
  tally.waited += back.waited;
  tally.quietMs = tally.quietMs.concat(back.quietMs);
  takeover.end();
}

/** As on the way there: the old one begins again with everybody there. */
async function announceBack({ job, old, next, takeover, unsteady }: UpgradeState): Promise<void> {
  const { supervisor } = job;
  try {
    await takeover.connect?.(next, old);
    const frozen = next.slots.filter((slot) => !isFrozen(old, slot));
    await Promise.all(frozen.map(({ worker }) => freezeNext(supervisor, worker, next)));
    await takeover.announce?.(next, old, unsteady);
  } catch (error) {
    // They come one by one.
    supervisor.noteError(error);
  }
}

const isFrozen = (old: Generation, slot: Slot): boolean => {
  const target = old.slotLike(slot);
  return target !== undefined && hasState(target);
};

/**
 * Brings every slot's state back. Undefined when all of it is whole; else the moment that the
 * stalest of it is as of: the freeze, where a worker is dead or can't go down a version.
 */
async function stateBack(upgrade: UpgradeState): Promise<string | undefined> {
  const { job, old, next, takeover, frozenAt } = upgrade;
  const { supervisor } = job;
  const moments = await Promise.all(
    next.slots.map(async ({ process, index, worker }) => {
      const target = old.slotLike({ process, index });
      if (!target || !hasState(target)) return undefined;
      const whole = await freezeNext(supervisor, worker, next);
      try {
        await takeover.carry(worker, target.worker, { timeoutMs: HAND_BACK_MS });
        return whole ? undefined : isoNow();
      } catch (error) {
        supervisor.noteError(error);
        return target.worker.exit === null ? frozenAt : LOST_WITH_PROCESS;
      }
    }),
  );
  if (moments.includes(LOST_WITH_PROCESS)) return LOST_WITH_PROCESS;
  return moments.filter((moment) => moment !== undefined).sort()[0];
}

/** False when something would not end: its state is taken all the same, as of that moment. */
async function freezeNext(
  supervisor: Supervisor,
  worker: WorkerHandle,
  next: Generation,
): Promise<boolean> {
  // Longer than for an upgrade: what is acknowledged after the state is taken would be lost.
  const timeoutMs = Math.max(next.settings.timeouts.freezeMs, HAND_BACK_MS);
  try {
    const hooksOnly = worker.declared?.states.length === 0;
    const freeze = { type: "freeze", timeoutMs, hooksOnly } as const;
    await worker.request(freeze, { timeoutMs: timeoutMs + 2_000 });
    return true;
  } catch (error) {
    supervisor.noteError(error);
    return false;
  }
}
