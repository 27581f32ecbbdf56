/**
 * The connections of a generation that is being left: held still for a freeze, sent to the next
 * generation, or brought to their end here.
 *
 *   close()    ─► open()                      freeze, thaw
 *   close()    ─► release() ─► drain()        an upgrade
 *                              drain()        a stop: nobody takes over
 */
import type { HotRegistry } from "../../hot/registry.ts";
import type { ConnectionMeta, Holder, ListenKey, WorkerReplies } from "../../protocol/worker.ts";
import type { SupervisorChannel } from "../worker/channel.ts";
import type { Listeners } from "../worker/listeners.ts";
import type { Listening } from "../worker/listening.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type RawHandle,
  type SocketInternals,
} from "../worker/nodeInternals.ts";
import { Ages } from "./ages.ts";
import { Http2Sessions, isHttp2Server } from "./http2.ts";
import { HttpGate } from "./httpGate.ts";
import {
  closeWebSocket,
  isAnswering,
  isEventStream,
  isPlainTcp,
  isWebSocket,
  otherSockets,
  rememberSecured,
} from "./otherSockets.ts";
import { quietSinceMs, resumeReading, stopReading, takeHandle } from "./quiet.ts";
import type { Carriers } from "./sockets/carriers.ts";

/** Clients come back at once when they are told to go: not all at the same instant, then. */
const SPREAD_MS = 1_000;
/** How long a farewell may take to reach its client. */
const FAREWELL_MS = 1_500;
const CHECK_MS = 5;
const MOVES_A_TURN = 20;
const CHECK_MOST_MS = 250;
/** Of a registered connection whose server has stopped listening: nobody needs it there. */
const UNKNOWN_KEY: ListenKey = { family: "fd", address: null, port: -1, ordinal: 0 };

export interface OutgoingParts {
  channel: SupervisorChannel;
  listeners: Listeners;
  registry: HotRegistry;
  /** Of the registered WebSocket and TCP servers. */
  carriers: Carriers;
}

/** What travels with an HTTP connection. */
export interface HttpData {
  hasServed: boolean;
}

interface Gated {
  gate: HttpGate;
  listening: Listening;
}

export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly ages: Ages;
  #gates: Gated[] = [];
  readonly #http2 = new Map<object, Http2Sessions>();
  /** Neither HTTP nor registered; not read while frozen. */
  #stilled: SocketInternals[] = [];
  #closed = false;
  #released = false;
  #carried = 0;
  readonly #sending = new Set<Promise<void>>();

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    const { listeners } = parts;
    listeners.onServer = (server) => {
      rememberSecured(server);
      if (isHttp2Server(server) && !this.#http2.has(server)) {
        this.#http2.set(server, new Http2Sessions(server));
      }
    };
    this.ages = new Ages(() => listeners.all.map(({ server }) => server));
  }

  /** From here on no request reaches the application. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const sessions of this.#http2.values()) sessions.close();
    this.#gates = this.#parts.listeners.all
      .filter(({ server }) => connectionsOf(server) !== undefined)
      .map((listening) => ({
        listening,
        gate: new HttpGate(listening.server as HttpServerInternals, this.#parts.registry.exempt),
      }));
    for (const { gate } of this.#gates) gate.close();
    for (const { gate } of this.#gates) {
      for (const response of gate.holding()) this.ages.note(response);
    }
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  stillOthers(): void {
    this.#parts.carriers.still();
    this.#stilled = this.#unregistered();
    for (const socket of this.#stilled) stopReading(socket);
  }

  /** Everything goes on where it was. */
  open(): void {
    this.#released = false;
    this.#closed = false;
    for (const { gate } of this.#gates.splice(0)) gate.open();
    this.#parts.carriers.open();
    for (const sessions of this.#http2.values()) sessions.open();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
  }

  /** Open connections of this generation, of whatever kind. */
  get size(): number {
    const http = this.#parts.listeners.all.flatMap(({ server }) =>
      (connectionsOf(server)?.all() ?? []).map(({ socket }) => socket),
    );
    return new Set([...http, ...this.#others()]).size;
  }

  /** Requests and messages under way. */
  holders(): Holder[] {
    const requests = this.#gates.flatMap(({ gate }) => gate.holding());
    return [
      ...requests.map(
        (response): Holder => ({
          kind: "request",
          name: `${response.req.method} ${response.req.url}`,
          ageMs: this.ages.of(response),
        }),
      ),
      ...this.#parts.carriers.holders(),
      ...[...this.#http2.values()].flatMap((sessions) => sessions.holders()),
    ];
  }

  /** Resolves when nothing holds the freeze, or once it is over anyway. */
  whenFree(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#closed && this.holders().length > 0) return;
        clearInterval(timer);
        resolve();
      };
      const timer = setInterval(check, CHECK_MS);
      for (const { gate } of this.#gates) gate.onChange = check;
      check();
    });
  }

  /**
   * Sends what can go now; from here on each connection follows as soon as it can. `stateless`:
   * what cannot go may still be served here.
   */
  async release(stateless: boolean): Promise<WorkerReplies["releaseConnections"]> {
    this.#released = true;
    const waited = this.#gates.reduce((sum, { gate }) => sum + gate.heldCount, 0);
    for (const socket of this.#stilled.splice(0)) {
      // One whose upgrade was under way may be a registered WebSocket by now.
      if (!this.#parts.carriers.owns(socket)) resumeReading(socket);
    }
    const moves = this.#gates.map(({ gate, listening }) => {
      if (gate.carries) return this.#follow(gate, listening);
      return gate.serveLast();
    });
    for (const sessions of this.#http2.values()) sessions.end(stateless);
    await this.#parts.carriers.release((meta, handle) => this.#send(meta, handle));
    await Promise.all(moves);
    await this.#allSent();
    this.#endEventStreams();
    return { carried: this.#carried, left: this.#left().length, waited };
  }

  /** Waits for what is left, at most drainMs, then ends it. */
  async drain(drainMs: number): Promise<WorkerReplies["drain"]> {
    const before = this.#carried;
    const atFirst = this.size;
    if (!this.#released) this.#endIdle();
    await this.#emptyWithin(drainMs);
    this.#parts.carriers.open();
    const lost = this.#left().filter(isAnswering);
    this.#farewell(this.#left());
    await this.#emptyWithin(FAREWELL_MS);
    for (const socket of this.#left()) socket.destroy();
    const followed = this.#carried - before;
    return { drained: Math.max(0, atFirst - followed - lost.length), lost: lost.length };
  }

  /**
   * A stop: what has nothing under way ends now, the rest after its response. Plain TCP connections
   * are left to the application's own SIGTERM handler.
   */
  #endIdle(): void {
    this.close();
    for (const { gate } of this.#gates) gate.serveLast({ endIdle: true });
    for (const sessions of this.#http2.values()) sessions.end(true);
    this.#farewell(this.#others().filter(isWebSocket));
  }

  #farewell(sockets: SocketInternals[]): void {
    for (const sessions of this.#http2.values()) sessions.destroy();
    const spreadMs = Math.min(SPREAD_MS, sockets.length);
    sockets.forEach((socket, index) => {
      const end = () => {
        resumeReading(socket);
        if (!closeWebSocket(socket)) socket.destroySoon();
      };
      setTimeout(end, (index * spreadMs) / sockets.length);
    });
  }

  async #emptyWithin(ms: number): Promise<void> {
    const start = performance.now();
    let passedMs = 0;
    while (passedMs < ms && this.#left().length > 0) {
      // Looking at thousands of sockets takes its time: the longer it lasts, the less often.
      const waitMs = Math.min(CHECK_MS + passedMs / 20, CHECK_MOST_MS, ms - passedMs);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      passedMs = performance.now() - start;
    }
    await this.#allSent();
  }

  #allSent(): Promise<unknown> {
    return Promise.all(this.#sending);
  }

  keyOf(socket: SocketInternals): ListenKey {
    const server = socket._server ?? socket.server;
    const listening = this.#parts.listeners.all.find((it) => it.server === server);
    return listening?.key ?? UNKNOWN_KEY;
  }

  /** Sends what is movable now, and from here on whatever becomes so. */
  #follow(gate: HttpGate, listening: Listening): Promise<void> {
    let move: Promise<void> | undefined;
    gate.onChange = () => {
      move ??= this.#sendMovable(gate, listening).finally(() => {
        move = undefined;
      });
    };
    gate.onChange();
    return move ?? Promise.resolve();
  }

  async #sendMovable(gate: HttpGate, { key }: Listening): Promise<void> {
    let count = 0;
    for (const connection of gate.movable()) {
      if (!this.#released) return;
      if (connection.gone) continue;
      const { socket } = connection;
      const data: HttpData = { hasServed: connection.hasServed };
      const head = gate.take(connection);
      const meta: ConnectionMeta = { kind: "http", key, data, quietSinceMs: quietSinceMs(socket) };
      if (head.length > 0) meta.head = head;
      void this.#send(meta, takeHandle(socket));
      count += 1;
      // Requests may still be under way here: thousands of connections are not to hold them up.
      if (count % MOVES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Without a handle: the next generation hears of a connection that has ended meanwhile. */
  #send(meta: ConnectionMeta, handle: RawHandle | undefined): Promise<void> {
    const { channel } = this.#parts;
    if (handle === undefined) {
      channel.send({ type: "connection", meta });
      return Promise.resolve();
    }
    this.#carried += 1;
    const sent = channel
      .sendWithHandle({ type: "connection", meta }, handle)
      .catch(() => {})
      .finally(() => {
        // The kernel holds a reference for the message; this process is done with it.
        handle.close();
        this.#sending.delete(sent);
      });
    this.#sending.add(sent);
    return sent;
  }

  #left(): SocketInternals[] {
    const gated = this.#closed
      ? this.#gates.flatMap(({ gate }) => gate.connections.map(({ socket }) => socket))
      : [];
    const others = this.#others().filter((socket) => this.#released || !isPlainTcp(socket));
    return [...new Set([...gated, ...others])].filter((socket) => !socket.destroyed);
  }

  #others(): SocketInternals[] {
    return otherSockets(new Set(this.#parts.listeners.all.map(({ server }) => server)));
  }

  #unregistered(): SocketInternals[] {
    const { carriers } = this.#parts;
    const isHttp2 = ({ _server, server }: SocketInternals) =>
      this.#http2.has((_server ?? server) as object);
    return this.#others().filter((socket) => !carriers.owns(socket) && !isHttp2(socket));
  }

  #endEventStreams(): void {
    for (const socket of this.#left()) {
      const response = socket._httpMessage;
      if (!isEventStream(response)) continue;
      setTimeout(() => response!.end(), Math.random() * SPREAD_MS);
    }
  }
}
