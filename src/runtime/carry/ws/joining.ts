/** A WebSocket that goes from one generation's server to another's in the same process. */
import type { WebSocketInternals, WebSocketServerInternals } from "./internals.ts";

/** Options of a server that a connection has taken in when it began. */
const SHAPING = [
  "allowSynchronousEvents",
  "autoPong",
  "closeTimeout",
  "maxBufferedChunks",
  "maxFragments",
  "maxPayload",
  "maxPendingAutoPongs",
  "perMessageDeflate",
  "skipUTF8Validation",
];

export const shapeOf = ({ options }: WebSocketServerInternals): string =>
  JSON.stringify(SHAPING.map((name) => options[name] ?? null));

/** What `ws` does at the end of a handshake. */
export function joinServer(webSocket: WebSocketInternals, server: WebSocketServerInternals): void {
  if (webSocket.isPaused) webSocket.resume();
  webSocket.binaryType = "nodebuffer";
  const { clients } = server;
  if (clients === undefined) return;
  clients.add(webSocket);
  webSocket.on("close", () => {
    clients.delete(webSocket);
    if (server._shouldEmitClose && clients.size === 0) {
      process.nextTick(() => {
        server._state = CLOSED;
        server.emit("close");
      });
    }
  });
}

/** Of a server. */
const CLOSED = 2;
