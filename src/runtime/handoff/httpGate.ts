/**
 * The gate before an HTTP/1.1 server of a generation that takes no new requests. Unless it is frozen
 * it does not exist: nothing of it is on the path of a request.
 *
 * Frozen, each connection is one of
 *
 *   idle      nothing under way; not read; what its client sends waits in the kernel
 *   busy      a response is under way, or a request is half received: read on, until it is not
 *   waiting   its request came in since: kept from the application. `thaw()` hands it over late; a carry turns it back into bytes and sends those along
 *
 * A response *holds* a freeze until its head is sent, it ends, or it is exempt.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { handleOf, responseOf } from "../node/fields.ts";
import { freezeSocket, isFrozen, thawSocket } from "../node/frozenSockets.ts";
import { isAtWork, readableState, wasContinued } from "../node/http.ts";
import {
  connectionsOf,
  type HttpParser,
  type HttpServerInternals,
  type SocketInternals,
} from "../node/internals.ts";
import { isChunked, readAll, requestBytes } from "./httpHead.ts";
import { withUnread } from "./waited.ts";

/** Events by which a request reaches an application. */
const REQUEST_EVENTS = new Set(["request", "checkContinue", "checkExpectation"]);
const UPGRADE_EVENTS = new Set(["upgrade", "connect"]);
const SWEEP_MS = 10;

interface Waiting {
  event: string;
  request: IncomingMessage;
  /** The arguments of the event. */
  parts: unknown[];
  /** Of the request's buffer, as it was. */
  highWaterMark: number;
}

class Connection {
  readonly socket: SocketInternals;
  readonly waiting: Waiting[] = [];
  /** It is idle after a request, not before its first. */
  hasServed = false;

  constructor(socket: SocketInternals) {
    this.socket = socket;
  }

  get gone(): boolean {
    return this.socket.destroyed || handleOf(this.socket) === null;
  }

  /** The response under way, unless it answers a request that the application has not seen. */
  get response(): ServerResponse | undefined {
    const response = responseOf(this.socket);
    if (!response || this.waiting.some(({ parts }) => parts[1] === response)) return undefined;
    return response;
  }

  /** In the middle of a message, except a waiting one whose rest can follow by itself. */
  isReceiving(active: Set<HttpParser>): boolean {
    const { socket } = this;
    const last = this.waiting.at(-1);
    if (last && UPGRADE_EVENTS.has(last.event)) return false;
    if (!socket.parser || !active.has(socket.parser) || socket.bytesRead === 0) return false;
    return last === undefined || last.request.complete || isChunked(last.request);
  }
}

export class HttpGate {
  readonly server: HttpServerInternals;
  readonly #exempt: WeakSet<object>;
  readonly #connections = new Map<SocketInternals, Connection>();
  #sweep: NodeJS.Timeout | undefined;
  #restoreEmit: () => void = () => {};
  /** Something changed that a wait may be waiting for. */
  onChange: () => void = () => {};
  /**
   * False for TLS: a request there cannot be sent along as bytes. And where the application has read
   * something of a connection before HTTP begins: the next version would look for it again.
   */
  readonly carries: boolean;
  #servesLast = false;
  #endsIdle = false;

  /** `takesConnections`: of node/http.ts. */
  constructor(server: HttpServerInternals, exempt: WeakSet<object>, takesConnections: boolean) {
    this.server = server;
    this.#exempt = exempt;
    this.carries = !("setSecureContext" in server) && takesConnections;
  }

  get isFrozen(): boolean {
    return this.#sweep !== undefined;
  }

  get connections(): Connection[] {
    return [...this.#connections.values()];
  }

  freeze(): void {
    if (this.isFrozen) return;
    this.#interceptRequests();
    for (const { socket } of connectionsOf(this.server)?.all() ?? []) {
      if (socket) this.#connections.set(socket, new Connection(socket));
    }
    this.#sweep = setInterval(() => this.#review(), SWEEP_MS).unref();
    this.#review();
    for (const response of this.holding()) response.once("close", () => this.#review());
  }

  /** Everything goes on as if nothing had been frozen; waiting requests first. */
  thaw(): void {
    if (!this.isFrozen) return;
    this.unhook();
    this.flush();
  }

  /** The first half of a thaw: the server is as it was, and what waits is not yet let go. */
  unhook(): void {
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#servesLast = false;
    this.#restoreEmit();
  }

  flush(): void {
    const connections = this.connections;
    this.#connections.clear();
    for (const { waiting } of connections) {
      for (const { event, parts, highWaterMark, request } of waiting) {
        readableState(request).highWaterMark = highWaterMark;
        this.server.emit(event, ...parts);
      }
    }
    for (const { socket } of connections) if (!socket.destroyed) thawSocket(socket);
  }

  /**
   * After a carry, where connections cannot follow (TLS): each request that still comes is served
   * here, and is the last one of its connection.
   */
  serveLast({ endIdle = false } = {}): void {
    this.#servesLast = true;
    this.#endsIdle = endIdle;
    for (const { waiting, socket, response } of this.connections) {
      if (response && !response.headersSent) response.shouldKeepAlive = false;
      for (const { event, parts } of waiting.splice(0)) {
        if (REQUEST_EVENTS.has(event)) (parts[1] as ServerResponse).shouldKeepAlive = false;
        this.server.emit(event, ...parts);
      }
      if (!socket.destroyed) thawSocket(socket);
    }
    this.#review();
  }

  /** Before they are let go of: requests that came in since the freeze, read or not. */
  async waited(): Promise<number> {
    const kept = this.connections.reduce((sum, { waiting }) => sum + waiting.length, 0);
    const quiet = this.connections.filter(({ waiting }) => waiting.length === 0);
    const sockets = quiet.map(({ socket }) => socket).filter(isFrozen);
    return kept + (await withUnread(sockets));
  }

  /** Responses that a freeze waits for. */
  holding(): ServerResponse[] {
    return this.#responses().filter(
      (response) => !response.headersSent && !this.#exempt.has(response),
    );
  }

  /** Its application has a request in hand: what it says to others belongs to that. */
  get isAtWork(): boolean {
    return this.#responses().some((response) => isAtWork(response) && !this.#exempt.has(response));
  }

  #responses(): ServerResponse[] {
    return this.connections
      .filter((connection) => !connection.gone)
      .map((connection) => connection.response)
      .filter((response): response is ServerResponse => response !== undefined);
  }

  /** Connections with nothing under way in this process. The rest is still busy. */
  movable(): Connection[] {
    const active = this.#active();
    const movable = this.connections.filter(
      (connection) => !connection.gone && isFrozen(connection.socket) && isFree(connection, active),
    );
    for (const connection of movable) {
      const { parser } = connection.socket;
      // Node counts a connection that has not sent a byte yet among the active ones.
      connection.hasServed = parser != null && !active.has(parser);
    }
    return movable;
  }

  /** The connection is on its way: it is no longer this gate's. Returns the bytes to send along. */
  take(connection: Connection): Buffer {
    this.#connections.delete(connection.socket);
    const parts = connection.waiting.map(({ event, request, parts }) => {
      request.on("error", () => {});
      const bytes = requestBytes(request, wasContinued(parts[1]));
      return UPGRADE_EVENTS.has(event) ? Buffer.concat([bytes, parts[2] as Buffer]) : bytes;
    });
    parts.push(readAll(connection.socket));
    return Buffer.concat(parts);
  }

  #active(): Set<HttpParser> {
    return new Set(connectionsOf(this.server)?.active());
  }

  #review(): void {
    const active = this.#active();
    for (const connection of this.#connections.values()) {
      if (connection.gone) this.#connections.delete(connection.socket);
      else if (this.#endsIdle && isFree(connection, active)) connection.socket.destroySoon();
      else if (!isFrozen(connection.socket) && !this.#mustRead(connection, active)) {
        freezeSocket(connection.socket);
      }
    }
    this.onChange();
  }

  /** The rest of a message that is under way has to be read; the next message has not. */
  #mustRead(connection: Connection, active: Set<HttpParser>): boolean {
    if (this.#servesLast) return true;
    return connection.isReceiving(active);
  }

  #interceptRequests(): void {
    const { server } = this;
    const { emit } = server;
    const own = Object.getOwnPropertyDescriptor(server, "emit");
    this.#restoreEmit = () => {
      if (own) Object.defineProperty(server, "emit", own);
      else delete (server as Partial<HttpServerInternals>).emit;
    };
    // Accepted just before the freeze, or carried here by a generation that is older still.
    const arrived = (socket: SocketInternals) => {
      if (!this.carries || !socket.parser) return;
      this.#connections.set(socket, new Connection(socket));
      setImmediate(() => this.isFrozen && this.#review());
    };
    const keeps = (event: string, parts: unknown[]) => this.#keeps(event, parts);
    server.emit = (event: string | symbol, ...parts: unknown[]): boolean => {
      if (typeof event === "string" && keeps(event, parts)) return true;
      const heard = Reflect.apply(emit, server, [event, ...parts]);
      if (event === "connection") arrived(parts[0] as SocketInternals);
      return heard;
    };
  }

  #keeps(event: string, parts: unknown[]): boolean {
    if (!REQUEST_EVENTS.has(event) && !UPGRADE_EVENTS.has(event)) return false;
    const request = parts[0] as IncomingMessage;
    const socket = request.socket as SocketInternals;
    if (UPGRADE_EVENTS.has(event) && parts[1] !== socket) return false;
    if (this.#servesLast) {
      // Served here, and the last one on this connection.
      if (REQUEST_EVENTS.has(event)) (parts[1] as ServerResponse).shouldKeepAlive = false;
      return false;
    }
    let connection = this.#connections.get(socket);
    if (connection === undefined) {
      connection = new Connection(socket);
      this.#connections.set(socket, connection);
    }
    const state = readableState(request);
    connection.waiting.push({ event, request, parts, highWaterMark: state.highWaterMark });
    // The body waits in the request, however long it is, for whoever gets it.
    state.highWaterMark = Number.MAX_SAFE_INTEGER;
    setImmediate(() => this.isFrozen && this.#review());
    return true;
  }
}

const isFree = (connection: Connection, active: Set<HttpParser>): boolean =>
  connection.response === undefined &&
  !connection.isReceiving(active) &&
  connection.socket.writableLength === 0;

export type { Connection as HttpConnection };
