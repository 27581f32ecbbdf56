/**
 * The types behind Node's servers and sockets. All that tsugi uses of Node beyond its documented API
 * stands in this folder; checked on Node 20, 22, 24 and 26 by test/contract/worker*.test.ts.
 */
import type { Server as HttpServer, IncomingMessage, ServerResponse } from "node:http";
import net, { type Server, type Socket } from "node:net";
import { symbolOf } from "./symbols.ts";

/** A libuv handle as `net` wraps it: TCP or Pipe. */
export interface RawHandle {
  listen(backlog: number): number;
  close(callback?: () => void): void;
  readStart(): number;
  readStop(): number;
  ref(): void;
  unref(): void;
  hasRef?(): boolean;
  getAsyncId?(): number;
  getsockname?(out: Record<string, unknown>): number;
  getpeername?(out: Record<string, unknown>): number;
  setNoDelay?(enable: boolean): number;
  setKeepAlive?(enable: boolean, delaySeconds: number): number;
  onread?: unknown;
  fchmod?(mode: number): number;
  onconnection?: unknown;
  reading?: boolean;
  _consumed?: boolean;
  [key: symbol]: unknown;
}

/** A `net.Server` with the fields that stand behind `listen`. */
export type ServerInternals = Omit<Server, "close"> & {
  _handle: RawHandle | null;
  _unref?: boolean;
  _connections: number;
  pauseOnConnect?: boolean;
  _emitCloseIfDrained?(): void;
  _listen2: ListenFunction;
};

/**
 * Node's wrap point for listening: called once the address is resolved, kept under this name
 * "to avoid breaking code that wraps this method".
 */
export type ListenFunction = (
  this: ServerInternals,
  address: string | null,
  port: number,
  addressType: number,
  backlog: number | undefined,
  fd: number | undefined,
  flags: number | undefined,
) => void;

export interface ListenArguments {
  address: string | null;
  port: number;
  addressType: number;
  backlog: number | undefined;
  fd: number | undefined;
  flags: number | undefined;
}

/** `begin` is asked in place of Node, which it may call itself. */
export function interceptListen(
  begin: (server: ServerInternals, asked: ListenArguments, original: ListenFunction) => void,
): void {
  const prototype = net.Server.prototype as unknown as ServerInternals;
  const original = prototype._listen2;
  prototype._listen2 = function (address, port, addressType, backlog, fd, flags) {
    // A server that was given a handle by the application is the application's own business.
    if (this._handle) original.call(this, address, port, addressType, backlog, fd, flags);
    else begin(this, { address, port, addressType, backlog, fd, flags }, original);
  };
}

/** A `net.Socket` with the fields that stand behind reading. */
export type SocketInternals = Omit<Socket, "connecting"> & {
  _handle: RawHandle | null;
  connecting: boolean;
  _peername?: Record<string, unknown>;
  _sockname?: Record<string, unknown>;
  _server?: unknown;
  server?: unknown;
  /** Of an HTTP connection: its parser, and the response that is being sent. */
  parser?: HttpParser | null;
  _httpMessage?: ServerResponse | null;
  encrypted?: boolean;
  /** Of a TLS connection: what carries it. */
  _parent?: SocketInternals;
};

/** Node's HTTP parser, which reads straight from the handle ("consumes" it). */
export interface HttpParser {
  socket: SocketInternals | null;
  incoming: IncomingMessage | null;
  _consumed?: boolean;
  /** Called with each request whose head is whole. */
  onIncoming: (request: IncomingMessage, keepAlive: boolean) => number;
  execute(bytes: Buffer): number | Error;
  unconsume(): void;
}

/** Node's own list of an HTTP server's connections. */
interface ConnectionsList {
  all(): HttpParser[];
  /** Those that are in the middle of a message, and those that have not sent a byte yet. */
  active(): HttpParser[];
}

let connectionsSymbol: symbol | undefined;

/** Undefined for what is not an HTTP/1.1 server. */
export function connectionsOf(server: object): ConnectionsList | undefined {
  // One symbol for all servers; asked for once a connection, so it is looked for once.
  connectionsSymbol ??= symbolOf(server, "http.server.connections");
  return connectionsSymbol && (server as Record<symbol, ConnectionsList>)[connectionsSymbol];
}

export type HttpServerInternals = ServerInternals & HttpServer;
