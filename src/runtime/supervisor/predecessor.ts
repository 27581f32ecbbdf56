/** The new supervisor's end of a succession (protocol/succession.ts). */
import type { EventEmitter } from "node:events";
import { messageOf } from "../../contract/errors.ts";
import { FORWARDED_IDS, type FromSuccessor, type ToSuccessor } from "../../protocol/succession.ts";
import type { WorkerEvent } from "../../protocol/worker.ts";
import type { Generation } from "./generation.ts";
import type { RawHandle } from "./listeners.ts";
import type { Supervisor } from "./supervisor.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/**
 * Serves the old supervisor until it is gone; `onGone` is told whether it had said `takeOver`. If
 * not, nothing of this one may stay.
 */
export function servePredecessor(
  supervisor: Supervisor,
  makeGeneration: () => Promise<Generation>,
  takeOver: () => Promise<void>,
  onGone: (tookOver: boolean) => void,
): void {
  let generation: Generation | undefined;
  let tookOver = false;
  const send = (message: FromSuccessor, handle?: RawHandle) => {
    // Once the predecessor is gone, events and their handles are this supervisor's own.
    if (!process.connected) return;
    process.send?.(message, handle as never, {}, () => handle?.close());
  };
  let late: string[] = [];
  const spawn = (to: Generation, mode: "standby" | "active", wanted: (name: string) => boolean) => {
    const known = to.slots.length;
    supervisor.slots.spawn(to, mode, wanted);
    const added = to.slots.slice(known);
    added.forEach(({ worker }, number) => {
      forwardEvents(worker, known + number, send);
    });
    const slots = added.map(({ process: { name }, index, worker }, number) => ({
      worker: known + number,
      process: name,
      index,
      pid: worker.pid,
    }));
    send({ type: "spawned", slots });
  };
  const load = async (names: string[]) => {
    late = names;
    generation = await makeGeneration();
    supervisor.serve(generation);
    spawn(generation, "standby", (name) => !late.includes(name));
  };
  const receive = (message: ToSuccessor, handle: RawHandle | undefined) => {
    const worker = "worker" in message ? generation?.slots[message.worker]?.worker : undefined;
    switch (message.type) {
      case "listener":
        if (handle) supervisor.parts.listeners.adopt(message.key, handle);
        return;
      case "load":
        load(message.late).catch((error) => send({ type: "failed", message: messageOf(error) }));
        return;
      case "loadLate":
        if (generation) spawn(generation, "active", (name) => late.includes(name));
        return;
      case "request":
        worker?.send(message.request, handle, () => handle?.close());
        return;
      case "kill":
        worker?.kill(message.signal);
        return;
      case "takeOver":
        tookOver = true;
        takeOver().then(() => send({ type: "tookOver" }));
    }
  };
  (process as EventEmitter).on("message", receive);
  process.on("disconnect", () => onGone(tookOver));
}

/** Everything that a worker says to the old supervisor's loop, in its order. */
function forwardEvents(
  worker: WorkerHandle,
  number: number,
  send: (message: FromSuccessor, handle?: RawHandle) => void,
): void {
  worker.tap((event, handle) => {
    if (isForLoop(event)) send({ type: "event", worker: number, event }, handle);
  });
  worker.once("exit", ({ code, signal }) => send({ type: "exit", worker: number, code, signal }));
}

function isForLoop(event: WorkerEvent): boolean {
  if (event.type === "reply") return event.id >= FORWARDED_IDS;
  return ["ready", "failed", "connection", "sent", "adopted", "carries", "lateAccess"].includes(
    event.type,
  );
}
