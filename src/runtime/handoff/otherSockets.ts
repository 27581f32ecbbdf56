/**
 * Connections of the application's servers that are not HTTP (any more): upgraded ones, and those
 * of plain TCP servers. Found among Node's active handles when they are needed.
 */
import net from "node:net";
import { SERVICE_RESTART } from "../carry/ws/serviceRestart.ts";
import { connectionsOf, type SocketInternals } from "../node/internals.ts";
import { isHttp2Server } from "./http2.ts";

/** The TLS socket on each accepted one: the handle belongs to the one below, all else to it. */
const secured = new WeakMap<SocketInternals, SocketInternals>();

/** For a TLS server, before its first connection. */
export function rememberSecured(server: object): void {
  if (!("setSecureContext" in server)) return;
  (server as unknown as net.Server).on("secureConnection", (socket: SocketInternals & Parented) => {
    if (socket._parent) secured.set(socket._parent, socket);
  });
}

interface Parented {
  _parent?: SocketInternals | null;
}

export function otherSockets(servers: ReadonlySet<object>): SocketInternals[] {
  const active = (process as unknown as { _getActiveHandles(): unknown[] })._getActiveHandles();
  return active
    .filter((handle): handle is SocketInternals => handle instanceof net.Socket)
    .map((socket) => secured.get(socket) ?? socket)
    .filter((socket) => {
      const server = (socket._server ?? socket.server) as object | undefined;
      if (socket.destroyed || server === undefined || !servers.has(server)) return false;
      return connectionsOf(server) === undefined || !socket.parser;
    });
}

interface ClosableWebSocket {
  close(code: number, reason: string): void;
}

/** The `ws` object of an upgraded socket, registered or not. */
function webSocketOf(socket: SocketInternals): ClosableWebSocket | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "websocket",
  );
  return symbol && (socket as unknown as Record<symbol, ClosableWebSocket>)[symbol];
}

export const isWebSocket = (socket: SocketInternals): boolean => webSocketOf(socket) !== undefined;

/** Says goodbye to a WebSocket; false where the socket is none. */
export function closeWebSocket(socket: SocketInternals): boolean {
  const webSocket = webSocketOf(socket);
  webSocket?.close(SERVICE_RESTART, "service restart");
  return webSocket !== undefined;
}

/** Belongs to a server that speaks neither HTTP/1 nor HTTP/2. */
export function isPlainTcp({ _server, server }: SocketInternals): boolean {
  const owner = (_server ?? server) as object;
  return connectionsOf(owner) === undefined && !isHttp2Server(owner);
}

export const isAnswering = ({ _httpMessage: response }: SocketInternals): boolean =>
  response != null && !response.writableEnded;
