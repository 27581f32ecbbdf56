/**
 * Pipes from the workers that are left straight to those that take over: what is known of connections
 * goes ahead through them, handles follow. Nothing of it passes through this process.
 */
import type { Generation, Slot } from "./generation.ts";
import { receiverFor } from "./moveConnections.ts";
import { createStatePipe } from "./statePipe.ts";
import type { Unsteady } from "./unsteady.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const ANNOUNCE_MS = 10_000;
const INTRODUCE_MS = 10_000;

interface Crossing {
  from: WorkerHandle;
  to: WorkerHandle;
}

/** An older tsugi does not know the way. */
function crossingsBetween(from: Generation, to: Generation): Crossing[] {
  return from.slots.flatMap((slot: Slot) => {
    const target = receiverFor(slot, to);
    const { worker } = slot;
    if (target === undefined) return [];
    if (worker.exit !== null || target.exit !== null) return [];
    const canTell = worker.declared?.announces === true && target.declared?.announces === true;
    return canTell ? [{ from: worker, to: target }] : [];
  });
}

/** While nobody waits for them: they are no part of the pause. */
export async function layConnectionPipes(from: Generation, to: Generation): Promise<void> {
  await Promise.all(
    crossingsBetween(from, to).map(async (crossing) => {
      const { sender, receiver } = await createStatePipe();
      crossing.from.send({ type: "pipe", direction: "out" }, sender, () => sender.close());
      crossing.to.send({ type: "pipe", direction: "in" }, receiver, () => receiver.close());
    }),
  );
}

/**
 * Before the freeze, so that there is less to say in it. Nothing depends on it: whoever has not been
 * introduced is announced in full.
 */
export async function introduceConnections(from: Generation, to: Generation): Promise<void> {
  const crossings = crossingsBetween(from, to).filter(({ to }) => to.declared?.introduces);
  const options = { timeoutMs: INTRODUCE_MS };
  await Promise.allSettled(
    crossings.map(({ from: worker }) => worker.request({ type: "introduce" }, options)),
  );
}

/**
 * Resolves when all that can be told of is with the new generation, its application included.
 * @throws TSUGI_ANNOUNCE_FAILED, TSUGI_WORKER_DIED, TSUGI_WORKER_SILENT
 */
export async function announceConnections(
  from: Generation,
  to: Generation,
  unsteady: Unsteady,
): Promise<void> {
  const crossings = crossingsBetween(from, to);
  const options = { timeoutMs: ANNOUNCE_MS };
  const receivers = new Set(crossings.map((crossing) => crossing.to));
  await Promise.all([
    ...crossings.map(({ from: worker }) =>
      unsteady.ask([worker], () => worker.request({ type: "announce" }, options)),
    ),
    ...[...receivers].map((worker) => {
      const senders = crossings.flatMap((one) => (one.to === worker ? [one.from] : []));
      return unsteady.ask(senders, () => worker.request({ type: "awaitAnnounced" }, options));
    }),
  ]);
}
