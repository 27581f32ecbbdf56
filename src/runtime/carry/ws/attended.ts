import type { WebSocketConnection } from "./connection.ts";

/**
 * An async 'connection' listener has heard of the connection once it listens for messages, or has
 * come to its end without; it may as well never end.
 */
export function whenAttended(
  connection: WebSocketConnection,
  pending: Promise<unknown>,
  begin: () => void,
): void {
  const { webSocket } = connection;
  if (webSocket.listenerCount("message") > 0) {
    begin();
    return;
  }
  connection.isAttended = false;
  const attended = () => {
    if (connection.isAttended) return;
    connection.isAttended = true;
    webSocket.removeListener("newListener", onListener);
    begin();
  };
  const onListener = (event: string | symbol) => {
    if (event === "message") process.nextTick(attended);
  };
  webSocket.on("newListener", onListener);
  pending.then(attended, (error) => {
    attended();
    throw error;
  });
}
