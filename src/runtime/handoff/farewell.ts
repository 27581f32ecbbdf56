/** Connections that are told to go come back at once: not all at the same instant, then. */
import type { ServerResponse } from "node:http";
import { resumeReading } from "../carry/quiet.ts";
import type { SocketInternals } from "../node/internals.ts";
import { closeWebSocket, isEventStream } from "./otherSockets.ts";

const SPREAD_MS = 1_000;

/** WebSockets with close code 1012, what else there is with a FIN. */
export function farewell(sockets: readonly SocketInternals[]): void {
  const spreadMs = Math.min(SPREAD_MS, sockets.length);
  sockets.forEach((socket, index) => {
    const end = () => {
      resumeReading(socket);
      if (!closeWebSocket(socket)) socket.destroySoon();
    };
    setTimeout(end, (index * spreadMs) / sockets.length);
  });
}

/** An EventSource connects again by itself, and asks for what it has missed. */
export function endEventStreams(responses: readonly (ServerResponse | null | undefined)[]): void {
  for (const response of responses) {
    if (!isEventStream(response)) continue;
    setTimeout(() => response!.end(), Math.random() * SPREAD_MS);
  }
}
