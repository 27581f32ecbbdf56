/**
 * After the point of no return and before the commit: the new generation gives state and
 * connections back, and the old one serves again. What the new one can't give any more (it died or
 * hangs) is counted: its connections as lost, the state as of the freeze.
 */
import { carryState } from "./carryState.ts";
import type { Generation } from "./generation.ts";
import {
  lostWith,
  type MoveTally,
  relayConnections,
  releaseConnections,
} from "./moveConnections.ts";
import { retireSlots } from "./retire.ts";
import type { Supervisor } from "./supervisor.ts";

const HAND_BACK_MS = 10_000;

export async function handBack(
  supervisor: Supervisor,
  old: Generation,
  next: Generation,
  tally: MoveTally,
  frozenAt: string | undefined,
): Promise<{ stateAsOf?: string }> {
  supervisor.succeed(old);
  for (const { worker } of next.slots) tally.lost += lostWith(worker, tally);
  const stateAsOf =
    old.hasState && !(await stateBack(supervisor, old, next)) ? frozenAt : undefined;
  await Promise.all(
    old.slots.map(({ worker }) =>
      worker
        .request({ type: "thaw" }, { timeoutMs: HAND_BACK_MS })
        .catch((error) => supervisor.noteError(error)),
    ),
  );
  const stopRelay = relayConnections(next, old, tally);
  await releaseConnections(next, tally).catch((error) => supervisor.noteError(error));
  const { lost } = await retireSlots(next.slots, HAND_BACK_MS);
  tally.lost += lost;
  stopRelay();
  return stateAsOf === undefined ? {} : { stateAsOf };
}

/** False when some state could not be given back: the old generation keeps it as of the freeze. */
async function stateBack(
  supervisor: Supervisor,
  old: Generation,
  next: Generation,
): Promise<boolean> {
  const timeoutMs = HAND_BACK_MS;
  const results = await Promise.all(
    next.slots.map(async (slot) => {
      const target = old.slotLike(slot);
      if (!target || (target.worker.declared?.states.length ?? 0) === 0) return true;
      try {
        // Longer than for an upgrade: what was acknowledged since is lost if this runs out.
        const freezeMs = Math.max(next.settings.timeouts.freezeMs, HAND_BACK_MS);
        const freeze = { type: "freeze", timeoutMs: freezeMs } as const;
        await slot.worker.request(freeze, { timeoutMs: freezeMs + 2_000 });
        await carryState(slot.worker, target.worker, { timeoutMs });
        return true;
      } catch (error) {
        supervisor.noteError(error);
        return false;
      }
    }),
  );
  return results.every(Boolean);
}
