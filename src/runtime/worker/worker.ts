/**
 * A worker: one generation of the application in one process, driven by the supervisor.
 *
 *   loading ──ready──► standby ──activate──► active ──freeze──► frozen ──sendState──► (carried)
 *                                              ▲                  │ thaw                  │
 *                                              └──────────────────┴─── activate ◄─────────┘ hand-back
 *
 * In mode "active" it activates itself before it says that it is ready.
 */

import { errorToJson, messageOf, TsugiError } from "../../errors.ts";
import { createHot, HotRegistry } from "../../hot/registry.ts";
import type { Hot } from "../../hot/types.ts";
import { nowMs } from "../../platform/clock.ts";
import type {
  WorkerBoot,
  WorkerReplies,
  WorkerRequest,
  WorkerRequestWithReply,
} from "../../protocol/worker.ts";
import { FreezeTimeout, freeze, freezeHooks } from "../handoff/freeze.ts";
import { Incoming } from "../handoff/incoming.ts";
import { Outgoing } from "../handoff/outgoing.ts";
import { drainOwnWorkers } from "../handoff/ownWorkers.ts";
import { Carriers } from "../handoff/sockets/carriers.ts";
import { SupervisorChannel } from "./channel.ts";
import { Consoles } from "./console.ts";
import { evaluate } from "./evaluate.ts";
import { checkHealth } from "./health.ts";
import { KeepAlive } from "./keepalive.ts";
import { Listeners } from "./listeners.ts";
import type { RawHandle } from "./nodeInternals.ts";
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

/** How long an orphan may take for its own SIGTERM handlers. */
const ORPHAN_GRACE_MS = 3_000;

export class Worker {
  readonly #boot: WorkerBoot;
  readonly #channel = new SupervisorChannel();
  readonly #keepAlive = new KeepAlive();
  readonly #registry = new HotRegistry();
  readonly #hot: Hot;
  readonly #listeners: Listeners;
  readonly #readiness: Readiness;
  readonly #outgoing: Outgoing;
  readonly #incoming: Incoming;
  readonly #states: States;
  readonly #consoles: Consoles;
  readonly #handlers: Handlers;
  /** Loaded, and, in mode "active", serving. */
  #ready = false;
  /** Only the consumers stand still: requests are taken. */
  #hooksFrozen = false;
  #state: "loading" | "standby" | "active" | "frozen" = "loading";

  constructor(boot: WorkerBoot) {
    this.#boot = boot;
    const { name, version, previous, generation, strategy, mode } = boot;
    const rehearsal = mode === "rehearsal";
    const release = { name, version, previous, generation, strategy, rehearsal };
    this.#hot = createHot(this.#registry, Object.freeze(release));
    Object.assign(globalThis, { [Symbol.for("tsugi.hot.runtime")]: this.#hot });
    this.#listeners = new Listeners(this.#channel, this.#keepAlive);
    this.#readiness = new Readiness({
      channel: this.#channel,
      listeners: this.#listeners,
      registry: this.#registry,
      readyAfterMs: boot.readyAfterMs,
    });
    const carriers = new Carriers(this.#registry, {
      keyOf: (socket) => this.#outgoing.keyOf(socket),
      serverOf: (key) => this.#listeners.byKey(key)?.server,
      markCarried: (connection) => this.#registry.carried.add(connection),
      notice: (text) => this.#channel.send({ type: "notice", text }),
    });
    const parts = {
      channel: this.#channel,
      listeners: this.#listeners,
      registry: this.#registry,
      carriers,
    };
    this.#outgoing = new Outgoing(parts);
    this.#incoming = new Incoming(parts);
    this.#states = new States(boot, this.#registry, this.#channel);
    this.#consoles = new Consoles(this.#channel, () => this.#scope());
    this.#handlers = this.#makeHandlers();
    this.#channel.onRequest = (request, handle) => this.#receive(request, handle);
    this.#channel.onGone = () => this.#orphaned();
    process.on("uncaughtExceptionMonitor", (error) => {
      if (!this.#ready && process.listenerCount("uncaughtException") === 0) this.#failed(error);
    });
    // A generation that waits has hooks to come; nothing else may be keeping it alive.
    this.#registry.onHook = () => {
      if (this.#state !== "active") this.#keepAlive.hold(this);
    };
  }

  entryFound(url: string): void {
    this.#readiness.entryFound(url);
  }

  async run(): Promise<void> {
    try {
      await this.#readiness.wait();
      this.#state = "standby";
      if (this.#boot.mode === "active") await this.#activate();
      else if (this.#registry.used) this.#keepAlive.hold(this);
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#ready = true;
    const { states, hooks } = this.#registry;
    if (states.size > 0 || hooks.freeze.length > 0) this.#outgoing.ages.start();
    this.#channel.send({
      type: "ready",
      states: this.#states.declared(),
      usesHot: this.#registry.used,
      accepts: this.#registry.accepts,
      drainable: await hasNoChildren(),
      freezes: hooks.freeze.length > 0,
    });
  }

  /** The first activation, a thaw and a hand-back are one thing: this generation serves. */
  async #activate(): Promise<void> {
    if (this.#state === "active") {
      if (this.#hooksFrozen) await this.#registry.run("activate");
      this.#hooksFrozen = false;
      return;
    }
    this.#states.settle();
    this.#state = "active";
    this.#hooksFrozen = false;
    this.#outgoing.open();
    await this.#listeners.accept();
    await this.#registry.run("activate");
    this.#keepAlive.release(this);
  }

  async #freeze({ timeoutMs, hooksOnly }: Freeze): Promise<WorkerReplies["freeze"]> {
    this.#keepAlive.hold(this);
    if (hooksOnly) return this.#freezeHooks(timeoutMs);
    this.#state = "frozen";
    this.#listeners.rest();
    try {
      const frozen = await freeze(this.#outgoing, this.#registry, timeoutMs);
      this.#hooksFrozen = true;
      return frozen;
    } catch (error) {
      await this.#activate();
      throw error;
    }
  }

  /** A stop comes without a freeze before it: consumers stop first, then everything is closed. */
  async #dispose(): Promise<null> {
    if (!this.#hooksFrozen) await this.#registry.run("freeze");
    await this.#registry.run("dispose");
    return null;
  }

  /** An application without state goes on taking requests; only its consumers stop. */
  async #freezeHooks(timeoutMs: number): Promise<WorkerReplies["freeze"]> {
    try {
      await freezeHooks(this.#registry, timeoutMs);
    } catch (error) {
      await this.#registry.run("activate");
      throw error;
    }
    this.#hooksFrozen = true;
    return { underWay: 0, frozenAtMs: nowMs(), connections: this.#outgoing.size };
  }

  #releaseConnections(): Promise<WorkerReplies["releaseConnections"]> {
    this.#keepAlive.hold(this);
    // A generation without state was not frozen: it stops here to take new requests.
    this.#state = "frozen";
    this.#listeners.rest();
    this.#outgoing.close();
    return this.#outgoing.release(this.#registry.states.size === 0);
  }

  async #drain(drainMs: number): Promise<WorkerReplies["drain"]> {
    this.#keepAlive.hold(this);
    this.#state = "frozen";
    this.#listeners.rest();
    await drainOwnWorkers(drainMs);
    return this.#outgoing.drain(drainMs);
  }

  #makeHandlers(): Handlers {
    return {
      activate: () => this.#activate().then(() => null),
      freeze: (request) => this.#freeze(request),
      thaw: () => this.#activate().then(() => null),
      sendState: (request, handle) =>
        this.#states.send(request, handle!, { hasGoneOn: this.#state === "frozen" }),
      receiveState: (_request, handle) =>
        this.#states.receive(handle!, { isLoading: this.#state === "standby" }),
      releaseConnections: () => this.#releaseConnections(),
      drain: ({ drainMs }) => this.#drain(drainMs),
      dispose: () => this.#dispose(),
      health: () => checkHealth(this.#registry),
      evaluate: ({ expression }) => evaluate(expression, this.#scope()),
      consoleOpen: (request) => this.#consoles.open(request),
    };
  }

  #receive(request: WorkerRequest, handle: RawHandle | undefined): void {
    if (request.type === "listenReply") this.#listeners.reply(request, handle);
    else if (request.type === "consoleInput") this.#consoles.input(request);
    else if (request.type === "adopt") this.#incoming.adopt(request.meta, handle);
    else if (Object.hasOwn(this.#handlers, request.type)) this.#answer(request, handle);
    else this.#unknown(request, handle);
  }

  async #answer(request: WorkerRequestWithReply, handle: RawHandle | undefined): Promise<void> {
    const { id, type } = request;
    try {
      const value = await this.#handlers[type](request as never, handle);
      this.#channel.send({ type: "reply", id, value });
    } catch (error) {
      const holders = error instanceof FreezeTimeout ? { holders: error.holders } : {};
      this.#channel.send({ type: "reply", id, error: errorToJson(error), ...holders });
    }
  }

  /** A request of a newer supervisor: refused when it expects an answer, else ignored. */
  #unknown(request: { type: string; id?: number }, handle: RawHandle | undefined): void {
    handle?.close();
    if (typeof request.id !== "number") return;
    const problem = `this worker does not know the request "${request.type}"`;
    const error = errorToJson(new TsugiError("TSUGI_INTERNAL", { problem }));
    this.#channel.send({ type: "reply", id: request.id, error });
  }

  /** What `rpc` and `console` have at hand. */
  #scope() {
    return { entry: this.#boot.entry, hot: this.#hot, registry: this.#registry };
  }

  #failed(error: unknown): void {
    const { name, version } = this.#boot;
    const problem = messageOf(error);
    const failure =
      error instanceof TsugiError
        ? error
        : new TsugiError("TSUGI_LOAD_FAILED", { name, version, problem }, { cause: error });
    this.#channel.send({ type: "failed", error: errorToJson(failure) });
  }

  /** The supervisor is dead: nothing may hold its sockets, least of all for ever. */
  #orphaned(): void {
    this.#listeners.rest();
    setTimeout(() => process.exit(1), ORPHAN_GRACE_MS).unref();
    if (process.listenerCount("SIGTERM") === 0) process.exit(1);
    process.kill(process.pid, "SIGTERM");
  }
}
