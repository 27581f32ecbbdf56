/**
 * A worker process: its channel to the supervisor, and the generations of the application that are
 * loaded here. One, but while a swap is under way: then two.
 */
import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import type { Hot } from "../../hot/types.ts";
import type { WorkerBoot, WorkerRequest, WorkerRequestWithReply } from "../../protocol/worker.ts";
import { KeepAlive } from "../listen/keepalive.ts";
import { ListenDesk } from "../listen/listeners.ts";
import { SupervisorChannel } from "../node/channel.ts";
import type { RawHandle } from "../node/internals.ts";
import { keepOutput } from "../node/standardOutput.ts";
import { callingFile } from "../swap/callers.ts";
import { Handles } from "../swap/handles.ts";
import { Leftovers } from "../swap/leftovers.ts";
import { metaOf, noteMeta, runApplication, swapPath } from "../swap/loader.ts";
import { ProcessListeners } from "../swap/processListeners.ts";
import { Consoles } from "./console.ts";
import { EventLoopWatch } from "./eventLoopWatch.ts";
import { AppGeneration, type AppProcess } from "./generation.ts";

/** How long an orphan may take for its own SIGTERM handlers. */
const ORPHAN_GRACE_MS = 3_000;

export class Worker implements AppProcess {
  readonly keepAlive = new KeepAlive();
  readonly desk = new ListenDesk();
  readonly eventLoop = new EventLoopWatch();
  serving: AppGeneration | undefined;
  readonly #channel = new SupervisorChannel();
  readonly #consoles: Consoles;
  /** The one that the process began with, for as long as it is loaded. */
  #first: AppGeneration | undefined;
  readonly #loaded = new Map<number, AppGeneration>();
  readonly #leftovers = new Leftovers();
  readonly #handles = new Handles();
  readonly #processListeners = new ProcessListeners();
  /** For a swap. */
  #loading: AppGeneration | undefined;

  constructor(boot: WorkerBoot) {
    keepOutput((count) => this.#channel.send({ type: "outputLost", count }));
    const first = new AppGeneration(boot, this.#channel, this);
    this.#first = first;
    this.#loaded.set(boot.generation, first);
    this.desk.caller = () => this.#caller().listeners;
    Object.assign(globalThis, {
      [Symbol.for("tsugi.hot.runtime")]: this.#sharedHot(Object.keys(first.hot)),
    });
    this.#consoles = new Consoles(this.#channel, () => (this.serving ?? this.#latest).scope());
    this.#channel.onRequest = (request, handle, generation) =>
      this.#receive(request, handle, generation);
    this.#channel.onReadySignal = () => this.#latest.readiness.signal();
    this.#channel.onGone = () => this.#orphaned();
    process.on("uncaughtExceptionMonitor", (error) => {
      const { isReady } = this.#latest;
      if (!isReady && process.listenerCount("uncaughtException") === 0) this.#latest.failed(error);
    });
    this.#channel.send({ type: "hears" });
  }

  get #latest(): AppGeneration {
    return this.#loading ?? this.serving ?? this.#first!;
  }

  /** While another one is loaded, either may call: the stack tells. */
  #caller(): AppGeneration {
    if (this.#loading === undefined) return this.#latest;
    const file = callingFile(this.desk.caller);
    const all = [...this.#loaded.values()];
    const found = file && all.find(({ loaded }) => loaded?.path === file);
    return found || this.#loading;
  }

  get isSwapping(): boolean {
    return this.#loaded.size > 1;
  }

  serveBy(generation: AppGeneration): AppGeneration | undefined {
    const before = this.serving;
    this.serving = generation;
    if (this.isSwapping) this.#enterFolder(generation.boot);
    return before === generation ? undefined : before;
  }

  /** After a swap, relative paths lead into the version that serves. */
  #enterFolder({ appDir, generation }: WorkerBoot): void {
    if (appDir === undefined) return;
    try {
      process.chdir(appDir);
    } catch (error) {
      const text = `${appDir}: ${messageOf(error)}`;
      this.#channel.send({ type: "notice", text }, undefined, generation);
    }
  }

  entryFound(url: string): void {
    this.#first?.readiness.entryFound(url);
  }

  run(): Promise<void> {
    return this.#latest.run();
  }

  /** The start file of a release that can be swapped runs: as the entry, or for its `import.meta`. */
  async started(meta: ImportMeta): Promise<void> {
    noteMeta(meta);
    const first = this.#first;
    if (this.#loading === undefined && first && !first.loaded) await this.#run(first, meta);
  }

  openConsole: AppProcess["openConsole"] = (request) => this.#consoles.open(request);

  leftovers(): ReturnType<AppProcess["leftovers"]> {
    return this.#leftovers.find();
  }

  /** For a swap: another generation while the one there serves. */
  async #load(boot: WorkerBoot): Promise<void> {
    const { generation: number, entry } = boot;
    const generation = new AppGeneration(boot, this.#channel.sinkOf(number), this);
    this.#loaded.set(number, generation);
    this.#loading = generation;
    this.desk.noteCallers();
    generation.listeners.lender = this.serving?.listeners;
    stand(boot);
    generation.readiness.entryIs(metaOf(entry).then((meta) => this.#run(generation, meta)));
    await generation.run();
    if (this.#loading === generation) this.#loading = undefined;
  }

  async #run(generation: AppGeneration, meta: ImportMeta): Promise<void> {
    const { hot, timers } = generation;
    this.#processListeners.watch();
    this.#handles.watch();
    generation.loaded = { path: swapPath(meta.filename), module: {}, exported: {} };
    generation.loaded = await runApplication(meta, { hot, timers: timers.timers });
  }

  /** Disposed of after a swap, or never wanted. Returns what of it can still run. */
  async unload(generation: AppGeneration): Promise<string[]> {
    const { version, generation: number } = generation.boot;
    if (!this.#loaded.delete(number)) return [];
    if (this.#first === generation) this.#first = undefined;
    if (this.#loading === generation) this.#loading = undefined;
    for (const { listeners } of this.#loaded.values()) listeners.lender = undefined;
    stand(this.#latest.boot);
    const path = generation.loaded?.path ?? "";
    this.#processListeners.removeOf(path);
    const looks = this.#handles.takeOf(path);
    const left = this.#leftovers.add(`${version} (generation ${number})`, generation, looks);
    generation.unload();
    return left;
  }

  #receive(
    request: WorkerRequest,
    handle: RawHandle | undefined,
    number: number | undefined,
  ): void {
    // Whoever began with this process speaks to what is in it now.
    const generation =
      number === undefined ? (this.#first ?? this.serving) : this.#loaded.get(number);
    if (request.type === "listenReply") this.desk.reply(request, handle);
    else if (request.type === "consoleInput") this.#consoles.input(request);
    else if (request.type === "swapLoad") void this.#load(request.boot);
    else if (request.type === "pipe") {
      if (handle) generation?.pipe(request.direction, handle);
    } else if (request.type === "adopt") generation?.incoming.adopt(request.meta, handle);
    else if (request.type === "allCarried") generation?.incoming.allArrived();
    else if (generation?.knows(request.type)) {
      const sink = number === undefined ? this.#channel : this.#channel.sinkOf(number);
      void generation.answer(request as WorkerRequestWithReply, handle, sink);
    } else this.#unknown(request as { type: string }, handle, number);
  }

  /** A request of a newer supervisor: refused when it expects an answer, else ignored. */
  #unknown(
    request: { type: string; id?: number },
    handle: RawHandle | undefined,
    number: number | undefined,
  ): void {
    handle?.close();
    if (typeof request.id !== "number") return;
    const problem = `this worker does not know the request "${request.type}"`;
    const error = errorToJson(new TsugiError("TSUGI_INTERNAL", { problem }));
    this.#channel.send({ type: "reply", id: request.id, error }, undefined, number);
  }

  /** What packages see, which are shared: the `hot` of whoever is being loaded, or serves. */
  #sharedHot(keys: string[]): Hot {
    const shared = {};
    for (const key of keys as (keyof Hot)[]) {
      const get = () => this.#latest.hot[key];
      Object.defineProperty(shared, key, { enumerable: true, get });
    }
    return shared as Hot;
  }

  /** The supervisor is dead: nothing may hold its sockets, least of all for ever. */
  #orphaned(): void {
    for (const { listeners } of this.#loaded.values()) listeners.freeze();
    setTimeout(() => process.exit(1), ORPHAN_GRACE_MS).unref();
    if (process.listenerCount("SIGTERM") === 0) process.exit(1);
    process.kill(process.pid, "SIGTERM");
  }
}

/** What a process says of the release that it belongs to. */
function stand({ entry, appDir, args }: WorkerBoot): void {
  process.argv.splice(1, Number.POSITIVE_INFINITY, entry, ...(args ?? []));
  if (appDir !== undefined) process.env.TSUGI_APP_DIR = appDir;
}
