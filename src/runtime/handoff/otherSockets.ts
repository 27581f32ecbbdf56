/**
 * Connections of the application's servers that are not HTTP (any more): upgraded ones, and those
 * of plain TCP servers. Found among Node's active handles when they are needed.
 */
import type net from "node:net";
import { SERVICE_RESTART } from "../carry/ws/serviceRestart.ts";
import { activeSockets, handleOf, responseOf, serverOf, transportOf } from "../node/fields.ts";
import { connectionsOf, type SocketInternals } from "../node/internals.ts";
import { hiddenIn } from "../node/symbols.ts";
import { isHttp2Server } from "./http2.ts";

/** The TLS socket on each accepted one: the handle belongs to the one below, all else to it. */
const secured = new WeakMap<SocketInternals, SocketInternals>();

/** For a TLS server, before its first connection. */
export function rememberSecured(server: object): void {
  if (!("setSecureContext" in server)) return;
  (server as unknown as net.Server).on("secureConnection", (socket: SocketInternals) => {
    const transport = transportOf(socket);
    if (transport) secured.set(transport, socket);
  });
}

export function otherSockets(servers: ReadonlySet<object>): SocketInternals[] {
  return (
    activeSockets()
      // Of one that has gone the handle may not be closed yet.
      .filter((socket) => handleOf(socket) !== null)
      .map((socket) => secured.get(socket) ?? socket)
      .filter((socket) => {
        const server = serverOf(socket);
        if (socket.destroyed || server === undefined || !servers.has(server)) return false;
        return connectionsOf(server) === undefined || !socket.parser;
      })
  );
}

interface ClosableWebSocket {
  close(code: number, reason: string): void;
}

/** The `ws` object of an upgraded socket, registered or not. */
const webSocketOf = (socket: SocketInternals): ClosableWebSocket | undefined =>
  hiddenIn(socket, "websocket");

export const isWebSocket = (socket: SocketInternals): boolean => webSocketOf(socket) !== undefined;

/** Says goodbye to a WebSocket; false where the socket is none. */
export function closeWebSocket(socket: SocketInternals): boolean {
  const webSocket = webSocketOf(socket);
  webSocket?.close(SERVICE_RESTART, "service restart");
  return webSocket !== undefined;
}

/** Belongs to a server that speaks neither HTTP/1 nor HTTP/2. */
export function isPlainTcp(socket: SocketInternals): boolean {
  const owner = serverOf(socket)!;
  return connectionsOf(owner) === undefined && !isHttp2Server(owner);
}

export function isAnswering(socket: SocketInternals): boolean {
  const response = responseOf(socket);
  // One that was upgraded may keep the response that it will never send.
  return response != null && !response.writableEnded && !isWebSocket(socket);
}
