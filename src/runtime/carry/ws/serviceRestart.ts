import type { SocketInternals } from "../../node/internals.ts";

/** WebSocket close code: the service restarts, come back. */
export const SERVICE_RESTART = 1012;

/** Nobody takes it: said in the words of the protocol, then ended. */
export function refuseWebSocket(socket: SocketInternals): void {
  socket.on("error", () => {});
  socket.end(Buffer.from([0x88, 2, SERVICE_RESTART >> 8, SERVICE_RESTART & 0xff]));
  socket.resume();
}
