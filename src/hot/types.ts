/**
 * The application API, as an application sees it: `import { hot } from "tsugi/hot"`.
 *
 * Nothing here is required. An application that only calls `server.listen()` is upgraded by
 * handoff; with `hot` it also carries its state and its WebSockets.
 */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server as NetServer, Socket } from "node:net";

type Awaitable<T> = T | Promise<T>;

/** One step of a migration. Declared as a method so that each step may name its own types. */
export type Migration = { step(previous: unknown): unknown }["step"];

export interface StateOptions<T> {
  /** Version of the value's shape: a whole number, raised whenever the shape changes. Default 1. */
  version?: number;
  /** The value of a first start, or of a state that the previous version did not have. */
  initial: () => T;
  /**
   * Steps to newer versions, by the version they start from: `{ 1: (v1) => v2 }`.
   * Pure: takes the old value, returns the new one.
   */
  upgrade?: Record<number, Migration>;
  /** Steps to older versions, by the version they start from: `{ 2: (v2) => v1 }`. */
  downgrade?: Record<number, Migration>;
  /** Turns the value into structured-cloneable data, where it is not (class instances …). */
  encode?: (value: T) => unknown;
  /** Turns what `encode` made (after migration) back into the value. */
  decode?: { decode(encoded: unknown): T }["decode"];
}

/** A state: read and write it through `.value`; keep the ref, never a copy of what it holds. */
export interface StateRef<T> {
  value: T;
}

/** What `hot.websockets` needs of a `WebSocketServer` of the `ws` package. */
export interface WebSocketServerLike extends EventEmitter {
  clients?: Set<unknown>;
  options: object;
}

/** The WebSockets of a server: `WebSocket` for `WebSocketServer`. */
export type ClientOf<Server> = Server extends { clients?: Set<infer Client> } ? Client : unknown;

/** What `hot.socketIo` needs of a `Server` of the `socket.io` package. */
export interface SocketIoServerLike {
  sockets: { sockets: ReadonlyMap<string, object> };
  engine: object;
}

/** The sockets of a server: `Socket` for `Server` of `socket.io`. */
export type SocketOf<Server extends SocketIoServerLike> =
  Server["sockets"]["sockets"] extends ReadonlyMap<string, infer Socket> ? Socket : never;

/** `Rest`: what both get besides. Of a WebSocket: the request that began it. */
export interface CarryOptions<Connection, Data = unknown, Rest extends unknown[] = []> {
  /** What the application keeps per connection, as structured-cloneable data. */
  save?: (connection: Connection, ...rest: Rest) => Data;
  /** Runs in the new generation before its `'connection'` listener sees the connection. */
  restore?: (connection: Connection, data: Data, ...rest: Rest) => void;
}

/** `router`: its WebSockets are attended to behind the HTTP server's 'upgrade' event, not by 'connection'. */
export interface WebSocketOptions<Connection, Data = unknown>
  extends CarryOptions<Connection, Data, [request: IncomingMessage]> {
  router?: boolean;
  /**
   * The messages by which a client opens its session, and for which `keep` is true: the next version's
   * listener hears them first, and what it answers to them is kept back. At most 64 KiB. Bytes: these
   * are heard instead of all that was `kept` so far, where messages are pieces of a stream.
   */
  replay?: {
    keep: (data: Buffer, isBinary: boolean, kept: Buffer) => boolean | Uint8Array;
  };
}

export interface SocketOptions<Data = unknown> extends CarryOptions<Socket, Data> {
  /**
   * The same of bytes: `keep` gets each chunk as it came and what is kept so far. True: it belongs to
   * that; bytes: these are kept instead, such as whole packets and half of one at the end.
   */
  replay?: { keep: (data: Buffer, kept: Buffer) => boolean | Uint8Array };
}

export interface SocketIoOptions<Connection, Data = unknown>
  extends CarryOptions<Connection, Data> {
  /** Default true; false: `io.use` is asked once more, and may send a client away. */
  skipMiddlewares?: boolean;
}

/** The release that this process belongs to. */
export interface HotRelease {
  readonly name: string;
  readonly version: string;
  /** The version that ran before, when this generation was started by an upgrade. */
  readonly previous: string | null;
  /** Counts the generations of a slot: 1 is the first. */
  readonly generation: number;
  readonly strategy: "start" | "swap" | "handoff" | "replace";
  /** True in a throwaway process that only rehearses the migration of the state. */
  readonly rehearsal: boolean;
}

export interface Hot {
  /**
   * Declares a piece of state that lives on across upgrades. Inside one state identity is kept
   * (cycles, the same object twice); across two it is not.
   */
  state<T>(name: string, options: StateOptions<T>): StateRef<T>;
  /** Connect, warm up. Runs before anything of the old generation is touched; throwing refuses. */
  prepare(hook: () => Awaitable<unknown>): void;
  /** Start consumers and timers; the state is here. Runs again after a thaw or a hand-back. */
  activate(hook: () => Awaitable<unknown>): void;
  /** Stop consumers; resolve when nothing is under way. */
  freeze(hook: () => Awaitable<unknown>): void;
  /** Close what this generation opened. */
  dispose(hook: () => Awaitable<unknown>): void;
  /**
   * A health check: throwing or returning false means that this generation is not healthy. One that
   * returns `{ requests }`, how many it has answered so far, has them shown by `status --watch` and
   * `metrics`.
   */
  health(hook: () => Awaitable<unknown>): void;
  /** Carries the connections of a `ws` server, with data of the application for each. */
  websockets<Server extends WebSocketServerLike, Data = unknown>(
    server: Server,
    options?: WebSocketOptions<ClientOf<Server>, Data>,
  ): void;
  /** Carries the connections of a `net.createServer` server. */
  sockets<Data = unknown>(server: NetServer, options?: SocketOptions<Data>): void;
  /** Carries the sessions of a Socket.IO server: ids, rooms, `socket.data` and the handshake too. */
  socketIo<Server extends SocketIoServerLike, Data = unknown>(
    io: Server,
    options?: SocketIoOptions<SocketOf<Server>, Data>,
  ): void;
  /** True inside `'connection'` for one that came from the old generation: no second welcome. */
  carried(connection: object): boolean;
  /** This response touches no state any more: an upgrade need not wait for it. */
  exempt(response: ServerResponse): void;
  /**
   * The client of this response comes back by itself and asks for what it missed: an upgrade may end
   * it. Said of no response, it is taken to be so for an `EventSource` alone.
   */
  reconnects(response: ServerResponse): void;
  /** This application may be replaced inside its running process. */
  accept(): void;
  /** Undefined under plain `node`. */
  readonly release: HotRelease | undefined;
}
