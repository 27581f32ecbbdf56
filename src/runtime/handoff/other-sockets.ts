/**
 * Connections of the application's servers that are not HTTP (any more): upgraded ones, and those
 * of plain TCP servers. Found among Node's active handles when they are needed.
 */
import net from "node:net";
import { connectionsOf, type SocketInternals } from "../worker/node-internals.ts";

export function otherSockets(servers: ReadonlySet<object>): SocketInternals[] {
  const active = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  return active.filter((handle): handle is SocketInternals => {
    if (!(handle instanceof net.Socket) || handle.destroyed) return false;
    const socket = handle as SocketInternals;
    const server = (socket._server ?? socket.server) as object | undefined;
    if (server === undefined || !servers.has(server)) return false;
    return connectionsOf(server) === undefined || !socket.parser;
  });
}
