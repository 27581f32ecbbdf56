/** Connections that are told to go come back at once: not all at the same instant, then. */

import type { SocketInternals } from "../node/internals.ts";
import { resumeReading } from "../node/quiet.ts";
import { closeWebSocket } from "./otherSockets.ts";

const SPREAD_MS = 1_000;

/** WebSockets with close code 1012, what else there is with a FIN. */
export function closeSpread(sockets: readonly SocketInternals[]): void {
  const spreadMs = Math.min(SPREAD_MS, sockets.length);
  sockets.forEach((socket, index) => {
    const end = () => {
      resumeReading(socket);
      if (!closeWebSocket(socket)) socket.destroySoon();
    };
    setTimeout(end, (index * spreadMs) / sockets.length);
  });
}
