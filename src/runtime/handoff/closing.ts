/** Connections that are told to go come back at once: not all at the same instant, then. */

import { thawSocket } from "../node/frozenSockets.ts";
import type { SocketInternals } from "../node/internals.ts";
import { closeWebSocket } from "./otherSockets.ts";

const SPREAD_MS = 1_000;
/** How long a client may take to answer a close frame. */
const ANSWER_MS = 1_500;
/** Few need less time than many. */
const MS_EACH = 2;

/** WebSockets with close code 1012, what else there is with a FIN. */
export function closeSpread(sockets: readonly SocketInternals[], mostMs = SPREAD_MS): void {
  const spreadMs = Math.min(mostMs, sockets.length * MS_EACH);
  sockets.forEach((socket, index) => {
    const end = () => {
      thawSocket(socket);
      if (!closeWebSocket(socket)) socket.destroySoon();
    };
    setTimeout(end, (index * spreadMs) / sockets.length);
  });
}

/** Those that are WebSockets, and how many they were. One that does not answer is ended. */
export function closeWithin(sockets: readonly SocketInternals[], ms: number): number {
  closeSpread(sockets, ms);
  const end = () => {
    for (const socket of sockets) socket.destroy();
  };
  setTimeout(end, ms + ANSWER_MS).unref();
  return sockets.length;
}
