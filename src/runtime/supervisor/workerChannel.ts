/**
 * How messages and handles get to a worker and back. A worker is either a child of this process
 * (here) or, while a successor takes over, a child of that one (successor.ts).
 */
import { pathToFileURL } from "node:url";
import { WORKER_ID } from "../../platform/processTable.ts";
import {
  ENVELOPE,
  type Envelope,
  movesConnections,
  type WorkerBoot,
  type WorkerEvent,
  type WorkerRequest,
} from "../../protocol/worker.ts";
import { wholeWorkerEvent } from "../../protocol/workerEvent.ts";
import { HandleQueue } from "../node/handleQueue.ts";
import { onInternalMessage } from "../node/messages.ts";
import { Family } from "./family.ts";
import type { RawHandle } from "./listeners.ts";
import { spawnWithOutput } from "./spawning.ts";

export interface WorkerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Why it never ran, where spawning failed. */
  problem?: string;
}

export interface WorkerChannel {
  readonly pid: number;
  /** `onSent`: the message, and with it the handle, has left this process, or never will. */
  send(request: WorkerRequest, handle?: RawHandle, onSent?: () => void, generation?: number): void;
  kill(signal: NodeJS.Signals): void;
  /** `generation`: of those that were loaded beside the first one. */
  onEvent(
    listener: (
      event: WorkerEvent,
      handle: RawHandle | undefined,
      generation?: number | undefined,
    ) => void,
  ): void;
  onOutput(listener: (stream: "stdout" | "stderr", chunk: Buffer) => void): void;
  readonly outputEnded: Promise<void>;
  /** What it has started itself, after its end. */
  readonly family?: Family;
  onExit(listener: (exit: WorkerExit) => void): void;
}

/** Everything that a worker is started with. Paths are absolute. */
export interface WorkerSpec {
  node: string;
  /** `lib/tsugi-<vsn>/worker.mjs` of the release. */
  preload: string;
  nodeArgs: string[];
  cwd: string;
  env: Record<string, string>;
  boot: WorkerBoot;
}

/**
 * What is said to a worker before its code listens: Node reads the channel from the process's first moment,
 * and gives what nobody listens for to nobody. An answer would never come.
 */
class BeforeItHears {
  #waiting: { say: () => void; onGone: () => void }[] | undefined = [];

  /** At once, or with its first word; `onGone` instead where it never comes to that. */
  say(say: () => void, onGone: () => void): void {
    if (this.#waiting === undefined) say();
    else this.#waiting.push({ say, onGone });
  }

  itHears(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const { say } of waiting) say();
  }

  end(): void {
    for (const { onGone } of this.#waiting?.splice(0) ?? []) onGone();
  }
}

/** Spawns a worker as a child of this process. */
export function spawnChannel(spec: WorkerSpec): WorkerChannel {
  // As a URL: a root may have a space, a # or a % in its path.
  const preload = pathToFileURL(spec.preload).href;
  const args = [...spec.nodeArgs, "--import", preload, spec.boot.entry, ...(spec.boot.args ?? [])];
  const family = new Family();
  const { child, output } = spawnWithOutput(spec.node, args, {
    cwd: spec.cwd,
    env: { ...spec.env, [WORKER_ID]: family.id, TSUGI_WORKER: JSON.stringify(spec.boot) },
    ipc: true,
  });
  family.worker = child.pid;
  const connections = new HandleQueue();
  const before = new BeforeItHears();
  const end = () => {
    before.end();
    connections.end();
  };
  for (const event of ["disconnect", "exit", "error"]) child.once(event, end);
  onInternalMessage(child, (message) => {
    if ((message as Envelope<WorkerEvent> | null)?.cmd === ENVELOPE) before.itHears();
  });
  return {
    pid: child.pid ?? 0,
    send(request, handle, onSent, generation) {
      if (!child.connected) {
        onSent?.();
        return;
      }
      const envelope: Envelope<WorkerRequest> = { cmd: ENVELOPE, tsugi: request };
      if (generation !== undefined) envelope.generation = generation;
      const post = (sent: () => void) => child.send(envelope, handle as never, {}, sent);
      const gone = () => onSent?.();
      before.say(
        () => (movesConnections(request) ? connections.add(post, gone) : post(gone)),
        gone,
      );
    },
    kill: (signal) => void child.kill(signal),
    onEvent(listener) {
      const receive = (message: Envelope<WorkerEvent>, handle: RawHandle | undefined) => {
        if (message?.cmd !== ENVELOPE) return;
        const event = wholeWorkerEvent(message.tsugi);
        if (event) listener(event, handle, message.generation);
        else handle?.close();
      };
      onInternalMessage(child, receive as never);
    },
    onOutput: output.listen,
    outputEnded: output.ended,
    family,
    onExit(listener) {
      child.once("error", (error) =>
        listener({ code: null, signal: null, problem: error.message }),
      );
      child.once("exit", (code, signal) => listener({ code, signal }));
    },
  };
}
