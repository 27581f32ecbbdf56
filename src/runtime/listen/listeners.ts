/** Every server of a generation that listens, and the conversation about their sockets. */
import net from "node:net";
import { constants } from "node:os";
import { resolve as absolute } from "node:path";
import { getSystemErrorName } from "node:util";
import { type ListenKey, listenKeyText } from "../../protocol/listenKey.ts";
import type { EventSink } from "../node/channel.ts";
import { answersPlainHttp } from "../node/http.ts";
import {
  interceptListen,
  type ListenArguments,
  type ListenFunction,
  type RawHandle,
  type ServerInternals,
} from "../node/internals.ts";
import { Datagrams, interceptDatagrams } from "./datagrams.ts";
import type { KeepAlive } from "./keepalive.ts";
import { Listening, type ListenReply } from "./listening.ts";
import { dismantle, retire, revive } from "./routes.ts";

type Waiting = (reply: ListenReply, handle: RawHandle | undefined) => void;

/** One a process: who is meant when the application calls `listen`, and who waits for a reply. */
export class ListenDesk {
  /** Whose code is calling. */
  caller: () => Listeners | undefined = () => undefined;
  readonly #waiting = new Map<number, Waiting>();
  #callers: WeakMap<object, Listeners> | undefined;
  #nextId = 1;

  constructor() {
    interceptDatagrams(() => this.caller()?.datagrams);
    interceptListen((server, asked, original) =>
      (this.#callers?.get(server) ?? this.caller())?.begin(server, asked, original),
    );
  }

  /**
   * From the first swap on: who called is asked at `listen` itself, since the wrap point may come after
   * a name was looked up.
   */
  noteCallers(): void {
    if (this.#callers !== undefined) return;
    const callers = new WeakMap<object, Listeners>();
    this.#callers = callers;
    const { prototype } = net.Server;
    const { listen } = prototype;
    const caller = () => this.caller();
    prototype.listen = function (this: net.Server, ...parts: unknown[]) {
      const found = caller();
      if (found !== undefined) callers.set(this, found);
      return Reflect.apply(listen, this, parts) as net.Server;
    } as typeof listen;
  }

  expect(waiting: Waiting): number {
    const id = this.#nextId++;
    this.#waiting.set(id, waiting);
    return id;
  }

  /** The supervisor's `listenReply`. */
  reply(reply: ListenReply, handle: RawHandle | undefined): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (waiting === undefined) handle?.close();
    else waiting(reply, handle);
  }
}

export class Listeners {
  readonly #channel: EventSink;
  readonly #keepAlive: KeepAlive;
  readonly #desk: ListenDesk;
  readonly #all = new Set<Listening>();
  readonly datagrams: Datagrams;
  #accepting = false;
  /** While this generation is loaded for a swap: those of the one that serves. */
  lender: Listeners | undefined;
  /** Nobody else has been serving on its sockets: as under plain Node, whoever sees 'listening' is answered. */
  acceptsAtOnce: () => boolean = () => false;
  /** A server has begun to listen, or has given up. */
  onChange: () => void = () => {};
  /** A server is about to listen. */
  onServer: (server: object) => void = () => {};

  constructor(channel: EventSink, keepAlive: KeepAlive, desk: ListenDesk) {
    this.#channel = channel;
    this.#keepAlive = keepAlive;
    this.#desk = desk;
    this.datagrams = new Datagrams(channel, keepAlive, (waiting) => desk.expect(waiting));
  }

  get all(): Listening[] {
    return [...this.#all];
  }

  /** True once a server listens and none waits for its socket. */
  get settled(): boolean {
    return this.#all.size > 0 && this.all.every((listening) => listening.state !== "asked");
  }

  /** Of servers that answer HTTP without TLS. */
  get httpKeys(): ListenKey[] {
    return this.all.filter(({ server }) => answersPlainHttp(server)).map(({ key }) => key);
  }

  get keyTexts(): string[] {
    return this.all.map(({ key }) => listenKeyText(key));
  }

  byKey(key: ListenKey): Listening | undefined {
    const text = listenKeyText(key);
    return this.all.find((listening) => listenKeyText(listening.key) === text);
  }

  /** Every server accepts; those that were frozen ask for their sockets again. */
  async accept(): Promise<void> {
    this.#accepting = true;
    this.datagrams.receive();
    await Promise.all(this.all.map((listening) => this.#acceptOne(listening)));
    this.#updateLife();
  }

  /** No server accepts any more; none is closed. */
  freeze(): void {
    this.#accepting = false;
    this.datagrams.freeze();
    for (const listening of this.#all) listening.freeze();
    this.#updateLife();
  }

  /** The same, but that no socket is let go of: a swap takes less than a moment. */
  freezeForSwap(): void {
    this.datagrams.freeze();
    for (const listening of this.#all) listening.freezeForSwap();
  }

  /** The sockets that the other generation in this process has, as far as both ask for them. */
  takeFrom(other: Listeners): void {
    for (const listening of this.#all) {
      const partner = other.byKey(listening.key);
      if (partner?.state !== "accepting") {
        listening.lose();
        continue;
      }
      revive(listening.server, partner.route);
      listening.takeFrom(partner);
    }
    for (const listening of other.#all) if (listening.state !== "lent") listening.freeze();
    other.#accepting = false;
    other.datagrams.freeze();
    other.#updateLife();
  }

  /** After the other generation's `takeFrom`, and once nothing of a freeze hangs on the servers. */
  retire(): void {
    for (const { state, server, route } of this.#all) if (state === "lent") retire(server, route);
  }

  /** The generation is gone for good. */
  dismantle(): void {
    for (const listening of this.#all) {
      if (listening.state === "lent") dismantle(listening.server, listening.route);
      else (listening.server as unknown as net.Server).close();
    }
    this.#all.clear();
    this.datagrams.dismantle();
    this.#updateLife();
  }

  async #acceptOne(listening: Listening): Promise<void> {
    let fresh: RawHandle | undefined;
    if (listening.state === "frozen") {
      const { reply, handle } = await this.#ask(listening);
      if (handle === undefined) throw new Error(failureText(listening.key, errnoOf(reply)));
      fresh = handle;
    }
    listening.thaw();
    const errno = listening.accept(fresh);
    if (errno !== 0) throw new Error(failureText(listening.key, errno));
  }

  async begin(
    server: ServerInternals,
    asked: ListenArguments,
    original: ListenFunction,
  ): Promise<void> {
    const key = this.#keyOf(asked);
    const listening = new Listening(server, key, asked, original, () => this.#closed(listening));
    this.#all.add(listening);
    this.onServer(server);
    this.#updateLife();
    const partner = this.lender?.byKey(key);
    if (partner?.state === "accepting") {
      this.#channel.send({ type: "claim", key });
      listening.beginLent(partner);
      this.onChange();
      return;
    }
    const { reply, handle } = await this.#ask(listening);
    if (handle === undefined || isUnbound(key, handle)) {
      handle?.close();
      this.#all.delete(listening);
      listening.fail(handle === undefined ? errnoOf(reply) : constants.errno.EADDRINUSE);
    } else {
      listening.begin(handle);
      if (this.#accepting || this.acceptsAtOnce()) await this.#acceptOne(listening);
    }
    this.#updateLife();
    this.onChange();
  }

  #ask(listening: Listening): Promise<{ reply: ListenReply; handle: RawHandle | undefined }> {
    const { key, flags } = listening;
    return new Promise((resolve) => {
      const id = this.#desk.expect((reply, handle) => resolve({ reply, handle }));
      this.#channel.send({ type: "listen", id, key, flags });
    });
  }

  #closed(listening: Listening): void {
    this.#all.delete(listening);
    if (listening.wasLent) return;
    this.#channel.send({ type: "unlisten", key: listening.key });
    this.#updateLife();
  }

  #keyOf({ address, port, addressType, fd }: ListenArguments): ListenKey {
    const key: ListenKey = { family: 6, address, port, ordinal: 0 };
    if (typeof fd === "number" && fd >= 0) {
      Object.assign(key, { family: "fd", address: null, port: fd });
    } else if (port === -1) {
      // A relative one lies in var/: beside the code, each version would have another.
      const below = process.env.TSUGI_DATA_DIR ?? "";
      const isAbstract = address === null || address.startsWith("\0");
      const path = isAbstract ? address : absolute(below, address);
      Object.assign(key, { family: "pipe", address: path, port: -1 });
    } else if (address) key.family = addressType === 6 ? 6 : 4;
    else key.address = null;
    while (this.byKey(key) !== undefined) key.ordinal += 1;
    return key;
  }

  /** Only an accepting socket keeps the event loop alive by itself. */
  #updateLife(): void {
    const needed = this.all.some((it) => it.wantsLife && it.state !== "accepting");
    if (needed) this.#keepAlive.add(this);
    else this.#keepAlive.delete(this);
  }
}

/**
 * A bind to a used port fails only at `listen`; a socket that carries such a failure arrives
 * unbound, and listening on it would take a port that nobody asked for.
 */
function isUnbound(key: ListenKey, handle: RawHandle): boolean {
  if (typeof key.family !== "number" || key.port === 0) return false;
  const bound: { port?: number } = {};
  handle.getsockname?.(bound as Record<string, unknown>);
  return bound.port !== key.port;
}

/** A handle may be lost on its way as well: then nobody has said why. */
const errnoOf = (reply: ListenReply): number => reply.errno ?? constants.errno.EINVAL;

const failureText = (key: ListenKey, errno: number): string =>
  `listen on ${listenKeyText(key)}: ${getSystemErrorName(-Math.abs(errno))}`;
