/**
 * Open connections from the workers of one generation to the same slots of another. Each handle is
 * only passed on here, never read: no byte can be lost on the way.
 */
import { defined } from "../../contract/checks.ts";
import type { AdoptedConnection, ConnectionMeta } from "../../protocol/connections.ts";
import type { Generation, Slot } from "./generation.ts";
import type { RawHandle } from "./listeners.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const MOVE_MS = 60_000;
const PASS_ON_MS = 10_000;

export interface MoveTally {
  carried: number;
  lost: number;
  /** Milliseconds that each carried connection was quiet for. */
  quietMs: number[];
  carriedTo: Map<WorkerHandle, number>;
  carriedFrom: Map<WorkerHandle, number>;
  /** Handles that have come in and have not left this process yet. */
  onTheWay: number;
  onArrival: () => void;
  /** Open connections of each old worker, as it last said. */
  open: Map<WorkerHandle, number>;
  /** Connections on which a request waited for the new generation. */
  waited: number;
}

/** Connections that a worker was given and took with it when it died. */
export const lostWith = (worker: WorkerHandle, tally: MoveTally): number =>
  worker.exit === null ? 0 : (tally.carriedTo.get(worker) ?? 0);

/** What an old one that has died had not let go of. */
export const keptBy = (worker: WorkerHandle, { open, carriedFrom }: MoveTally): number =>
  Math.max(0, (open.get(worker) ?? 0) - (carriedFrom.get(worker) ?? 0));

const count = (counts: Map<WorkerHandle, number>, worker: WorkerHandle, more = 1) =>
  counts.set(worker, (counts.get(worker) ?? 0) + more);

export const emptyTally = (): MoveTally => ({
  carried: 0,
  lost: 0,
  quietMs: [],
  carriedTo: new Map(),
  carriedFrom: new Map(),
  onTheWay: 0,
  onArrival: () => {},
  open: new Map(),
  waited: 0,
});

/**
 * Starts to relay and keeps relaying until `stop`: a busy connection follows when its response has
 * ended, which may be long after the idle ones.
 */
export function relayConnections(from: Generation, to: Generation, tally: MoveTally): () => void {
  const stops = from.slots.map((slot) => {
    const receiver = receiverFor(slot, to);
    const relay = ({ meta }: { meta: ConnectionMeta }, handle: RawHandle | undefined) => {
      // Without one the peer has closed: whoever goes on with it has to hear of that.
      if (handle === undefined) {
        receiver?.send({ type: "adopt", meta });
        return;
      }
      if (receiver === undefined || receiver.exit !== null) {
        tally.lost += 1;
        handle.close();
        return;
      }
      tally.carried += 1;
      count(tally.carriedTo, receiver);
      count(tally.carriedFrom, slot.worker);
      tally.onTheWay += 1;
      receiver.send({ type: "adopt", meta }, handle, () => {
        handle.close();
        tally.onTheWay -= 1;
        if (tally.onTheWay === 0) tally.onArrival();
      });
    };
    // Straight from worker to worker: only told of here.
    const onSent = ({ connections }: { connections: number }) => {
      tally.carried += connections;
      count(tally.carriedFrom, slot.worker, connections);
      if (receiver) count(tally.carriedTo, receiver, connections);
    };
    slot.worker.on("connection", relay).on("sent", onSent);
    return () => slot.worker.off("connection", relay).off("sent", onSent);
  });
  const onAdopted = ({ connections }: { connections: AdoptedConnection[] }) => {
    for (const { kind, quietMs, waited } of connections) {
      tally.quietMs.push(quietMs);
      if (kind === "http" && waited) tally.waited += 1;
    }
  };
  for (const slot of to.slots) slot.worker.on("adopted", onAdopted);
  return () => {
    for (const stop of stops) stop();
    for (const slot of to.slots) slot.worker.off("adopted", onAdopted);
  };
}

/** A supervisor that is replaced ends after this: what it still had would end with it. */
export async function allPassedOn(tally: MoveTally): Promise<void> {
  if (tally.onTheWay === 0) return;
  await new Promise<void>((resolve) => {
    // A receiver that hangs acknowledges nothing.
    const timer = setTimeout(resolve, PASS_ON_MS);
    tally.onArrival = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Asks every worker to let go of its connections; resolves when the idle ones have been sent. */
export async function moveConnections(
  from: Generation,
  to: Generation,
  tally: MoveTally,
): Promise<void> {
  await Promise.all(
    from.slots.map(async (slot) => {
      const { worker } = slot;
      if (worker.exit !== null) return;
      const listens = receiverFor(slot, to)?.servesAt;
      const moving = worker.request(
        { type: "moveConnections", ...defined({ listens }) },
        { timeoutMs: MOVE_MS },
      );
      try {
        const { waited = 0, stayed = 0 } = await moving;
        tally.waited += waited;
        tally.carried += stayed;
        count(tally.carriedFrom, worker, stayed);
        const receiver = receiverFor(slot, to);
        if (receiver) count(tally.carriedTo, receiver, stayed);
      } catch (error) {
        // A dead one has counted as such; a living one keeps what it has and drains.
        if (worker.exit === null) throw error;
      }
    }),
  );
  for (const { worker } of to.slots) worker.send({ type: "allCarried" });
}

/** The same slot, or, where the new generation has fewer, the one it folds onto. */
export function receiverFor(slot: Slot, to: Generation) {
  const same = to.slotLike(slot);
  if (same) return same.worker;
  const others = to.slots.filter((other) => other.process.name === slot.process.name);
  return others[slot.index % Math.max(1, others.length)]?.worker;
}

/** Of the carried: those that were told to come back by whoever was to go on with them, by why. */
export function refusedBy({ slots }: Generation): Map<string, number> {
  const all = new Map<string, number>();
  for (const { worker } of slots) {
    for (const [why, count] of worker.refused) all.set(why, (all.get(why) ?? 0) + count);
  }
  return all;
}

export function quietSummary(quietMs: readonly number[]): {
  p50: number;
  p99: number;
  max: number;
} {
  const sorted = [...quietMs].sort((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return Math.round(value * 10) / 10;
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}
