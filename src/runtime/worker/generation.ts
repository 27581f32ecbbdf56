/**
 * One generation of the application in this process, driven by the supervisor.
 *
 *   loading ──ready──► standby ──activate──► active ──freeze──► frozen ──sendState──► (carried)
 *                                              ▲                  │ thaw                  │
 *                                              └──────────────────┴─── activate ◄─────────┘ hand-back
 *
 * In mode "active" it activates itself before it says that it is ready.
 *
 * In a swap two of them are loaded in one process, and `process.serving` is the one that has the
 * sockets. To activate the other one is then a takeover: the servers change hands, nothing is sent.
 * How it is left, for one in another process or in this one, is a Leaving.
 */

import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import { nowMs } from "../../platform/clock.ts";
import type { WorkerBoot, WorkerReplies, WorkerRequestWithReply } from "../../protocol/worker.ts";
import { FreezeTimeout, freeze, freezeHooks } from "../handoff/freeze.ts";
import type { Leaving } from "../handoff/leaving.ts";
import type { KeepAlive } from "../listen/keepalive.ts";
import type { ListenDesk } from "../listen/listeners.ts";
import type { EventSink } from "../node/channel.ts";
import { HandlePipe } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";
import type { Loaded } from "../swap/loader.ts";
import { TimerWatch } from "../swap/timers.ts";
import { evaluate } from "./evaluate.ts";
import { type HealthOfProcess, healthOf } from "./health.ts";
import { GenerationParts } from "./parts.ts";

type Handlers = {
  [T in WorkerRequestWithReply["type"]]: (
    request: Extract<WorkerRequestWithReply, { type: T }>,
    handle: RawHandle | undefined,
  ) => Promise<WorkerReplies[T]>;
};

/** Connections of an application's own cluster workers are out of reach. */
async function hasNoChildren(): Promise<boolean> {
  const { default: cluster } = await import("node:cluster");
  return Object.keys(cluster.workers ?? {}).length === 0;
}

type Freeze = Extract<WorkerRequestWithReply, { type: "freeze" }>;

/** What the generations of a process share. */
export interface AppProcess extends HealthOfProcess {
  readonly keepAlive: KeepAlive;
  readonly desk: ListenDesk;
  /** Has the sockets. */
  readonly serving: AppGeneration | undefined;
  /** Two are loaded: a swap is under way, or in probation. */
  readonly isSwapping: boolean;
  /** It has the sockets from now on; undefined, or the other generation that had them. */
  serveBy(generation: AppGeneration): AppGeneration | undefined;
  openConsole(request: Extract<WorkerRequestWithReply, { type: "consoleOpen" }>): Promise<null>;
  unload(generation: AppGeneration): Promise<string[]>;
}

export class AppGeneration extends GenerationParts {
  /** Loaded, and, in mode "active", serving. */
  isReady = false;
  readonly timers = new TimerWatch();
  /** Its code, where it was loaded to be swapped. */
  loaded: Loaded | undefined;
  readonly #channel: EventSink;
  readonly #process: AppProcess;
  readonly #keepAlive: KeepAlive;
  readonly #handlers: Handlers;
  /** One of the two: as it is frozen, or was left. */
  #leaving: Leaving;
  /** Requests that its last thaw found waiting. */
  #waited = Promise.resolve(0);
  /** Only the consumers stand still: requests are taken. */
  #hooksFrozen = false;
  #state: "loading" | "standby" | "active" | "frozen" = "loading";

  constructor(boot: WorkerBoot, channel: EventSink, process: AppProcess) {
    super(boot, channel, process);
    this.#channel = channel;
    this.#process = process;
    this.#keepAlive = process.keepAlive;
    this.#leaving = this.outgoing;
    this.#handlers = this.#makeHandlers();
    // A generation that waits has hooks to come; nothing else may be keeping it alive.
    this.registrations.onHook = () => {
      if (this.#state !== "active") this.#keepAlive.add(this);
    };
  }

  async run(): Promise<void> {
    try {
      await this.readiness.wait();
      this.#state = "standby";
      const { mode, strategy } = this.boot;
      if (mode === "active") await this.#activate();
      else if (this.registrations.used) this.#keepAlive.add(this);
      // In an upgrade the probation sees it, and nobody waits a second longer for it.
      if (mode === "active" && strategy === "start") await this.readiness.outliveActivate();
    } catch (error) {
      this.failed(error);
      return;
    }
    this.isReady = true;
    this.#tellSilent();
    const { states, hooks } = this.registrations;
    if (states.size > 0 || hooks.freeze.length > 0) this.traffic.ages.start();
    this.#channel.send({
      type: "ready",
      states: this.states.declared(),
      usesHot: this.registrations.used,
      accepts: this.registrations.accepts,
      drainable: await hasNoChildren(),
      announces: true,
      introduces: true,
      carries: this.carriers.any,
      freezes: hooks.freeze.length > 0,
      http: this.listeners.httpKeys,
    });
    this.carriers.onFirst = () => this.#channel.send({ type: "carries" });
  }

  /** Its code may listen only under a condition: it counts as ready all the same. */
  #tellSilent(): void {
    const { listensWithinMs, isPresent } = this.readiness;
    if (listensWithinMs === undefined || isPresent) return;
    const text = `its code listens, and in ${listensWithinMs} ms it has not; it counts as ready`;
    this.#channel.send({ type: "notice", text });
  }

  /** The first activation, a thaw and a hand-back are one thing: this generation serves. */
  async #activate(): Promise<void> {
    if (this.#state === "active") {
      if (this.#hooksFrozen) await this.registrations.run("activate");
      this.#hooksFrozen = false;
      return;
    }
    this.states.settle();
    this.#state = "active";
    this.#hooksFrozen = false;
    this.#leaving.goOn();
    this.#leaving = this.outgoing;
    const before = this.#process.serveBy(this);
    this.#waited = this.traffic.thaw();
    if (before) before.#switchOver(this);
    await this.listeners.accept();
    await this.registrations.run("activate");
    this.#keepAlive.delete(this);
  }

  /** Also of one that has thawed by itself, when its freeze ran out. */
  async #thaw(): Promise<WorkerReplies["thaw"]> {
    await this.#activate();
    const waited = await this.#waited;
    this.#waited = Promise.resolve(0);
    return { waited, listens: this.listeners.keyTexts };
  }

  #switchOver(to: AppGeneration): void {
    this.#state = "frozen";
    this.#leaving = this.staying;
    this.staying.switchOver(to);
  }

  async #freeze({ timeoutMs, hooksOnly }: Freeze): Promise<WorkerReplies["freeze"]> {
    this.#keepAlive.add(this);
    if (hooksOnly && !this.carriers.any) return this.#freezeHooks(timeoutMs);
    this.#state = "frozen";
    this.incoming.allArrived();
    this.#leaving = this.#process.isSwapping ? this.staying : this.outgoing;
    try {
      const how = { timeoutMs, holdsRequests: !hooksOnly };
      const frozen = await freeze(this.#leaving, this.traffic, this.registrations, how);
      this.#hooksFrozen = true;
      return frozen;
    } catch (error) {
      await this.#activate();
      throw error;
    }
  }

  /** A stop comes without a freeze before it: consumers stop first, then everything is closed. */
  async #dispose(): Promise<null> {
    if (!this.#hooksFrozen) await this.registrations.run("freeze");
    await this.registrations.run("dispose");
    // No thaw comes any more: after SIGTERM it lives for what its code holds, as under plain Node.
    // After a swap the process goes on, and none is to be heard by us alone.
    if (!this.#process.isSwapping && process.listenerCount("SIGTERM") > 0) {
      process.prependOnceListener("SIGTERM", () => this.#keepAlive.delete(this));
    }
    return null;
  }

  /** An application without state goes on taking requests; only its consumers stop. */
  async #freezeHooks(timeoutMs: number): Promise<WorkerReplies["freeze"]> {
    try {
      await freezeHooks(this.registrations, timeoutMs);
    } catch (error) {
      await this.registrations.run("activate");
      throw error;
    }
    this.#hooksFrozen = true;
    return { underWay: 0, frozenAtMs: nowMs(), connections: this.outgoing.size };
  }

  /** From the generation that serves in this process. */
  async #carryHere(check: boolean): Promise<WorkerReplies["swapCarry"]> {
    const from = this.#process.serving;
    if (from === undefined) throw new Error("no other generation serves here");
    // Handed back before the other one was activated: it has never been anybody else's.
    if (from === this) return { states: [] };
    const how = {
      isLoading: this.#state === "standby",
      hasGoneOn: from.#state === "frozen",
      check,
    };
    return { states: await this.states.takeFrom(from.states, how) };
  }

  /** One without state was not frozen: here it stops to take new requests. */
  #leave(): Leaving {
    this.#keepAlive.add(this);
    this.#state = "frozen";
    this.incoming.allArrived();
    return this.#leaving;
  }

  #makeHandlers(): Handlers {
    return {
      activate: () => this.#activate().then(() => ({ listens: this.listeners.keyTexts })),
      freeze: (request) => this.#freeze(request),
      thaw: () => this.#thaw(),
      sendState: (request, handle) =>
        this.states.send(request, handle!, { hasGoneOn: this.#state === "frozen" }),
      receiveState: ({ check = false }, handle) =>
        this.states.receive(handle!, { isLoading: this.#state === "standby", check }),
      introduce: async () => ({ introduced: await this.outgoing.introduce() }),
      announce: async () => ({ announced: await this.outgoing.announce() }),
      awaitAnnounced: async () => ({ present: await this.incoming.expected.whenPresent() }),
      moveConnections: ({ listens }) =>
        this.#leave().move(this.registrations.states.size === 0, listens),
      drain: ({ drainMs, webSocketDrainMs }) => this.#leave().drain(drainMs, webSocketDrainMs),
      dispose: () => this.#dispose(),
      swapCarry: ({ check = false }) => this.#carryHere(check),
      unload: async () => ({ running: await this.#process.unload(this) }),
      health: (asked) => healthOf(this, this.#process, asked),
      evaluate: ({ expression, maxBytes }) => evaluate(expression, this.scope(), maxBytes),
      consoleOpen: (request) => this.#process.openConsole(request),
    };
  }

  /** A way from or to the generation in another process that it changes hands with. */
  pipe(direction: "out" | "in", end: RawHandle): void {
    const pipe = new HandlePipe(end);
    if (direction === "out") {
      this.outgoing.departBy(pipe, this.boot.slot, () => this.staying.isAnswering);
    } else {
      this.carriers.stay();
      this.incoming.expected.listen(pipe);
    }
  }

  knows(type: string): type is WorkerRequestWithReply["type"] {
    return Object.hasOwn(this.#handlers, type);
  }

  /** `sink`: of whoever asked. */
  async answer(
    request: WorkerRequestWithReply,
    handle: RawHandle | undefined,
    sink: EventSink,
  ): Promise<void> {
    const { id, type } = request;
    try {
      const value = await this.#handlers[type](request as never, handle);
      sink.send({ type: "reply", id, value });
    } catch (error) {
      const holders = error instanceof FreezeTimeout ? { holders: error.holders } : {};
      sink.send({ type: "reply", id, error: errorToJson(error), ...holders });
    }
  }

  get hooks(): object[] {
    return Object.values(this.registrations.hooks).flat();
  }

  /** Nothing in this process refers to it any more. */
  unload(): void {
    this.listeners.dismantle();
    this.traffic.unload();
    this.staying.forget();
    this.#keepAlive.delete(this);
    this.loaded = undefined;
  }

  /** What `rpc` and `console` have at hand. */
  scope() {
    return { entry: this.boot.entry, hot: this.hot, registrations: this.registrations };
  }

  failed(error: unknown): void {
    const { name, version } = this.boot;
    const problem = messageOf(error);
    const failure =
      error instanceof TsugiError
        ? error
        : new TsugiError("TSUGI_LOAD_FAILED", { name, version, problem }, { cause: error });
    this.#channel.send({ type: "failed", error: errorToJson(failure) });
  }
}
