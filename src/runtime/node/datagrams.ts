/** What stands behind a `dgram` socket of Node: the fields that `bind` itself uses. */
import dgram, { type Socket } from "node:dgram";
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
  addMembership(group: string, address?: string): number;
  dropMembership(group: string, address?: string): number;
  addSourceSpecificMembership(source: string, group: string, address?: string): number;
  dropSourceSpecificMembership(source: string, group: string, address?: string): number;
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
