/**
 * UDP. The supervisor binds, as it does for TCP, and each generation has a copy of the one kernel
 * socket: what arrives while nobody reads waits in the kernel, as far as there is room.
 *
 *   asked ──reply──► resting ──receive()──► receiving ──rest()──► resting ──receive()──► …
 *
 * At rest a socket sends, so that answers under way go out; it does not read. Options and
 * memberships belong to the kernel socket, and so to all generations: the next one finds them set.
 *
 * A socket without a port of its own (port 0, or none: a client's) is its process's alone, and so is
 * one by descriptor: nobody but its process knows where to send to.
 */
import { AsyncResource } from "node:async_hooks";
import dgram, { type Socket } from "node:dgram";
import { constants } from "node:os";
import { getSystemErrorName } from "node:util";
import { type ListenKey, listenKeyText } from "../../protocol/worker.ts";
import type { EventSink } from "../node/channel.ts";
import {
  BIND_STATE,
  type BindDatagram,
  bindFlags,
  type DatagramHandle,
  datagramState,
} from "../node/datagrams.ts";
import type { RawHandle } from "../node/internals.ts";
import type { KeepAlive } from "./keepalive.ts";
import type { ListenReply } from "./listening.ts";

/** How long answers to what was read last may take. Nobody can know whether one comes at all. */
const GRACE_MS = 500;

type Expect = (waiting: (reply: ListenReply, handle: RawHandle | undefined) => void) => number;

interface Wanted {
  port: number;
  address: string;
  callback: (() => void) | undefined;
}

/** `caller`: whose code binds. Once a process. */
export function interceptDatagrams(caller: () => Datagrams | undefined): void {
  const prototype = dgram.Socket.prototype as unknown as { bind: BindDatagram };
  const original = prototype.bind;
  prototype.bind = function (...parts) {
    const datagrams = caller();
    const wanted = datagrams && wantedPort(this, parts);
    const state = datagramState(this);
    const isFresh = state.handle !== null && state.bindState === BIND_STATE.unbound;
    if (!wanted || !isFresh) return original.apply(this, parts);
    datagrams.begin(this, wanted, original);
    return this;
  };
}

/** Undefined: nothing that another process could share. */
function wantedPort(socket: Socket, parts: unknown[]): Wanted | undefined {
  const [first, second] = parts;
  const last = parts.at(-1);
  const isOptions = typeof first === "object" && first !== null;
  if (isOptions && ("recvStart" in first || "fd" in first)) return undefined;
  const options = isOptions ? (first as dgram.BindOptions) : { port: first, address: second };
  const port = typeof options.port === "function" ? 0 : Number(options.port ?? 0);
  if (!Number.isInteger(port) || port <= 0) return undefined;
  const any = (socket as unknown as { type: string }).type === "udp6" ? "::" : "0.0.0.0";
  const address =
    typeof options.address === "string" && options.address !== "" ? options.address : any;
  return { port, address, callback: typeof last === "function" ? (last as () => void) : undefined };
}

export class Datagrams {
  readonly #channel: EventSink;
  readonly #keepAlive: KeepAlive;
  readonly #expect: Expect;
  readonly #all = new Set<SharedDatagrams>();
  #receiving = false;
  /** Sockets that wait for the supervisor's answer. */
  #asked = 0;

  constructor(channel: EventSink, keepAlive: KeepAlive, expect: Expect) {
    this.#channel = channel;
    this.#keepAlive = keepAlive;
    this.#expect = expect;
  }

  receive(): void {
    this.#receiving = true;
    for (const shared of this.#all) shared.receive();
    this.#updateLife();
  }

  rest(): void {
    this.#receiving = false;
    for (const shared of this.#all) shared.rest();
    this.#updateLife();
  }

  /** What was read last may still be answered. */
  async finish(drainMs: number): Promise<void> {
    if (this.#all.size === 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(drainMs, GRACE_MS)));
  }

  dismantle(): void {
    for (const { socket } of this.#all) socket.close();
    this.#updateLife();
  }

  begin(socket: Socket, { port, address, callback }: Wanted, bind: BindDatagram): void {
    const state = datagramState(socket);
    state.bindState = BIND_STATE.binding;
    if (callback !== undefined) onceBound(socket, callback);
    const context = new AsyncResource("TSUGI_BIND");
    const fail = (error: Error) => {
      state.bindState = BIND_STATE.unbound;
      socket.emit("error", error);
    };
    state.handle!.lookup(address, (error, ip) => {
      if (state.handle === null) return;
      if (error) {
        fail(error);
        return;
      }
      const key = this.#keyOf(socket, ip, port);
      this.#asked += 1;
      this.#updateLife();
      const id = this.#expect((reply, handle) => {
        this.#asked -= 1;
        context.runInAsyncScope(() => {
          if (handle === undefined) {
            if (state.handle !== null) fail(bindError(reply, ip, port));
            return;
          }
          this.#begun(socket, key, handle as DatagramHandle, bind);
        });
        this.#updateLife();
      });
      this.#channel.send({ type: "listen", id, key, flags: bindFlags(state) });
    });
  }

  #begun(socket: Socket, key: ListenKey, handle: DatagramHandle, bind: BindDatagram): void {
    const state = datagramState(socket);
    const closed = () => {
      this.#all.delete(shared);
      this.#channel.send({ type: "unlisten", key });
      this.#updateLife();
    };
    const shared = new SharedDatagrams(socket, key, handle, closed);
    if (state.handle === null) {
      handle.close();
      return;
    }
    this.#all.add(shared);
    state.bindState = BIND_STATE.unbound;
    bind.call(socket, handle);
    if (this.#receiving) shared.receive();
    this.#updateLife();
  }

  #keyOf(socket: Socket, address: string, port: number): ListenKey {
    const family = (socket as unknown as { type: "udp4" | "udp6" }).type;
    const key: ListenKey = { family, address, port, ordinal: 0 };
    const taken = new Set([...this.#all].map((shared) => listenKeyText(shared.key)));
    while (taken.has(listenKeyText(key))) key.ordinal += 1;
    return key;
  }

  /** Only a socket that is read keeps the event loop alive by itself. */
  #updateLife(): void {
    const rests = !this.#receiving && [...this.#all].some(({ wantsLife }) => wantsLife);
    if (rests || this.#asked > 0) this.#keepAlive.hold(this);
    else this.#keepAlive.release(this);
  }
}

/** One bound socket of the application, on its copy of the kernel's. */
class SharedDatagrams {
  readonly socket: Socket;
  readonly key: ListenKey;
  readonly #handle: DatagramHandle;
  /** Of `connect` while at rest: the socket is another generation's to direct. */
  #peer: { ip: string; port: number } | undefined;

  constructor(socket: Socket, key: ListenKey, handle: DatagramHandle, onClosed: () => void) {
    this.socket = socket;
    this.key = key;
    this.#handle = handle;
    const { close } = handle;
    handle.close = (callback) => {
      close.call(handle, callback);
      onClosed();
    };
    const own = Object.getPrototypeOf(handle) as DatagramHandle;
    const { addMembership, addSourceSpecificMembership } = own;
    handle.addMembership = (...parts) => joined(addMembership.apply(handle, parts));
    handle.addSourceSpecificMembership = (...parts) =>
      joined(addSourceSpecificMembership.apply(handle, parts));
    this.#withhold();
  }

  get wantsLife(): boolean {
    return this.#handle.hasRef?.() !== false;
  }

  receive(): void {
    const handle = this.#handle;
    for (const name of WITHHELD) delete (handle as Partial<DatagramHandle>)[name];
    if (this.#peer !== undefined) direct(handle, this.#peer);
    this.#peer = undefined;
    handle.recvStart();
  }

  rest(): void {
    this.#handle.recvStop();
    this.#withhold();
  }

  /** What would change the kernel's socket under whoever reads it. */
  #withhold(): void {
    Object.assign(this.#handle, {
      recvStart: () => 0,
      dropMembership: () => 0,
      dropSourceSpecificMembership: () => 0,
      disconnect: () => 0,
      connect: (ip: string, port: number) => {
        this.#peer = { ip, port };
        return 0;
      },
    });
  }
}

const WITHHELD = [
  "recvStart",
  "dropMembership",
  "dropSourceSpecificMembership",
  "disconnect",
  "connect",
] as const;

/** A generation before has joined: the kernel says so by an error. */
const joined = (errno: number): number =>
  [constants.errno.EADDRINUSE, constants.errno.EADDRNOTAVAIL].includes(-errno) ? 0 : errno;

function direct(handle: DatagramHandle, { ip, port }: { ip: string; port: number }): void {
  const now: { address?: string; port?: number } = {};
  const isConnected = handle.getpeername(now) === 0;
  if (isConnected && now.address === ip && now.port === port) return;
  if (isConnected) handle.disconnect();
  handle.connect(ip, port);
}

/** As `bind(port, callback)` does it. */
function onceBound(socket: Socket, callback: () => void): void {
  const forget = () => {
    socket.removeListener("error", forget);
    socket.removeListener("listening", bound);
  };
  const bound = () => {
    forget();
    callback.call(socket);
  };
  socket.on("error", forget);
  socket.on("listening", bound);
}

/** As Node makes it. */
function bindError({ errno = 0 }: ListenReply, address: string, port: number): Error {
  const code = getSystemErrorName(errno);
  const error = new Error(`bind ${code} ${address}:${port}`);
  return Object.assign(error, { errno, code, syscall: "bind", address, port });
}
