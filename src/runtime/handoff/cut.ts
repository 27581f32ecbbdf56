/**
 * What is ended though its client believes that there is more to come: a response that has not ended,
 * and a connection that was upgraded to something that nobody here can say goodbye in.
 */

import { responseOf, serverOf } from "../node/fields.ts";
import { connectionsOf, type SocketInternals } from "../node/internals.ts";
import { isAnswering, isWebSocket } from "./otherSockets.ts";

/** A report names so many. */
const NAMED = 20;

export const isCutShort = (socket: SocketInternals): boolean =>
  isAnswering(socket) || isUpgraded(socket);

/** Of a drain. `streams`: of HTTP/2, by their names. */
export function countsOf(
  sockets: readonly SocketInternals[],
  closed: number,
  streams: readonly string[] = [],
) {
  const lost = sockets.length + streams.length;
  const cut = [...sockets.slice(0, NAMED).map(nameOf), ...streams].slice(0, NAMED);
  const named = cut.length > 0 ? { cut } : {};
  return { lost, ...(closed > 0 ? { closed } : {}), ...named };
}

/** Of HTTP, and neither HTTP any more nor a WebSocket of `ws`. */
function isUpgraded(socket: SocketInternals): boolean {
  const owner = serverOf(socket);
  const isOfHttp = owner !== undefined && connectionsOf(owner) !== undefined;
  return isOfHttp && !socket.parser && !isWebSocket(socket) && responseOf(socket) == null;
}

function nameOf(socket: SocketInternals): string {
  const request = responseOf(socket)?.req;
  const path = request?.url?.split("?")[0];
  const what =
    request && isAnswering(socket) ? `${request.method} ${path}` : "an upgraded connection";
  return `${what} (${socket.bytesWritten} bytes sent)`;
}
