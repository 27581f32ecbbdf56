/**
 * The connections of a generation that is being left: held still for a freeze, sent to the next
 * generation, or brought to their end here.
 *
 *   close()    ─► open()                      freeze, thaw
 *   close()    ─► release() ─► drain()        an upgrade
 *                              drain()        a stop: nobody takes over
 *   close()    ─► switchOver() ─► releaseTo() ─► drainHere()        a swap
 */
import type { ServerResponse } from "node:http";
import type { HotRegistry } from "../../hot/registry.ts";
import type { ConnectionMeta, Holder, ListenKey, WorkerReplies } from "../../protocol/worker.ts";
import type { EventSink } from "../worker/channel.ts";
import type { Listeners } from "../worker/listeners.ts";
import type { Listening } from "../worker/listening.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type RawHandle,
  type ServerInternals,
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
import type { CarrierIdentity, SendConnection } from "./sockets/carrier.ts";
import type { Carriers } from "./sockets/carriers.ts";
import { Turns } from "./turns.ts";

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
  channel: EventSink;
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
  /** In place: what the old code brings to its end. */
  #finishing = new Set<ServerResponse>();
  #stragglers = new Set<SocketInternals>();
  #waited = 0;
  #stayed = 0;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    const { listeners } = parts;
    listeners.onServer = (server) => {
      rememberSecured(server);
      if (isHttp2Server(server) && !this.#http2.has(server)) {
        this.#http2.set(server, new Http2Sessions(server));
      }
    };
    this.ages = new Ages(() => [...this.#servers()]);
  }

  /** From here on no request reaches the application. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const sessions of this.#http2.values()) sessions.close();
    this.#gates = this.#parts.listeners.all.flatMap((listening) =>
      serversOf(listening)
        .filter((server) => connectionsOf(server) !== undefined)
        .map((server) => ({
          listening,
          gate: new HttpGate(server as HttpServerInternals, this.#parts.registry.exempt),
        })),
    );
    for (const { gate } of this.#gates) gate.close();
    for (const { gate } of this.#gates) {
      for (const response of gate.holding()) this.ages.note(response);
    }
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  stillOthers({ inPlace }: { inPlace: boolean }): void {
    if (inPlace) this.#parts.carriers.hold();
    else this.#parts.carriers.still();
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
    const http = [...this.#servers()].flatMap((server) =>
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

  /**
   * In place: what waits goes on in the generation that `takeOver` puts in charge. What the old
   * code has begun to answer it answers to the end.
   */
  switchOver(takeOver: () => void): void {
    const { carriers } = this.#parts;
    carriers.hold();
    const unregistered = this.#closed ? this.#stilled : this.#unregistered();
    this.#stragglers = new Set(unregistered.filter((socket) => !carriers.owns(socket)));
    this.#oldLeft();
    this.#stayed = this.#known;
    this.#finishing = new Set(this.#responses());
    for (const response of this.#finishing) {
      response.once("close", () => this.#finishing.delete(response));
    }
    const gates = this.#gates.splice(0).map(({ gate }) => gate);
    this.#waited = gates.reduce((sum, gate) => sum + gate.heldCount, 0);
    for (const gate of gates) gate.unhook();
    for (const sessions of this.#http2.values()) sessions.unhook();
    takeOver();
    this.#closed = false;
    for (const gate of gates) gate.flush();
    for (const sessions of this.#http2.values()) sessions.flush();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
  }

  /** In place: HTTP/2 sessions stay with the server that has them, whoever serves. */
  inheritFrom(other: Outgoing): void {
    for (const [server, sessions] of other.#http2) {
      if (sessions.size > 0) this.#http2.set(server, sessions);
    }
  }

  /**
   * In place, after `switchOver`: registered connections go over, as they are where that is possible,
   * each as soon as it can. `adopt`: what had to be taken apart.
   */
  async releaseTo(
    to: Carriers,
    adopt: (meta: ConnectionMeta, handle: RawHandle | undefined) => void,
  ): Promise<WorkerReplies["releaseConnections"]> {
    const turns = new Turns();
    const onPassed = () => turns.end();
    const carrierFor = (identity: CarrierIdentity) => to.find(identity);
    const adoptHere: SendConnection = async (meta, handle) => {
      if (handle !== undefined) this.#carried += 1;
      adopt(meta, handle);
      await turns.end();
    };
    await this.#parts.carriers.release(adoptHere, { carrierFor, onPassed });
    endEventStreams([...this.#finishing]);
    const left = this.#oldLeft();
    return { carried: this.#carried, left, waited: this.#waited, stayed: this.#stayed };
  }

  /** In place: waits for what the old code has begun, at most drainMs, then ends it. */
  async drainHere(drainMs: number): Promise<WorkerReplies["drain"]> {
    const atFirst = this.#stragglers.size;
    const deadline = performance.now() + drainMs;
    while (this.#oldLeft() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    this.#parts.carriers.open();
    const lost = this.#finishing.size;
    for (const response of this.#finishing) response.destroy();
    this.#farewell([...this.#stragglers, ...this.#parts.carriers.left]);
    return { drained: atFirst, lost };
  }

  /** Nothing of this process's life holds it any more. */
  unload(): void {
    this.ages.stop();
    this.#http2.clear();
    this.#stragglers.clear();
    this.#finishing.clear();
  }

  #oldLeft(): number {
    const beneath = this.#beneathTls();
    for (const socket of this.#stragglers) {
      if (socket.destroyed || beneath.has(socket)) this.#stragglers.delete(socket);
    }
    return this.#stragglers.size + this.#finishing.size + this.#parts.carriers.left.length;
  }

  /** Waits for what is left, at most drainMs, then ends it. */
  async drain(drainMs: number): Promise<WorkerReplies["drain"]> {
    const before = this.#carried;
    const atFirst = this.size;
    if (!this.#released) this.#endIdle();
    await this.#emptyWithin(drainMs);
    this.#parts.carriers.open();
    const lost = this.#left().filter(isAnswering);
    for (const sessions of this.#http2.values()) sessions.destroy();
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
    for (const sessions of this.#http2.values()) sessions.destroy();
    this.#farewell(this.#others().filter(isWebSocket));
  }

  #farewell(sockets: SocketInternals[]): void {
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
    const listening = this.#parts.listeners.all.find(
      (it) => it.server === server || it.route.former.has(server as ServerInternals),
    );
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
    return otherSockets(this.#servers());
  }

  #servers(): Set<ServerInternals> {
    return new Set(this.#parts.listeners.all.flatMap(serversOf));
  }

  /** Sockets that carry a TLS connection which speaks HTTP: no connections of their own. */
  #beneathTls(): Set<SocketInternals | undefined> {
    const connections = [...this.#servers()].flatMap((it) => connectionsOf(it)?.all() ?? []);
    return new Set(connections.map(({ socket }) => socket?._parent));
  }

  /** Under way, and seen by the application. */
  #responses(): ServerResponse[] {
    const gated = new Map(
      this.#gates.flatMap(({ gate }) => gate.connections.map((one) => [one.socket, one.response])),
    );
    return [...this.#servers()]
      .flatMap((server) => connectionsOf(server)?.all() ?? [])
      .map(({ socket }) => (socket && gated.has(socket) ? gated.get(socket) : socket?._httpMessage))
      .filter((response) => response !== undefined && response !== null);
  }

  /** Open connections that need not be looked for. */
  get #known(): number {
    const servers = [...this.#servers()];
    const http = servers.reduce((sum, it) => sum + (connectionsOf(it)?.all().length ?? 0), 0);
    const http2 = [...this.#http2.values()].reduce((sum, { size }) => sum + size, 0);
    return http + http2 + this.#parts.carriers.size;
  }

  /** Open connections as the servers count them. */
  get accepted(): number {
    return [...this.#servers()].reduce((sum, { _connections: open }) => sum + open, 0);
  }

  #unregistered(): SocketInternals[] {
    const { carriers } = this.#parts;
    const isHttp2 = ({ _server, server }: SocketInternals) =>
      this.#http2.has((_server ?? server) as object);
    if (this.#known === this.accepted) return [];
    return this.#others().filter((socket) => !carriers.owns(socket) && !isHttp2(socket));
  }

  #endEventStreams(): void {
    endEventStreams(this.#left().map((socket) => socket._httpMessage));
  }
}

function endEventStreams(responses: (ServerResponse | null | undefined)[]): void {
  for (const response of responses) {
    if (!isEventStream(response)) continue;
    setTimeout(() => response!.end(), Math.random() * SPREAD_MS);
  }
}

/** Those of older generations in this process too, as far as they have connections. */
const serversOf = ({ server, route }: Listening): ServerInternals[] =>
  route.server === server ? [server, ...route.former] : [server];
