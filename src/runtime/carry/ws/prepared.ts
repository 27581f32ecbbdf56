/** A WebSocket that is built while another process still serves its connection. */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { serverOf } from "../../node/fields.ts";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import type { Prepared } from "../prepared.ts";
import type { WebSocketInternals } from "./internals.ts";

export class PreparedWebSocket implements Prepared {
  readonly webSocket: WebSocketInternals;
  readonly request: IncomingMessage;

  constructor(webSocket: WebSocketInternals, request: IncomingMessage) {
    this.webSocket = webSocket;
    this.request = request;
  }

  get socket(): SocketInternals {
    return this.webSocket._socket;
  }

  get owner(): ServerInternals | undefined {
    return serverOf(this.socket) as ServerInternals | undefined;
  }

  forget(): void {
    this.socket.destroy();
  }
}

/** Of `ws` itself: the constructor of an application's own class is not to run for nobody. */
export function isPlainClass(made: unknown): boolean {
  const { prototype } = made as { prototype?: object };
  return prototype !== undefined && Object.getPrototypeOf(prototype) === EventEmitter.prototype;
}
