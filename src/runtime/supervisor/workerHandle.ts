/** The supervisor's end of one worker: spawn, requests with replies, events, the end. */
import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter } from "node:events";
import { type ErrorJson, errorFromJson, TsugiError } from "../../errors.ts";
import {
  type ConnectionMeta,
  type DeclaredState,
  ENVELOPE,
  type Envelope,
  type Holder,
  type ListenKey,
  type WorkerBoot,
  type WorkerEvent,
  type WorkerReplies,
  type WorkerRequest,
  type WorkerRequestWithReply,
} from "../../protocol/worker.ts";
import type { RawHandle } from "./listeners.ts";

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

export interface WorkerReady {
  states: DeclaredState[];
  usesHot: boolean;
  accepts: boolean;
  drainable: boolean;
}

export interface WorkerExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

interface WorkerEvents {
  output: [stream: "stdout" | "stderr", chunk: Buffer];
  listen: [id: number, key: ListenKey, flags: number];
  unlisten: [key: ListenKey];
  connection: [meta: ConnectionMeta, handle: RawHandle];
  adopted: [quietMs: number];
  consoleOutput: [session: number, data: string];
  consoleClosed: [session: number];
  lateAccess: [state: string];
  notice: [text: string];
  exit: [exit: WorkerExit];
}

type BodyOf<K extends keyof WorkerReplies> = Omit<
  Extract<WorkerRequestWithReply, { type: K }>,
  "id" | "type"
>;
type Pending = { resolve: (value: unknown) => void; reject: (error: Error) => void };

/** A freeze that ran out says what held it. */
export class FreezeHeldError extends TsugiError {
  readonly holders: Holder[];
  constructor(error: ErrorJson, holders: Holder[]) {
    super("TSUGI_FREEZE_TIMEOUT", error.details ?? {});
    this.message = error.message;
    this.holders = holders;
  }
}

export class WorkerHandle extends EventEmitter<WorkerEvents> {
  readonly pid: number;
  readonly boot: WorkerBoot;
  readonly ready: Promise<WorkerReady>;
  readonly exited: Promise<WorkerExit>;
  /** Set once `ready` has resolved. */
  declared: WorkerReady | undefined;
  healthy = true;
  /** Null while it runs. */
  exit: WorkerExit | null = null;

  readonly #child: ChildProcess;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #settleReady!: Pending;

  constructor(spec: WorkerSpec) {
    super();
    this.boot = spec.boot;
    this.#child = spawn(spec.node, [...spec.nodeArgs, "--import", spec.preload, spec.boot.entry], {
      cwd: spec.cwd,
      env: { ...spec.env, TSUGI_WORKER: JSON.stringify(spec.boot) },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.pid = this.#child.pid ?? 0;
    this.ready = new Promise((resolve, reject) => {
      this.#settleReady = { resolve: resolve as (value: unknown) => void, reject };
    });
    this.ready.catch(() => {}); // whoever waits for it sees the rejection
    this.exited = new Promise((resolve) => this.once("exit", resolve));
    this.#attach();
  }

  #attach(): void {
    const child = this.#child;
    child.stdout?.on("data", (chunk) => this.emit("output", "stdout", chunk));
    child.stderr?.on("data", (chunk) => this.emit("output", "stderr", chunk));
    const receive = (message: Envelope<WorkerEvent>, handle: RawHandle | undefined) => {
      if (message?.cmd === ENVELOPE) this.#receive(message.tsugi, handle);
    };
    (child as EventEmitter).on("internalMessage", receive);
    child.on("error", (error) => this.#end({ code: null, signal: null }, error.message));
    child.on("exit", (code, signal) => this.#end({ code, signal }));
  }

  #receive(event: WorkerEvent, handle: RawHandle | undefined): void {
    switch (event.type) {
      case "reply":
        this.#settle(event);
        return;
      case "ready":
        this.declared = event;
        this.#settleReady.resolve(event);
        return;
      case "failed":
        this.#settleReady.reject(errorFromJson(event.error));
        return;
      case "listen":
        this.emit("listen", event.id, event.key, event.flags);
        return;
      case "unlisten":
        this.emit("unlisten", event.key);
        return;
      case "connection":
        // The peer may have closed while the handle was on its way: then there is none.
        if (handle) this.emit("connection", event.meta, handle);
        return;
      case "adopted":
        this.emit("adopted", event.quietMs);
        return;
      case "consoleOutput":
        this.emit("consoleOutput", event.session, event.data);
        return;
      case "consoleClosed":
        this.emit("consoleClosed", event.session);
        return;
      case "lateAccess":
        this.emit("lateAccess", event.state);
        return;
      case "notice":
        this.emit("notice", event.text);
    }
  }

  #settle(reply: Extract<WorkerEvent, { type: "reply" }>): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!pending) return;
    if (!("error" in reply)) pending.resolve(reply.value);
    else if (reply.holders) pending.reject(new FreezeHeldError(reply.error, reply.holders));
    else pending.reject(errorFromJson(reply.error));
  }

  #end(exit: WorkerExit, problem?: string): void {
    if (this.exit !== null) return;
    this.exit = exit;
    const why = problem ?? describeExit(exit);
    const error = new TsugiError("TSUGI_WORKER_DIED", {
      process: this.boot.process,
      slot: this.boot.slot,
      pid: this.pid,
      why,
    });
    this.#settleReady.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.emit("exit", exit);
  }

  /** Sends a request (with a raw handle beside it) and resolves with the worker's reply. */
  request<K extends keyof WorkerReplies>(
    request: { type: K } & BodyOf<K>,
    options: { timeoutMs: number; handle?: RawHandle },
  ): Promise<WorkerReplies[K]> {
    const id = this.#nextId++;
    const { type } = request;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        const { process, slot } = this.boot;
        const details = { process, slot, pid: this.pid, request: type };
        reject(new TsugiError("TSUGI_WORKER_SILENT", { ...details, timeoutMs: options.timeoutMs }));
      }, options.timeoutMs);
      const done = () => clearTimeout(timer);
      this.#pending.set(id, {
        resolve: (value) => {
          done();
          resolve(value as WorkerReplies[K]);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.send({ ...request, id } as unknown as WorkerRequest, options.handle);
    });
  }

  /** `onSent` is called when the message (and with it the handle) has left this process. */
  send(request: WorkerRequest, handle?: RawHandle, onSent?: () => void): void {
    if (!this.#child.connected) {
      onSent?.();
      return;
    }
    const envelope: Envelope<WorkerRequest> = { cmd: ENVELOPE, tsugi: request };
    this.#child.send(envelope, handle as never, { keepOpen: true }, () => onSent?.());
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

export const describeExit = (exit: WorkerExit): string =>
  exit.signal ? `it was ended by ${exit.signal}` : `it exited with code ${exit.code}`;
