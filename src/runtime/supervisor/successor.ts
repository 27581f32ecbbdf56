/** The old supervisor's end of a succession (protocol/succession.ts). */

import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { faultOfSuccessor } from "../../platform/faults.ts";
import { identityOf, isAlive } from "../../platform/processes.ts";
import { spawnChild } from "../../platform/spawn.ts";
import { SUPERVISOR_ARGUMENTS } from "../../platform/supervisorArguments.ts";
import { type Resolvers, until, within, withResolvers } from "../../platform/waiting.ts";
import {
  FORWARDED_IDS,
  type FromSuccessor,
  type Succession,
  type ToSuccessor,
} from "../../protocol/succession.ts";
import { movesConnections, type WorkerEvent } from "../../protocol/worker.ts";
import type { Layout } from "../../release/layout.ts";
import { HandleQueue } from "../node/handleQueue.ts";
import type { Generation } from "./generation.ts";
import type { ListenerTable, RawHandle } from "./listeners.ts";
import { sweepRunFiles } from "./runFiles.ts";
import type { WorkerChannel, WorkerExit } from "./workerChannel.ts";
import { WorkerHandle } from "./workerHandle.ts";

/** How long its workers may take to notice. */
const GONE_MS = 10_000;

interface RemoteWorker {
  onEvent?: (event: WorkerEvent, handle: RawHandle | undefined) => void;
  onExit?: (exit: WorkerExit) => void;
  /** What came before anybody listened. */
  early: (() => void)[];
}

export class Successor {
  readonly #child: ChildProcess;
  readonly #workers: RemoteWorker[] = [];
  readonly #connections = new HandleQueue();
  readonly #next: Generation;
  readonly #layout: Layout;
  #isAbandoned = false;
  #spawned: Resolvers<Spawned["slots"]> | null = null;
  #gone: TsugiError | null = null;
  #tookOver: Resolvers<void> | null = null;

  constructor(next: Generation, layout: Layout, env: NodeJS.ProcessEnv, foreground: boolean) {
    this.#next = next;
    this.#layout = layout;
    this.#child = spawnSupervisor(next, layout, env, foreground);
    this.#child.on("message", (message: FromSuccessor, handle) =>
      this.#receive(message, handle as unknown as RawHandle | undefined),
    );
    this.#child.once("disconnect", () => this.#connections.end());
    this.#child.once("error", (error) => this.#end(error.message));
    this.#child.once("exit", (code, signal) => {
      this.#end(`it ended (${signal ?? code})`);
      if (this.#isAbandoned) void this.#sweep();
    });
  }

  /** Hands over the listening sockets and fills the generation with workers of the other process. */
  async load(listeners: ListenerTable, late: string[]): Promise<void> {
    for (const { key, handle } of listeners.entries()) {
      this.#send({ type: "listener", key }, handle);
    }
    await this.#spawn({ type: "load", late });
  }

  /** What could not be loaded while the old generation ran. */
  loadLate(): Promise<void> {
    return this.#spawn({ type: "loadLate" });
  }

  async #spawn(message: ToSuccessor): Promise<void> {
    const spawned = withResolvers<Spawned["slots"]>();
    this.#spawned = spawned;
    if (this.#gone) throw this.#gone;
    this.#send(message);
    for (const { worker: number, process: name, index, pid } of await this.#inTime(
      spawned.promise,
    )) {
      const process = this.#next.plan.manifest.processes.find((one) => one.name === name)!;
      const boot = this.#next.specOf(process, index, "standby").boot;
      const worker = new WorkerHandle(this.#channel(number, pid), boot, FORWARDED_IDS);
      this.#next.slots.push({ process, index, worker, restarts: 0 });
    }
  }

  /**
   * After it resolves, `run/` is the other's. @throws TSUGI_TAKE_OVER_FAILED, when nothing of it runs
   */
  async takeOver(): Promise<void> {
    try {
      if (this.#gone) throw this.#gone;
      this.#tookOver = withResolvers<void>();
      this.#send({ type: "takeOver" });
      await this.#inTime(this.#tookOver.promise);
    } catch (error) {
      this.abandon();
      await this.#allGone();
      const why = String(error instanceof TsugiError ? error.details.why : error);
      const details = { version: this.#next.version, why, bin: this.#layout.bin };
      throw new TsugiError("TSUGI_TAKE_OVER_FAILED", details, { cause: error });
    }
  }

  /** Its workers end by themselves when it is gone. */
  async #allGone(): Promise<void> {
    const workers = this.#next.slots.map(({ worker }) => identityOf(worker.pid));
    await until(() => this.#gone !== null && !workers.some(isAlive), GONE_MS);
  }

  /** @throws TSUGI_SUCCESSOR_DIED where it says nothing for as long as a release may take to be ready */
  async #inTime<T>(answer: Promise<T>): Promise<T> {
    const { readyMs } = this.#next.settings.timeouts;
    return within(readyMs, answer, () => {
      const why = `it has not answered within ${readyMs} ms`;
      throw new TsugiError("TSUGI_SUCCESSOR_DIED", { why, bin: this.#layout.bin });
    });
  }

  /** Ends it, and with it its workers. */
  abandon(): void {
    this.#isAbandoned = true;
    // One that has died by itself has been seen to exit already.
    if (!this.#child.kill("SIGKILL")) void this.#sweep();
  }

  /** It may have been ended in the middle of a write. */
  async #sweep(): Promise<void> {
    const { pid } = this.#child;
    if (pid !== undefined) await sweepRunFiles(this.#layout, pid).catch(() => {});
  }

  #channel(number: number, pid: number): WorkerChannel {
    const remote = this.#workerAt(number);
    return {
      pid,
      send: (request, handle, onSent = () => {}) => {
        const post = (sent: () => void) =>
          this.#send({ type: "request", worker: number, request }, handle, sent);
        if (movesConnections(request)) this.#connections.add(post, onSent);
        else post(onSent);
      },
      kill: (signal) => this.#send({ type: "kill", worker: number, signal }),
      onEvent: (listener) => {
        remote.onEvent = listener;
        queueMicrotask(() => {
          for (const deliver of remote.early.splice(0)) deliver();
        });
      },
      // Its own supervisor writes the log.
      onOutput: () => {},
      outputEnded: Promise.resolve(),
      onExit: (listener) => {
        remote.onExit = listener;
      },
    };
  }

  #workerAt(number: number): RemoteWorker {
    this.#workers[number] ??= { early: [] };
    return this.#workers[number];
  }

  #receive(message: FromSuccessor, handle: RawHandle | undefined): void {
    switch (message.type) {
      case "spawned":
        this.#spawned?.resolve(message.slots);
        return;
      case "failed":
        this.#end(message.message);
        return;
      case "tookOver":
        this.#tookOver?.resolve();
        return;
      case "exit":
        this.#deliver(message.worker, (remote) => remote.onExit?.(message));
        return;
      case "event":
        this.#deliver(message.worker, (remote) => remote.onEvent?.(message.event, handle));
    }
  }

  #deliver(number: number, act: (remote: RemoteWorker) => void): void {
    const remote = this.#workerAt(number);
    if (remote.onEvent) act(remote);
    else remote.early.push(() => act(remote));
  }

  #send(message: ToSuccessor, handle?: RawHandle, onSent?: () => void): void {
    if (!this.#child.connected) {
      onSent?.();
      return;
    }
    this.#child.send(message, handle as never, {}, () => onSent?.());
  }

  #end(why: string): void {
    this.#gone = new TsugiError("TSUGI_SUCCESSOR_DIED", { why });
    this.#connections.end();
    this.#spawned?.reject(this.#gone);
    this.#tookOver?.reject(this.#gone);
    const problem = `the new supervisor is gone: ${why}`;
    for (const remote of this.#workers) remote?.onExit?.({ code: null, signal: null, problem });
  }
}

type Spawned = Extract<FromSuccessor, { type: "spawned" }>;

function spawnSupervisor(
  next: Generation,
  layout: Layout,
  env: NodeJS.ProcessEnv,
  foreground: boolean,
): ChildProcess {
  const { manifest, releaseId, previous, number, listening } = next.plan;
  const succession: Succession = { generation: number, previous: previous ?? "", listening };
  const boot = {
    format: 1,
    root: layout.root,
    name: manifest.name,
    version: manifest.version,
    releaseId,
    mode: foreground ? "foreground" : "daemon",
    succession,
  };
  const output = foreground ? "inherit" : "ignore";
  const module = join(layout.library(manifest.tsugi.dir), "supervisor.mjs");
  return spawnChild(layout.node(manifest.runtime.dir), [...SUPERVISOR_ARGUMENTS, module], {
    cwd: layout.root,
    env: { ...env, TSUGI_FAULT: faultOfSuccessor, TSUGI_SUPERVISOR: JSON.stringify(boot) },
    stdio: ["ignore", output, output, "ipc"],
    serialization: "advanced",
    detached: true,
  });
}
