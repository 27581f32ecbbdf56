/**
 * A carried WebSocket goes on here. The handshake is replayed to the `ws` server over its public
 * `handleUpgrade`, with the answer kept from the wire: so the socket, its extensions and the
 * server's bookkeeping are what that version of ws makes them.
 */
import { IncomingMessage } from "node:http";
import type { CarryOptions, WebSocketServerLike } from "../../hot/types.ts";
import type { SocketInternals } from "../worker/node-internals.ts";
import type { CarriedHandshake } from "./websockets.ts";

interface UpgradeServer extends WebSocketServerLike {
  options: { verifyClient?: unknown; handleProtocols?: unknown };
  handleUpgrade(
    request: IncomingMessage,
    socket: SocketInternals,
    head: Buffer,
    callback: (client: object, request: IncomingMessage) => void,
  ): void;
}

export function adoptWebSocket(
  registered: WebSocketServerLike,
  options: CarryOptions<object>,
  carried: WeakSet<object>,
  socket: SocketInternals,
  head: Buffer,
  handshake: CarriedHandshake,
): void {
  const server = registered as UpgradeServer;
  const { verifyClient, handleProtocols } = server.options;
  // Both were asked when the client connected; the answers are what is carried.
  Object.assign(server.options, { verifyClient: null, handleProtocols: null });
  // The handshake was answered by the old generation.
  socket.write = () => true;
  try {
    server.handleUpgrade(requestOf(socket, handshake), socket, head, (client, request) => {
      delete (socket as Partial<SocketInternals>).write;
      carried.add(client);
      options.restore?.(client, handshake.saved);
      server.emit("connection", client, request);
    });
  } finally {
    Object.assign(server.options, { verifyClient, handleProtocols });
    delete (socket as Partial<SocketInternals>).write;
  }
}

function requestOf(socket: SocketInternals, handshake: CarriedHandshake): IncomingMessage {
  const request = new IncomingMessage(socket);
  const { url, rawHeaders, protocol, deflate } = handshake;
  const headers: Record<string, string> = {};
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    const value = rawHeaders[at + 1]!;
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  delete headers["sec-websocket-extensions"];
  delete headers["sec-websocket-protocol"];
  headers.upgrade = "websocket";
  headers["sec-websocket-version"] = "13";
  headers["sec-websocket-key"] ??= "dGhlIHNhbXBsZSBub25jZQ==";
  if (protocol) headers["sec-websocket-protocol"] = protocol;
  if (deflate) headers["sec-websocket-extensions"] = offerOf(deflate);
  return Object.assign(request, { method: "GET", url, rawHeaders, headers, httpVersion: "1.1" });
}

/** The offer that leads to the parameters that were agreed on. */
function offerOf(deflate: Record<string, unknown>): string {
  const parts = ["permessage-deflate"];
  for (const [name, value] of Object.entries(deflate)) {
    parts.push(value === true ? name : `${name}=${value}`);
  }
  return parts.join("; ");
}
