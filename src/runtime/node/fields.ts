/** The undocumented fields of Node's servers and sockets, each by what it means. */
import type { ServerResponse } from "node:http";
import net from "node:net";
import type { RawHandle, ServerInternals, SocketInternals } from "./internals.ts";

type Holder = { _handle: RawHandle | null };

export const handleOf = (of: Holder): RawHandle | null => of._handle;

export function setHandle(of: Holder, handle: RawHandle | null): void {
  of._handle = handle;
}

/** A socket that has not read yet: its handle alone, which reads nothing. */
export function rawHandleOf(socket: net.Socket): RawHandle {
  const handle = handleOf(socket as unknown as Holder)!;
  handle.readStop();
  return handle;
}

/** `server.unref()` was called. */
export const isUnref = (server: ServerInternals): boolean => server._unref === true;

export const openConnections = (server: ServerInternals): number => server._connections;

/** A server's method that Node calls when a connection has ended, or it is closed. */
export const CONNECTION_ENDED = "_emitCloseIfDrained";

/** Undefined for what no server has accepted. */
export const serverOf = (socket: SocketInternals): object | undefined =>
  (socket._server ?? socket.server) as object | undefined;

/** Whoever waits for the server's last connection does not wait for one that is elsewhere. */
export function leaveServer(socket: SocketInternals): void {
  const server = socket._server as ServerInternals | null | undefined;
  if (!server) return;
  socket._server = null;
  server._connections -= 1;
  server._emitCloseIfDrained?.();
}

export function enterServer(socket: SocketInternals, server: ServerInternals): void {
  socket._server = server;
  server._connections += 1;
}

/** The response that is being sent on an HTTP connection. */
export const responseOf = (socket: SocketInternals): ServerResponse | null | undefined =>
  socket._httpMessage;

/** Of a TLS connection: the socket that carries it. */
export const transportOf = (socket: SocketInternals): SocketInternals | undefined =>
  (socket as { _parent?: SocketInternals | null })._parent ?? undefined;

/** All that keep this process alive. */
export const activeSockets = (): SocketInternals[] =>
  (process as unknown as { _getActiveHandles(): unknown[] })
    ._getActiveHandles()
    .filter((handle): handle is SocketInternals => handle instanceof net.Socket);
