/** What stands behind a `dgram` socket of Node: the fields that `bind` itself uses. */
import dgram, { type Socket } from "node:dgram";
import { constants } from "node:os";
import type { RawHandle } from "./internals.ts";
import { symbolOf } from "./symbols.ts";

/** A libuv UDP handle. What returns a number returns an errno, negative, or 0. */
export interface DatagramHandle extends RawHandle {
  lookup(address: string, callback: (error: Error | null, ip: string) => void): void;
  bind(ip: string, port: number, flags: number): number;
  recvStart(): number;
  recvStop(): number;
  connect(ip: string, port: number): number;
  disconnect(): number;
  getpeername(out: { address?: string; port?: number }): number;
  addMembership: Membership;
  dropMembership: Membership;
  addSourceSpecificMembership: Membership;
  dropSourceSpecificMembership: Membership;
}

/** A source perhaps, a group, an interface perhaps. */
export type Membership = (...parts: (string | undefined)[]) => number;

export interface Peer {
  ip: string;
  port: number;
}

export const BIND_STATE = { unbound: 0, binding: 1, bound: 2 } as const;

export interface DatagramState {
  /** Null once it is closed. */
  handle: DatagramHandle | null;
  bindState: number;
  reuseAddr?: boolean;
  reusePort?: boolean;
  ipv6Only?: boolean;
}

/** `bind` takes a handle that is bound already in place of a port, and emits 'listening'. */
export type BindDatagram = (this: Socket, ...parts: unknown[]) => Socket;

const FLAGS = { ipv6Only: 1, reuseAddr: 4, reusePort: 8 } as const;

let stateSymbol: symbol | undefined;

export function datagramState(socket: Socket): DatagramState {
  stateSymbol ??= symbolOf(socket, "state symbol");
  return (socket as unknown as Record<symbol, DatagramState>)[stateSymbol!]!;
}

/** Of libuv's `uv_udp_bind`. */
export const bindFlags = (state: DatagramState): number =>
  (state.ipv6Only ? FLAGS.ipv6Only : 0) |
  (state.reuseAddr ? FLAGS.reuseAddr : 0) |
  (state.reusePort ? FLAGS.reusePort : 0);

/** Binds and does not read. Returns an errno where that can't be done. */
export function bindDatagrams(
  type: "udp4" | "udp6",
  ip: string,
  port: number,
  flags: number,
): DatagramHandle | number {
  const handle = datagramState(dgram.createSocket(type)).handle!;
  const errno = handle.bind(ip, port, flags);
  if (errno === 0) return handle;
  handle.close();
  return errno;
}

const METHODS = [
  "close",
  "recvStart",
  "recvStop",
  "connect",
  "disconnect",
  "getpeername",
  "addMembership",
  "dropMembership",
  "addSourceSpecificMembership",
  "dropSourceSpecificMembership",
] as const;

export type DatagramMethods = Pick<DatagramHandle, (typeof METHODS)[number]>;

/** Those of libuv, whatever stands before them on the handle itself. */
export function ownMethods(handle: DatagramHandle): DatagramMethods {
  const own = Object.getPrototypeOf(handle) as DatagramHandle;
  return Object.fromEntries(
    METHODS.map((name) => [name, (own[name] as () => unknown).bind(handle)]),
  ) as unknown as DatagramMethods;
}

/**
 * To that peer, or to nobody in particular. Another process may have directed the kernel's socket,
 * and libuv knows only of what was done in this one.
 */
export function direct(handle: DatagramMethods, peer: Peer | undefined): number {
  const now: { address?: string; port?: number } = {};
  const isDirected = handle.getpeername(now) === 0;
  const isMeant = isDirected && now.address === peer?.ip && now.port === peer?.port;
  if (!isMeant && handle.disconnect() !== 0 && isDirected) {
    handle.connect(now.address!, now.port!);
    handle.disconnect();
  }
  const errno = peer === undefined ? 0 : handle.connect(peer.ip, peer.port);
  return errno === -constants.errno.EISCONN ? 0 : errno;
}
