/** Connections that come from the old generation go on here, as if they had been accepted here. */
import net from "node:net";
import { messageOf } from "../../errors.ts";
import type { HotRegistry } from "../../hot/registry.ts";
import { nowMs } from "../../platform/clock.ts";
import type { ConnectionMeta } from "../../protocol/worker.ts";
import type { SupervisorChannel } from "../worker/channel.ts";
import type { Listeners } from "../worker/listeners.ts";
import type { HttpServerInternals, RawHandle, SocketInternals } from "../worker/node-internals.ts";

import { adoptWebSocket } from "./websocket-adopt.ts";
import type { CarriedHandshake } from "./websockets.ts";

/** Node closes an idle connection this much after what it has told the client. */
const KEEP_ALIVE_BUFFER_MS = 1_000;

export interface IncomingParts {
  channel: SupervisorChannel;
  listeners: Listeners;
  registry: HotRegistry;
}

export class Incoming {
  readonly #parts: IncomingParts;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
  }

  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): void {
    const { channel, listeners } = this.#parts;
    // The peer has closed while the connection was on its way.
    if (handle === undefined) return;
    const server = listeners.byKey(meta.key)?.server;
    if (server === undefined) {
      handle.close();
      channel.send({ type: "notice", text: `no server for a carried connection (${meta.kind})` });
      return;
    }
    const socket = this.#accept(server as HttpServerInternals, handle);
    try {
      this.#begin(server as HttpServerInternals, socket, meta);
    } catch (error) {
      socket.destroy();
      const text = `a carried connection (${meta.kind}) was not taken: ${messageOf(error)}`;
      channel.send({ type: "notice", text });
      return;
    }
    const quietMs = nowMs() - meta.quietSinceMs;
    // What waits in the kernel is read in the coming turn of the event loop.
    setImmediate(() => {
      const waited = socket.bytesRead > 0;
      channel.send({ type: "adopted", kind: meta.kind, quietMs, waited });
    });
  }

  /** What `net` does with an accepted connection, up to its 'connection' event. */
  #accept(server: HttpServerInternals, handle: RawHandle): SocketInternals {
    const { allowHalfOpen, pauseOnConnect } = server as unknown as Record<string, boolean>;
    const socket = new net.Socket({
      handle,
      allowHalfOpen,
      pauseOnCreate: pauseOnConnect,
      readable: true,
      writable: true,
    } as net.SocketConstructorOpts) as SocketInternals;
    server._connections += 1;
    socket.server = server;
    socket._server = server;
    this.#parts.registry.carried.add(socket);
    return socket;
  }

  #begin(server: HttpServerInternals, socket: SocketInternals, meta: ConnectionMeta): void {
    const { websockets, sockets, carried } = this.#parts.registry;
    const head = Buffer.from(meta.head ?? []);
    if (meta.kind === "websocket") {
      const { server: registered, options } = registration(websockets, meta);
      adoptWebSocket(registered, options, carried, socket, head, meta.data as CarriedHandshake);
    } else if (meta.kind === "tcp") {
      if (head.length > 0) socket.unshift(head);
      const { options } = registration(sockets, meta);
      options.restore?.(socket, (meta.data as { saved: unknown }).saved);
      server.emit("connection", socket);
    } else {
      server.emit("connection", socket);
      if (head.length > 0) socket.emit("data", head);
      else closeWhenIdle(server, socket);
    }
  }
}

function registration<T>(servers: T[], { server, kind }: ConnectionMeta): T {
  const found = servers[server ?? 0];
  if (found === undefined) throw new Error(`this version registers no ${kind} server ${server}`);
  return found;
}

/** Node counts idleness from the end of a response, and this connection has had none here yet. */
function closeWhenIdle(server: HttpServerInternals, socket: SocketInternals): void {
  if (!server.keepAliveTimeout) return;
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0 && !socket._httpMessage) socket.destroy();
  }, server.keepAliveTimeout + KEEP_ALIVE_BUFFER_MS);
  timer.unref();
}
