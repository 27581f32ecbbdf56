/** Connections that come from the old generation go on here, as if they had been accepted here. */

import { messageOf } from "../../contract/errors.ts";
import type { Registrations } from "../../hot/registrations.ts";
import { nowMs } from "../../platform/clock.ts";
import type { AdoptedConnection, ConnectionMeta } from "../../protocol/connections.ts";
import type { Listeners } from "../listen/listeners.ts";
import { acceptedSocket } from "../node/accepted.ts";
import type { EventSink } from "../node/channel.ts";
import { responseOf } from "../node/fields.ts";
import { nodesOwnTaking, takesConnections } from "../node/http.ts";
import type { HttpServerInternals, RawHandle, SocketInternals } from "../node/internals.ts";
import { Arrivals } from "./arrivals.ts";
import type { Carriers } from "./carriers.ts";
import { Expected } from "./expected.ts";
import type { HttpData } from "./sending.ts";
import { onceRead } from "./waited.ts";

/** Node closes an idle connection this much after what it has told the client. */
const KEEP_ALIVE_BUFFER_MS = 1_000;
const REPORT_MS = 10;

export interface IncomingParts {
  channel: EventSink;
  listeners: Listeners;
  registrations: Registrations;
  /** Of the registered WebSocket and TCP servers. */
  carriers: Carriers;
}

export class Incoming {
  readonly #parts: IncomingParts;
  /** Adopted, and not reported yet. */
  readonly #tally: AdoptedConnection[] = [];
  readonly #arrivals = new Arrivals();
  /** Those that were announced. */
  readonly expected: Expected;

  constructor(parts: IncomingParts) {
    this.#parts = parts;
    this.expected = new Expected({
      prepare: (meta) => parts.carriers.prepare(meta),
      expect: (meta, prepared) => parts.carriers.expect(meta, prepared),
      adopt: (meta, handle) => this.adopt(meta, handle),
    });
  }

  /** Without a handle the peer has closed while the connection was on its way. */
  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): void {
    let socket: SocketInternals | undefined;
    try {
      if (meta.id !== undefined) socket = this.#arrive(meta, meta.id, handle);
      else if (meta.kind !== "http") socket = this.#parts.carriers.adopt(meta, handle);
      else if (handle !== undefined) socket = this.#adoptHttp(meta, handle);
    } catch (error) {
      handle?.close();
      const text = `a carried connection (${meta.kind}) was not taken: ${messageOf(error)}`;
      this.#parts.channel.send({ type: "notice", text });
    }
    if (socket === undefined || handle === undefined) return;
    const adopted = socket;
    this.#arrivals.add(adopted, () => this.#goesOn(meta, adopted));
  }

  #arrive(meta: ConnectionMeta, id: number, handle: RawHandle | undefined): SocketInternals {
    const announced = this.expected.find(id);
    if (announced === undefined) throw new Error("this version has no server for it");
    if (meta.closeSent) announced.onCloseSent();
    announced.arrive(handle, Buffer.from(meta.head ?? []));
    return announced.socket;
  }

  /** Nobody else is on the way, or this generation is frozen already. */
  allArrived(): void {
    this.#arrivals.end();
  }

  #goesOn({ kind, quietSinceMs, head }: ConnectionMeta, socket: SocketInternals): void {
    const quietMs = nowMs() - quietSinceMs;
    void onceRead().then(() => {
      const waited = socket.bytesRead > 0 || (head?.length ?? 0) > 0;
      this.#tally.push({ kind, quietMs, waited });
      if (this.#tally.length === 1) setTimeout(() => this.#report(), REPORT_MS);
    });
  }

  #report(): void {
    this.#parts.channel.send({ type: "adopted", connections: this.#tally.splice(0) });
  }

  #adoptHttp(meta: ConnectionMeta, handle: RawHandle): SocketInternals {
    const server = this.#parts.listeners.byKey(meta.key)?.server as HttpServerInternals | undefined;
    if (server === undefined) throw new Error("no server listens there");
    const socket = acceptedSocket(server, handle);
    this.#parts.registrations.carried.add(socket);
    // Where only this version reads something before HTTP begins, there is nothing of that to come.
    if (takesConnections(server)) server.emit("connection", socket);
    else nodesOwnTaking().call(server, socket);
    const head = Buffer.from(meta.head ?? []);
    if (head.length > 0) socket.emit("data", head);
    else if ((meta.data as HttpData | undefined)?.hasServed) beIdle(server, socket);
    return socket;
  }
}

const IDLE_REQUEST = Buffer.from("GET / HTTP/1.1\r\nHost: tsugi\r\n\r\n");

/**
 * To Node a connection is idle only after a request; before the first one `headersTimeout` runs,
 * and `server.close()` waits for it. So the parser, and nobody else, is shown a whole request.
 */
function beIdle(server: HttpServerInternals, socket: SocketInternals): void {
  const { parser } = socket;
  if (parser) {
    const { onIncoming } = parser;
    parser.onIncoming = () => 0;
    parser.execute(IDLE_REQUEST);
    parser.onIncoming = onIncoming;
    parser.incoming = null;
  }
  if (!server.keepAliveTimeout) return;
  const timer = setTimeout(() => {
    if (socket.bytesRead === 0 && !responseOf(socket)) socket.destroy();
  }, server.keepAliveTimeout + KEEP_ALIVE_BUFFER_MS);
  timer.unref();
}
