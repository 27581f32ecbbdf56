/** Connections that change hands: what travels with them, and what is said of them on the way. */
import type { ListenKey } from "./listenKey.ts";

/** What an application registers with `hot.websockets`, `hot.sockets`, `hot.socketIo`. */
export type CarriedKind = "websocket" | "tcp" | "socketio";

/** What travels with a carried connection, or ahead of it. */
export interface ConnectionMeta {
  kind: "http" | CarriedKind;
  /** The key of the listening socket that it came in by. */
  key: ListenKey;
  /** Registered servers only: the ordinal among those of its kind in the process. */
  server?: number;
  /** Bytes the old generation has read and not used. */
  head?: Uint8Array;
  /** Structured-cloneable; for a WebSocket: protocol state and the data of `save`. */
  data?: unknown;
  /** `performance.timeOrigin + performance.now()` when the old generation stopped reading. */
  quietSinceMs: number;
  /** It was announced under this number: `data` went ahead. */
  id?: number;
  /** On its way back: under which number the receiver had announced it. */
  origin?: number;
  /** And what was written to it here, where its handle has never come. */
  kept?: Uint8Array;
  /** A WebSocket that the old generation has begun to close since it was announced. */
  closeSent?: true;
  /** Its handle came with its introduction. */
  isAhead?: true;
}

/**
 * What the workers of two generations say to each other, one way, over a pipe of their own. The
 * order is the point of it: what the old one still sends to a connection comes after its handle.
 */
export type BetweenWorkers =
  /**
   * While the old one serves: what does not change of a connection, with a second handle to it that
   * nobody reads. What is announced of it later comes on top of that.
   */
  | { type: "introduced"; meta: ConnectionMeta }
  /** One that was introduced stays where it is, or has ended. */
  | { type: "gone"; id: number }
  | { type: "announced"; connections: ConnectionMeta[] }
  /** Of those that can be announced, there are no more. */
  | { type: "allAnnounced"; count: number }
  /** With a handle; without one, the connection has ended. */
  | { type: "connection"; meta: ConnectionMeta }
  /** The same for those whose handles are there already. */
  | { type: "released"; connections: ConnectionMeta[] }
  /** Its handle is with the supervisors: whoever had it may be gone before it comes. */
  | { type: "relayed"; id: number }
  /** The old generation has still sent something to it. */
  | { type: "late"; id: number; bytes: Uint8Array };

/** A connection that goes on in the new generation. */
export interface AdoptedConnection {
  kind: ConnectionMeta["kind"];
  /** How long nobody read from it. */
  quietMs: number;
  /** Something of its client's had been waiting in the kernel. */
  waited: boolean;
}
