/**
 * UDP. The supervisor binds, as it does for TCP, and each generation has a copy of the one kernel
 * socket: what arrives while nobody reads waits in the kernel, as far as there is room.
 *
 *   asked ──reply──► frozen ──receive()──► receiving ──freeze()──► frozen ──receive()──► …
 *
 * Frozen, a socket sends, so that answers under way go out; it does not read.
 *
 * A socket without a port of its own (port 0, or none: a client's) is its process's alone, and so is
 * one by descriptor: nobody but its process knows where to send to.
 */
import { AsyncResource } from "node:async_hooks";
import dgram, { type Socket } from "node:dgram";
import { getSystemErrorName } from "node:util";
import { type ListenKey, listenKeyText } from "../../protocol/listenKey.ts";
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
import { SharedDatagrams } from "./sharedDatagrams.ts";

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
    const state = datagramState(this);
    const isFresh = state.handle !== null && state.bindState === BIND_STATE.unbound;
    const wanted = wantedPort(this, parts);
    if (datagrams === undefined || !isFresh) return original.apply(this, parts);
    if (wanted !== undefined) {
      datagrams.begin(this, wanted, original);
      return this;
    }
    if (!isBoundToSend(parts)) datagrams.noteUnshared(this);
    return original.apply(this, parts);
  };
}

/** By Node itself, when the first datagram is sent. */
const isBoundToSend = (parts: unknown[]): boolean => parts[1] === null;

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
  readonly #unshared = new Set<Socket>();
  #receiving = false;
  /** Sockets that wait for the supervisor's answer. */
  #asked = 0;

  constructor(channel: EventSink, keepAlive: KeepAlive, expect: Expect) {
    this.#channel = channel;
    this.#keepAlive = keepAlive;
    this.#expect = expect;
  }

  /** How many sockets that wait for datagrams end with their process. */
  get unshared(): number {
    return this.#unshared.size;
  }

  noteUnshared(socket: Socket): void {
    this.#unshared.add(socket);
    socket.once("close", () => this.#unshared.delete(socket));
  }

  receive(): void {
    this.#receiving = true;
    for (const shared of this.#all) shared.receive();
    this.#updateLife();
  }

  freeze(): void {
    this.#receiving = false;
    for (const shared of this.#all) shared.freeze();
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
    if (rests || this.#asked > 0) this.#keepAlive.add(this);
    else this.#keepAlive.delete(this);
  }
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
