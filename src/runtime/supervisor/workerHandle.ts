/** The supervisor's end of one worker: spawn, requests with replies, events, the end. */

import { EventEmitter } from "node:events";
import {
  type DetailsOf,
  type ErrorJson,
  errorFromJson,
  TsugiError,
} from "../../contract/errors.ts";
import { withResolvers } from "../../platform/waiting.ts";
import type {
  Holder,
  WorkerBoot,
  WorkerEvent,
  WorkerReady,
  WorkerReplies,
  WorkerRequest,
  WorkerRequestWithReply,
} from "../../protocol/worker.ts";
import type { Family, FamilyEnd } from "./family.ts";
import { GenerationsInWorker } from "./generationsInWorker.ts";
import type { RawHandle } from "./listeners.ts";
import { LastWords } from "./log/lastWords.ts";
import type { WorkerChannel, WorkerExit } from "./workerChannel.ts";

/** Each event of the worker by its name, and what the process itself does. */
type WorkerEvents = {
  [Type in WorkerEvent["type"]]: [
    event: Extract<WorkerEvent, { type: Type }>,
    handle: RawHandle | undefined,
  ];
} & {
  output: [stream: "stdout" | "stderr", chunk: Buffer];
  exit: [exit: WorkerExit];
};

type BodyOf<K extends keyof WorkerReplies> = Omit<
  Extract<WorkerRequestWithReply, { type: K }>,
  "id" | "type"
>;
type Pending = { resolve: (value: unknown) => void; reject: (error: Error) => void };

/** A freeze that ran out says what held it. */
class FreezeHeldError extends TsugiError<"TSUGI_FREEZE_TIMEOUT"> {
  readonly holders: Holder[];
  constructor(error: ErrorJson, holders: Holder[]) {
    super("TSUGI_FREEZE_TIMEOUT", error.details as DetailsOf<"TSUGI_FREEZE_TIMEOUT">);
    this.message = error.message;
    this.holders = holders;
  }
}

export class WorkerHandle extends EventEmitter<WorkerEvents> {
  readonly pid: number;
  readonly boot: WorkerBoot;
  readonly #ready = withResolvers<WorkerReady>();
  readonly ready = this.#ready.promise;
  readonly exited: Promise<WorkerExit>;
  /** It prints nothing any more: after its end, unless a process that it has left behind does. */
  readonly outputEnded: Promise<void>;
  readonly lastWords = new LastWords();
  /** What it has started itself; undefined where another supervisor sees to that. */
  readonly family: Family | undefined;
  /** Resolves when none of them is left, or has to be given up. */
  familyEnded: Promise<FamilyEnd> | undefined;
  /** It did not end by SIGTERM. */
  wasKilled = false;
  /** Why it was ended, where that was not asked for. */
  failure: string | undefined;
  /** Set once `ready` has resolved. */
  declared: WorkerReady | undefined;
  /** As of the last health check. */
  health: WorkerReplies["health"] = { healthy: true };
  /** Sockets of streams, by their keys. */
  readonly listening = new Set<string>();
  /** The same, as it told when it began to serve: whoever starts it, and unless it is older. */
  servesAt: string[] | undefined;
  /** Connections that were carried to it and that it has closed: how many, by why. */
  readonly refused = new Map<string, number>();
  /** Null while it runs. */
  exit: WorkerExit | null = null;

  readonly #channel: WorkerChannel;
  /** Shared by the handles of all generations in one process. */
  readonly #generations: GenerationsInWorker;
  readonly #pending = new Map<number, Pending>();
  #nextId: number;
  #gone: TsugiError | null = null;
  /** When it was asked what it has not answered: since its last word. */
  #askedAt: number | undefined;

  /** `firstId`: requests of two supervisors to one worker must not have the same ids. */
  constructor(
    channel: WorkerChannel,
    boot: WorkerBoot,
    firstId = 1,
    generations = new GenerationsInWorker(channel, boot.generation),
  ) {
    super();
    this.#generations = generations;
    this.boot = boot;
    this.pid = channel.pid;
    this.#channel = channel;
    this.#nextId = firstId;
    this.ready.catch(() => {}); // whoever waits for it sees the rejection
    this.exited = new Promise((resolve) => this.once("exit", resolve));
    this.outputEnded = channel.outputEnded;
    this.family = channel.family;
    generations.add(boot.generation, {
      onEvent: (event, handle) => this.#receive(event, handle),
      onOutput: (stream, chunk) => this.emit("output", stream, chunk),
      onExit: (exit) => this.#end(exit),
    });
  }

  /** Another generation in the same process: a handle of its own, with the same pid. */
  forSwap(boot: WorkerBoot): WorkerHandle {
    return new WorkerHandle(this.#channel, boot, 1, this.#generations);
  }

  /** The process stays; of this generation nothing does. Resolves with what can still run. */
  async unload(timeoutMs: number): Promise<string[]> {
    await this.request({ type: "dispose" }, { timeoutMs }).catch(() => null);
    const { running } = await this.request({ type: "unload" }, { timeoutMs });
    this.#generations.delete(this.boot.generation);
    return running;
  }

  /** Hears every event before it is handled here: how a successor passes them on. */
  tap(listener: (event: WorkerEvent, handle: RawHandle | undefined) => void): void {
    this.#channel.onEvent(listener);
  }

  /** For how long it has owed an answer, and said nothing else either. */
  get silentMs(): number {
    return this.#askedAt === undefined ? 0 : performance.now() - this.#askedAt;
  }

  #receive(event: WorkerEvent, handle: RawHandle | undefined): void {
    this.#askedAt = undefined;
    if (event.type === "reply") this.#settle(event);
    if (event.type === "failed") this.#ready.reject(errorFromJson(event.error));
    if (event.type === "carries" && this.declared) this.declared.carries = true;
    if (event.type === "ready") {
      this.declared = event;
      this.#ready.resolve(event);
    }
    (this as EventEmitter).emit(event.type, event, handle);
  }

  #settle(reply: Extract<WorkerEvent, { type: "reply" }>): void {
    const pending = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (!pending) return;
    if (!("error" in reply)) pending.resolve(reply.value);
    else if (reply.holders) pending.reject(new FreezeHeldError(reply.error, reply.holders));
    else pending.reject(errorFromJson(reply.error));
  }

  #end(exit: WorkerExit): void {
    if (this.exit !== null) return;
    this.exit = exit;
    const why = describeExit(exit);
    const error = new TsugiError("TSUGI_WORKER_DIED", {
      process: this.boot.process,
      slot: this.boot.slot,
      pid: this.pid,
      why,
    });
    this.#gone = error;
    this.#ready.reject(error);
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.emit("exit", exit);
  }

  /** Sends a request (with a raw handle beside it) and resolves with the worker's reply. */
  request<K extends keyof WorkerReplies>(
    request: { type: K } & BodyOf<K>,
    options: { timeoutMs: number; handle?: RawHandle },
  ): Promise<WorkerReplies[K]> {
    if (this.#gone !== null) return Promise.reject(this.#gone);
    const id = this.#nextId++;
    const { type } = request;
    this.#askedAt ??= performance.now();
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

  send(request: WorkerRequest, handle?: RawHandle, onSent?: () => void): void {
    const { generation } = this.boot;
    if (request.type === "activate" || request.type === "thaw") {
      this.#generations.speaking = generation;
    }
    this.#channel.send(request, handle, onSent, this.#generations.addressOf(generation));
  }

  kill(signal: NodeJS.Signals): void {
    this.#channel.kill(signal);
  }
}

export function describeExit(exit: WorkerExit): string {
  if (exit.problem !== undefined) return exit.problem;
  return exit.signal ? `it was ended by ${exit.signal}` : `it exited with code ${exit.code}`;
}
