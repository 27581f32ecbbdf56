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
 */

import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import { createHot, HotRegistry } from "../../hot/registry.ts";
import type { Hot } from "../../hot/types.ts";
import { nowMs } from "../../platform/clock.ts";
import type {
  ConnectionMeta,
  Measured,
  WorkerBoot,
  WorkerReplies,
  WorkerRequestWithReply,
} from "../../protocol/worker.ts";
import { Carriers } from "../handoff/carriers.ts";
import { FreezeTimeout, freeze, freezeHooks } from "../handoff/freeze.ts";
import { Incoming } from "../handoff/incoming.ts";
import { Outgoing } from "../handoff/outgoing.ts";
import { drainOwnWorkers } from "../handoff/ownWorkers.ts";
import type { KeepAlive } from "../listen/keepalive.ts";
import { type ListenDesk, Listeners } from "../listen/listeners.ts";
import type { EventSink } from "../node/channel.ts";
import { HandlePipe } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";
import type { Loaded } from "../swap/loader.ts";
import { TimerWatch } from "../swap/timers.ts";
import { evaluate } from "./evaluate.ts";
import type { EventLoopWatch } from "./eventLoopWatch.ts";
import { checkHealth } from "./health.ts";
import { Readiness } from "./readiness.ts";
import { States } from "./states.ts";

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
export interface AppProcess {
  readonly keepAlive: KeepAlive;
  readonly desk: ListenDesk;
  /** Has the sockets. */
  serving: AppGeneration | undefined;
  /** More than one is loaded: a swap is under way, or in probation. */
  readonly isShared: boolean;
  readonly eventLoop: EventLoopWatch;
  openConsole(request: Extract<WorkerRequestWithReply, { type: "consoleOpen" }>): Promise<null>;
  unload(generation: AppGeneration): Promise<string[]>;
  leftovers(): Pick<WorkerReplies["health"], "running" | "leaking" | "pending" | "held">;
}

export class AppGeneration {
  readonly boot: WorkerBoot;
  readonly registry = new HotRegistry();
  readonly hot: Hot;
  readonly listeners: Listeners;
  readonly readiness: Readiness;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  /** Of the registered WebSocket and TCP servers. */
  readonly carriers: Carriers;
  readonly states: States;
  /** Loaded, and, in mode "active", serving. */
  isReady = false;
  readonly timers = new TimerWatch();
  /** Its code, where it was loaded to be swapped. */
  loaded: Loaded | undefined;
  readonly #channel: EventSink;
  readonly #process: AppProcess;
  readonly #keepAlive: KeepAlive;
  readonly #handlers: Handlers;
  /** Only the consumers stand still: requests are taken. */
  #hooksFrozen = false;
  #state: "loading" | "standby" | "active" | "frozen" = "loading";

  constructor(boot: WorkerBoot, channel: EventSink, process: AppProcess) {
    this.boot = boot;
    this.#channel = channel;
    this.#process = process;
    this.#keepAlive = process.keepAlive;
    const { name, version, previous, generation, strategy, mode } = boot;
    const rehearsal = mode === "rehearsal";
    const release = { name, version, previous, generation, strategy, rehearsal };
    this.hot = createHot(this.registry, Object.freeze(release));
    this.listeners = new Listeners(channel, process.keepAlive, process.desk);
    this.readiness = new Readiness({
      listeners: this.listeners,
      registry: this.registry,
      readyAfterMs: boot.readyAfterMs,
    });
    const { listeners, registry } = this;
    this.carriers = new Carriers(registry, {
      keyOf: (socket) => this.outgoing.connections.keyOf(socket),
      serverOf: (key) => listeners.byKey(key)?.server,
      isAnswering: () => this.outgoing.isAnswering(),
      markCarried: (connection) => registry.carried.add(connection),
      onRefused: () => channel.send({ type: "refused" }),
      notice: (text) => channel.send({ type: "notice", text }),
    });
    const { carriers } = this;
    const parts = { channel, listeners, registry, carriers };
    this.outgoing = new Outgoing(parts);
    this.incoming = new Incoming(parts);
    this.states = new States(boot, registry, channel);
    this.#handlers = this.#makeHandlers();
    // A generation that waits has hooks to come; nothing else may be keeping it alive.
    registry.onHook = () => {
      if (this.#state !== "active") this.#keepAlive.hold(this);
    };
  }

  async run(): Promise<void> {
    try {
      await this.readiness.wait();
      this.#state = "standby";
      if (this.boot.mode === "active") await this.#activate();
      else if (this.registry.used) this.#keepAlive.hold(this);
    } catch (error) {
      this.failed(error);
      return;
    }
    this.isReady = true;
    const { states, hooks } = this.registry;
    if (states.size > 0 || hooks.freeze.length > 0) this.outgoing.ages.start();
    this.#channel.send({
      type: "ready",
      states: this.states.declared(),
      usesHot: this.registry.used,
      accepts: this.registry.accepts,
      drainable: await hasNoChildren(),
      announces: true,
      carries: this.carriers.any,
      freezes: hooks.freeze.length > 0,
    });
    this.carriers.onFirst = () => this.#channel.send({ type: "carries" });
  }

  /** The first activation, a thaw and a hand-back are one thing: this generation serves. */
  async #activate(): Promise<void> {
    if (this.#state === "active") {
      if (this.#hooksFrozen) await this.registry.run("activate");
      this.#hooksFrozen = false;
      return;
    }
    this.states.settle();
    this.#state = "active";
    this.#hooksFrozen = false;
    const before = this.#process.serving;
    this.#process.serving = this;
    if (before !== undefined && before !== this) this.#takeOver(before);
    else this.outgoing.open();
    this.#enterFolder();
    await this.listeners.accept();
    await this.registry.run("activate");
    this.#keepAlive.release(this);
  }

  /** After a swap, relative paths lead into the version that serves. */
  #enterFolder(): void {
    const { appDir } = this.boot;
    if (!this.#process.isShared || appDir === undefined) return;
    try {
      process.chdir(appDir);
    } catch (error) {
      this.#channel.send({ type: "notice", text: `${appDir}: ${messageOf(error)}` });
    }
  }

  /** In one turn of the event loop, however many connections and however much state there is. */
  #takeOver(before: AppGeneration): void {
    this.outgoing.open();
    this.outgoing.inheritFrom(before.outgoing);
    before.#state = "frozen";
    before.outgoing.switchOver(this, () => {
      this.listeners.takeFrom(before.listeners);
      before.listeners.retire();
    });
  }

  async #freeze({ timeoutMs, hooksOnly }: Freeze): Promise<WorkerReplies["freeze"]> {
    this.#keepAlive.hold(this);
    if (hooksOnly && !this.carriers.any) return this.#freezeHooks(timeoutMs);
    this.#state = "frozen";
    this.incoming.allArrived();
    const inPlace = this.#process.isShared;
    if (inPlace) this.listeners.hold();
    else this.listeners.rest();
    try {
      const how = { inPlace, holdsRequests: !hooksOnly };
      const frozen = await freeze(this.outgoing, this.registry, timeoutMs, how);
      this.#hooksFrozen = true;
      return frozen;
    } catch (error) {
      await this.#activate();
      throw error;
    }
  }

  /** A stop comes without a freeze before it: consumers stop first, then everything is closed. */
  async #dispose(): Promise<null> {
    if (!this.#hooksFrozen) await this.registry.run("freeze");
    await this.registry.run("dispose");
    return null;
  }

  /** An application without state goes on taking requests; only its consumers stop. */
  async #freezeHooks(timeoutMs: number): Promise<WorkerReplies["freeze"]> {
    try {
      await freezeHooks(this.registry, timeoutMs);
    } catch (error) {
      await this.registry.run("activate");
      throw error;
    }
    this.#hooksFrozen = true;
    return { underWay: 0, frozenAtMs: nowMs(), connections: this.outgoing.connections.size };
  }

  /** From the generation that serves in this process. */
  async #carryHere(): Promise<WorkerReplies["swapCarry"]> {
    const from = this.#process.serving;
    if (from === undefined) throw new Error("no other generation serves here");
    // Handed back before the other one was activated: it has never been anybody else's.
    if (from === this) return { states: [] };
    const how = { isLoading: this.#state === "standby", hasGoneOn: from.#state === "frozen" };
    return { states: await this.states.takeFrom(from.states, how) };
  }

  #releaseConnections(): Promise<WorkerReplies["releaseConnections"]> {
    const { serving } = this.#process;
    if (serving !== undefined && serving !== this) {
      serving.incoming.allArrived();
      const adopt = (meta: ConnectionMeta, handle: RawHandle | undefined) =>
        serving.incoming.adopt(meta, handle);
      return this.outgoing.releaseTo(serving.carriers, adopt);
    }
    this.#takeNoMore();
    this.outgoing.close();
    return this.outgoing.release(this.registry.states.size === 0);
  }

  async #drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    const { serving } = this.#process;
    const answered = this.listeners.datagrams.finish(drainMs);
    if (serving !== undefined && serving !== this) {
      await answered;
      return this.outgoing.drainHere(drainMs, webSocketDrainMs);
    }
    this.#takeNoMore();
    await Promise.all([answered, drainOwnWorkers(drainMs)]);
    return this.outgoing.drain(drainMs, webSocketDrainMs);
  }

  /** A generation without state was not frozen: it stops here to take new requests. */
  #takeNoMore(): void {
    this.#keepAlive.hold(this);
    this.#state = "frozen";
    this.incoming.allArrived();
    this.listeners.rest();
  }

  #makeHandlers(): Handlers {
    return {
      activate: () => this.#activate().then(() => null),
      freeze: (request) => this.#freeze(request),
      thaw: () => this.#activate().then(() => null),
      sendState: (request, handle) =>
        this.states.send(request, handle!, { hasGoneOn: this.#state === "frozen" }),
      receiveState: (_request, handle) =>
        this.states.receive(handle!, { isLoading: this.#state === "standby" }),
      announce: async () => ({ announced: this.outgoing.announce() }),
      awaitAnnounced: async () => ({ present: await this.incoming.expected.whenPresent() }),
      releaseConnections: () => this.#releaseConnections(),
      drain: ({ drainMs, webSocketDrainMs }) => this.#drain(drainMs, webSocketDrainMs),
      dispose: () => this.#dispose(),
      swapCarry: () => this.#carryHere(),
      unload: async () => ({ running: await this.#process.unload(this) }),
      health: async ({ measure }) => ({
        ...(await checkHealth(this.registry)),
        ...this.#process.leftovers(),
        unregistered: this.outgoing.unregistered().length,
        ...(measure ? { measured: this.#measured() } : {}),
      }),
      evaluate: ({ expression, maxBytes }) => evaluate(expression, this.scope(), maxBytes),
      consoleOpen: (request) => this.#process.openConsole(request),
    };
  }

  #measured(): Measured {
    const eventLoop = this.#process.eventLoop.read();
    const connections = this.outgoing.connections.accepted;
    return { connections, ...(eventLoop === undefined ? {} : { eventLoop }) };
  }

  /** A way from or to the generation in another process that it changes hands with. */
  pipe(direction: "out" | "in", end: RawHandle): void {
    const pipe = new HandlePipe(end);
    if (direction === "out") this.outgoing.departBy(pipe, this.boot.slot);
    else {
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
    return Object.values(this.registry.hooks).flat();
  }

  /** Nothing in this process refers to it any more. */
  unload(): void {
    this.listeners.dismantle();
    this.outgoing.unload();
    this.#keepAlive.release(this);
    this.loaded = undefined;
  }

  /** What `rpc` and `console` have at hand. */
  scope() {
    return { entry: this.boot.entry, hot: this.hot, registry: this.registry };
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
