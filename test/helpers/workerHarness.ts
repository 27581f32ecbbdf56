/**
 * Speaks the supervisor's end of src/protocol/worker.ts to a real worker process: the built
 * dist/release/worker.mjs on a small application that the test writes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { defined } from "../../src/contract/checks.ts";
import type { ErrorJson } from "../../src/contract/errors.ts";
import type { AdoptedConnection, ConnectionMeta } from "../../src/protocol/connections.ts";
import { type ListenKey, listenKeyText } from "../../src/protocol/listenKey.ts";
import type { DeclaredState } from "../../src/protocol/states.ts";
import {
  ENVELOPE,
  type Holder,
  type WorkerBoot,
  type WorkerEvent,
  type WorkerReplies,
  type WorkerRequest,
  type WorkerRequestWithReply,
} from "../../src/protocol/worker.ts";
import { bindDatagrams } from "../../src/runtime/node/datagrams.ts";
import { HandleQueue } from "../../src/runtime/node/handleQueue.ts";
import { PATIENCE_MS } from "./patience.ts";

const WORKER = fileURLToPath(new URL("../../dist/release/worker.mjs", import.meta.url));

/** The Node binaries to test with: this one, and those named in TSUGI_TEST_NODES (":"-separated). */
export const NODES = [
  process.execPath,
  ...(process.env.TSUGI_TEST_NODES ?? "").split(":").filter((path) => path !== ""),
];

// biome-ignore lint/suspicious/noExplicitAny: raw libuv handles have no types
type Handle = any;
type Of<T extends WorkerEvent["type"]> = Extract<WorkerEvent, { type: T }>;
type Unsent<T> = T extends unknown ? Omit<T, "id"> : never;
export type Arrived = { event: WorkerEvent; handle: Handle; generation: number | undefined };

export class WorkerError extends Error {
  readonly json: ErrorJson;
  readonly holders: Holder[] | undefined;
  constructor(json: ErrorJson, holders: Holder[] | undefined) {
    super(`${json.code}: ${json.message}`);
    this.json = json;
    this.holders = holders;
  }
}

function bind({ family, address, port }: ListenKey, flags: number): Handle | number {
  if (family === "udp4" || family === "udp6") return bindDatagrams(family, address!, port, flags);
  const kind = family === "pipe" ? -1 : family;
  return (net as Handle)._createServerHandle(address, port, kind, undefined, flags);
}

/** The kernel sockets that a supervisor keeps, shared by the workers of one test. */
export class SharedSockets {
  readonly handles = new Map<string, Handle>();

  get(key: ListenKey, flags: number): Handle | number {
    const text = listenKeyText(key);
    const present = this.handles.get(text);
    if (present) return present;
    const made = bind(key, flags);
    if (typeof made !== "number") this.handles.set(text, made);
    return made;
  }

  forget(key: ListenKey): void {
    this.handles.get(listenKeyText(key))?.close();
    this.handles.delete(listenKeyText(key));
  }

  close(): void {
    for (const handle of this.handles.values()) handle.close();
    this.handles.clear();
  }
}

export class WorkerUnderTest {
  readonly child: ChildProcess;
  readonly sockets: SharedSockets;
  readonly arrived: Arrived[] = [];
  readonly exited: Promise<{ code: number | null; signal: string | null }>;
  stdout = "";
  stderr = "";
  onConnection: (meta: ConnectionMeta, handle: Handle) => void = () => {};
  readonly #handles = new HandleQueue();
  #nextId = 1;
  #watchers = new Set<() => void>();

  constructor(options: {
    entry: string;
    sockets: SharedSockets;
    boot?: Partial<WorkerBoot>;
    node?: string;
    args?: string[];
    env?: Record<string, string>;
  }) {
    this.sockets = options.sockets;
    const boot: WorkerBoot = {
      format: 1,
      name: "app",
      version: "1.0.0",
      previous: null,
      process: "main",
      slot: 0,
      generation: 1,
      strategy: "start",
      mode: "active",
      entry: options.entry,
      readyAfterMs: 200,
      ...options.boot,
    };
    const args = [...(options.args ?? []), "--import", pathToFileURL(WORKER).href, options.entry];
    this.child = spawn(options.node ?? process.execPath, args, {
      env: { PATH: process.env.PATH, ...options.env, TSUGI_WORKER: JSON.stringify(boot) },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      serialization: "advanced",
    });
    this.child.stdout!.setEncoding("utf8").on("data", (text) => {
      this.stdout += text;
      this.#notify();
    });
    this.child.stderr!.setEncoding("utf8").on("data", (text) => {
      this.stderr += text;
      this.#notify();
    });
    this.exited = Promise.all([
      once(this.child, "exit"),
      once(this.child.stdout!, "close"),
      once(this.child.stderr!, "close"),
    ]).then(([[code, signal]]) => ({ code, signal }));
    this.exited.then(() => this.#notify());
    this.child.on("error", () => {});
    this.child.on("internalMessage", (message, handle) => {
      if (message?.cmd !== ENVELOPE) return;
      const event = message.tsugi as WorkerEvent;
      if (event.type === "listen") this.#listen(event);
      if (event.type === "unlisten") this.sockets.forget(event.key);
      if (event.type === "connection") this.onConnection(event.meta, handle);
      this.arrived.push({ event, handle, generation: message.generation });
      this.#notify();
    });
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  #listen({ id, key, flags }: Of<"listen">): void {
    const handle = this.sockets.get(key, flags);
    if (typeof handle !== "number") this.send({ type: "listenReply", id }, handle);
    else this.send({ type: "listenReply", id, errno: handle });
  }

  send(request: WorkerRequest, handle?: Handle, generation?: number): void {
    if (this.child.connected) {
      const post = (sent: () => void) =>
        this.child.send({ cmd: ENVELOPE, tsugi: request, generation }, handle, {}, sent);
      // Our copy of an end would keep what is in a pipe when both workers are dead.
      if (request.type !== "adopt") post(() => request.type === "pipe" && handle?.close());
      else {
        this.#handles.add((sent) =>
          post(() => {
            sent();
            handle?.close();
          }),
        );
      }
    }
  }

  /** Waits until `pick` finds something, or fails after `timeoutMs` with what the worker wrote. */
  async until<T>(
    what: string,
    pick: () => T | undefined | false,
    timeoutMs = PATIENCE_MS,
  ): Promise<T> {
    const found = pick();
    if (found) return found;
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#watchers.delete(check);
        const seen = this.arrived.map(({ event }) => event.type).join(" ");
        reject(new Error(`no ${what}; events: ${seen}\n${this.stdout}\n${this.stderr}`));
      }, timeoutMs);
      const check = () => {
        const value = pick();
        if (!value) return;
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve(value);
      };
      this.#watchers.add(check);
    });
  }

  async event<T extends WorkerEvent["type"]>(type: T): Promise<Of<T>> {
    const find = () => this.arrived.find(({ event }) => event.type === type)?.event as Of<T>;
    return this.until(type, find);
  }

  events<T extends WorkerEvent["type"]>(type: T): Of<T>[] {
    return this.arrived.map(({ event }) => event).filter((event) => event.type === type) as Of<T>[];
  }

  /** The connections that it has reported as taken. */
  get adopted(): AdoptedConnection[] {
    return this.events("adopted").flatMap(({ connections }) => connections);
  }

  async request<T extends WorkerRequestWithReply["type"]>(
    request: Unsent<Extract<WorkerRequestWithReply, { type: T }>> & { type: T },
    handle?: Handle,
    generation?: number,
  ): Promise<WorkerReplies[T]> {
    const id = this.#nextId++;
    this.send({ ...request, id } as unknown as WorkerRequest, handle, generation);
    const reply = await this.until(`reply to ${request.type}`, () =>
      this.events("reply").find((it) => it.id === id),
    );
    if ("error" in reply) throw new WorkerError(reply.error, reply.holders);
    return reply.value as WorkerReplies[T];
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill("SIGKILL");
    await this.exited;
  }
}

/** What its output says; it is ready: 'listening' comes before it accepts. */
export async function portOf(worker: WorkerUnderTest, word = "listening"): Promise<number> {
  await worker.event("ready");
  const pattern = new RegExp(`${word} (\\d+)`);
  return worker.until("port", () => Number(pattern.exec(worker.stdout)?.[1]));
}

/** A folder with the test's applications, their sockets and their workers, all gone after it. */
export class Bench {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "tsugi-worker-")));
  readonly sockets = new SharedSockets();
  readonly workers: WorkerUnderTest[] = [];
  readonly #node: string;

  constructor(node = process.execPath) {
    this.#node = node;
  }

  write(name: string, source: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, source);
    return path;
  }

  start(
    source: string,
    options: {
      name?: string;
      boot?: Partial<WorkerBoot>;
      env?: Record<string, string>;
      node?: string;
      args?: string[];
    } = {},
  ): WorkerUnderTest {
    const entry = this.write(options.name ?? `app-${this.workers.length}.mjs`, source);
    const worker = new WorkerUnderTest({
      entry,
      sockets: this.sockets,
      node: options.node ?? this.#node,
      boot: options.boot ?? {},
      env: options.env ?? {},
      args: options.args ?? [],
    });
    this.workers.push(worker);
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.workers.map((worker) => worker.stop()));
    this.sockets.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Passes every connection that `from` lets go of on to `to`, as a supervisor does. */
export function relay(from: WorkerUnderTest, to: WorkerUnderTest): void {
  from.onConnection = (meta, handle) => to.send({ type: "adopt", meta }, handle);
}

/** An upgrade as the supervisor drives it. */
export async function handOff(bench: Bench, old: WorkerUnderTest, next: WorkerUnderTest) {
  await next.event("ready");
  await old.event("ready");
  await introduce(bench, old, next);
  return handOffIntroduced(bench, old, next);
}

/** The rest of it. `passOn`: how a supervisor passes connections on. */
export async function handOffIntroduced(
  bench: Bench,
  old: WorkerUnderTest,
  next: WorkerUnderTest,
  passOn = relay,
) {
  const { states: wanted } = await next.event("ready");
  const { states, carries } = await old.event("ready");
  if (states.length > 0) {
    await old.request({ type: "freeze", timeoutMs: 4000 });
    await carryState(bench, old, next, wanted);
  } else if (carries) await old.request({ type: "freeze", timeoutMs: 4000, hooksOnly: true });
  await announce(old, next);
  passOn(old, next);
  const reply = await next.request({ type: "activate" });
  return old.request({ type: "moveConnections", ...defined({ listens: reply?.listens }) });
}

/** The way back, as the supervisor drives it: the old one serves again. */
export async function handBack(bench: Bench, old: WorkerUnderTest, next: WorkerUnderTest) {
  const { states: wanted } = await old.event("ready");
  const hooksOnly = wanted.length === 0;
  await layPipe(bench, next, old);
  await next.request({ type: "freeze", timeoutMs: 4000, hooksOnly });
  if (!hooksOnly) await carryState(bench, next, old, wanted);
  await announce(next, old);
  relay(next, old);
  const { listens } = await old.request({ type: "thaw" });
  return next.request({ type: "moveConnections", ...defined({ listens }) });
}

/** While the old one serves. */
export async function introduce(bench: Bench, old: WorkerUnderTest, next: WorkerUnderTest) {
  await layPipe(bench, old, next);
  const { introduced } = await old.request({ type: "introduce" });
  return introduced;
}

async function layPipe(bench: Bench, from: WorkerUnderTest, to: WorkerUnderTest) {
  const [out, into] = await pipePair(bench.folder);
  from.send({ type: "pipe", direction: "out" }, out);
  to.send({ type: "pipe", direction: "in" }, into);
}

async function announce(from: WorkerUnderTest, to: WorkerUnderTest) {
  const [{ announced }, { present }] = await Promise.all([
    from.request({ type: "announce" }),
    to.request({ type: "awaitAnnounced" }),
  ]);
  if (announced !== present) throw new Error(`${announced} announced, ${present} present`);
}

export async function carryState(
  bench: Bench,
  old: WorkerUnderTest,
  next: WorkerUnderTest,
  wanted: DeclaredState[],
) {
  const [from, to] = await pipePair(bench.folder);
  const received = next.request({ type: "receiveState" }, to);
  received.catch(() => {});
  await old.request({ type: "sendState", wanted }, from);
  return received;
}

/** A connected pair of raw pipe handles: what a supervisor gives to the two ends of a state. */
export async function pipePair(folder: string): Promise<[Handle, Handle]> {
  const path = join(folder, `pipe-${process.hrtime.bigint()}`);
  const server = net.createServer({ pauseOnConnect: true }).listen(path);
  await once(server, "listening");
  const client = net.connect({ path });
  const [[accepted]] = await Promise.all([once(server, "connection"), once(client, "connect")]);
  server.close();
  return [detach(accepted), detach(client)];
}

function detach(socket: Handle): Handle {
  const handle = socket._handle;
  handle.readStop();
  socket._handle = null;
  socket.destroy();
  return handle;
}
