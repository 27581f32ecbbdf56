/**
 * A server whose WebSockets are attended to behind the HTTP server's 'upgrade' event, by a router
 * that calls `handleUpgrade` with a callback of its own: a carried WebSocket goes that way once more.
 * Up to there nothing of what is said to the connection, in HTTP, may reach a client that has been
 * speaking WebSocket for long.
 */
import type { IncomingMessage } from "node:http";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import { emitAndCollect } from "../inFlight.ts";
import { override } from "../override.ts";
import type { UpgradeCallback, WebSocketInternals, WebSocketServerInternals } from "./internals.ts";

/** A router asks a session store first, or never comes to an end. */
const ROUTE_MS = 5_000;

export interface Way {
  socket: SocketInternals;
  request: IncomingMessage;
  /** The WebSocket as it was; undefined: it has ended meanwhile. */
  make(): WebSocketInternals | undefined;
  onRouted(webSocket: WebSocketInternals | undefined): void;
  /** The router has answered in HTTP, or not at all. */
  onRefused(): void;
}

/** Nobody hears of a 'connection': what a WebSocket is for is known to whoever upgrades it. */
export const isBehindRouter = (server: WebSocketServerInternals, isSaid: boolean): boolean =>
  isSaid || (server.options.noServer === true && server.listenerCount("connection") === 0);

export class Router {
  readonly #ways = new WeakMap<SocketInternals, (callback: UpgradeCallback) => void>();

  /** To be asked at each `handleUpgrade`. True: it was a carried one, and is dealt with. */
  handOver(socket: SocketInternals, callback: UpgradeCallback): boolean {
    const way = this.#ways.get(socket);
    way?.(callback);
    return way !== undefined;
  }

  send(owner: ServerInternals | undefined, way: Way): void {
    const { socket, request, make, onRouted, onRefused } = way;
    const over = () => {
      clearTimeout(timer);
      this.#ways.delete(socket);
      for (const undo of muted) undo();
    };
    const refuse = () => {
      if (!this.#ways.delete(socket)) return socket;
      // It may go on to say more about it in this turn.
      setImmediate(() => {
        over();
        onRefused();
      });
      return socket;
    };
    const timer = setTimeout(refuse, ROUTE_MS);
    const muted = [
      override(socket, "write", () => true),
      override(socket, "end", refuse),
      override(socket, "destroy", refuse),
    ];
    this.#ways.set(socket, (callback) => {
      over();
      const webSocket = make();
      if (webSocket) callback(webSocket, request);
      onRouted(webSocket);
    });
    const heard =
      owner && emitAndCollect(owner as never, "upgrade", [request, socket, Buffer.alloc(0)]);
    heard?.catch(refuse);
    if (owner === undefined || owner.listenerCount("upgrade") === 0) refuse();
  }
}
