/** The connections of one registered `ws` server, in the generation that is being left. */
import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { CarryOptions, WebSocketServerLike } from "../../hot/types.ts";
import type { Holder } from "../../protocol/worker.ts";
import type { SocketInternals } from "../worker/node-internals.ts";
import type { Carrier, Send } from "./carrier.ts";
import { readAll } from "./http-head.ts";
import { isQuiet, resumeReading, stopReading } from "./quiet.ts";
import { UnderWay } from "./under-way.ts";
import { isAtRest, mustReadOn, type ReceiverInternals, unreadBytes } from "./websocket-bytes.ts";

/** What of a `ws` WebSocket is needed beyond its public API. */
export interface WebSocketInternals extends EventEmitter {
  readyState: number;
  _readyState: number;
  protocol: string;
  extensions: string;
  _extensions: Record<string, { params?: unknown } | undefined>;
  _socket: SocketInternals;
  _receiver: ReceiverInternals;
  _sender: { _queue?: unknown[]; _bufferedBytes: number };
  bufferedAmount: number;
  close(code: number, reason?: string): void;
}

/** The handshake, for the next generation's `'connection'` listener. */
export interface CarriedHandshake {
  url: string;
  rawHeaders: string[];
  protocol: string;
  /** The parameters of permessage-deflate as negotiated, or null. */
  deflate: Record<string, unknown> | null;
  /** What `save` returned. */
  saved: unknown;
}

const OPEN = 1;
const CLOSED = 3;

interface Tracked {
  request: Pick<IncomingMessage, "url" | "rawHeaders"> | undefined;
  underWay: UnderWay;
}

export class WebSockets implements Carrier {
  readonly #server: WebSocketServerLike;
  readonly #options: CarryOptions<object>;
  readonly #index: number;
  readonly #clients = new Map<WebSocketInternals, Tracked>();
  #closed = false;

  constructor(server: WebSocketServerLike, options: CarryOptions<object>, index: number) {
    this.#server = server;
    this.#options = options;
    this.#index = index;
    forbidContextTakeover(server);
    server.prependListener("connection", (client: WebSocketInternals, request) =>
      this.#track(client, request),
    );
  }

  sockets(): SocketInternals[] {
    return [...this.#clients.keys()].map((client) => client._socket);
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients.keys()) this.#still(client);
  }

  open(): void {
    this.#closed = false;
    for (const client of this.#clients.keys()) resumeReading(client._socket);
  }

  holders(): Holder[] {
    const holders: Holder[] = [];
    for (const [client, { request, underWay }] of this.#clients) {
      this.#still(client);
      if (underWay.count === 0 && isDelivered(client)) continue;
      const name = `message on ${request?.url ?? "a WebSocket"}`;
      holders.push({ kind: "websocket", name, ageMs: underWay.ageMs });
    }
    return holders;
  }

  sendMovable(canMove: (socket: SocketInternals) => boolean, send: Send): void {
    for (const [client, tracked] of this.#clients) {
      if (!canMove(client._socket)) {
        resumeReading(client._socket);
        continue;
      }
      this.#still(client);
      if (client.readyState !== OPEN || tracked.underWay.count > 0) continue;
      if (!isQuiet(client._socket) || !isDelivered(client) || !isSent(client)) continue;
      this.#carry(client, tracked, send);
    }
  }

  #track(client: WebSocketInternals, request: IncomingMessage | undefined): void {
    const underWay = new UnderWay();
    underWay.watch(client, "message");
    const { url, rawHeaders } = request ?? {};
    const kept = url !== undefined && rawHeaders ? { url, rawHeaders } : undefined;
    this.#clients.set(client, { request: kept, underWay });
    client.on("close", () => this.#clients.delete(client));
    if (this.#closed) this.#still(client);
  }

  /** A compressed message in fragments is read to its end; all else stops where it is. */
  #still(client: WebSocketInternals): void {
    if (client.readyState !== OPEN) return;
    if (mustReadOn(client._receiver)) resumeReading(client._socket);
    else stopReading(client._socket);
  }

  #carry(client: WebSocketInternals, { request }: Tracked, send: Send): void {
    const deflate = client._extensions["permessage-deflate"]?.params ?? null;
    const data: CarriedHandshake = {
      url: request?.url ?? "/",
      rawHeaders: request?.rawHeaders ?? [],
      protocol: client.protocol,
      deflate: deflate as Record<string, unknown> | null,
      saved: this.#options.save?.(client),
    };
    const socket = client._socket;
    const head = Buffer.concat([unreadBytes(client._receiver), readAll(socket)]);
    this.#letGo(client);
    send({ kind: "websocket", server: this.#index, head, data }, socket);
  }

  /** The old application must not take the move for a goodbye. */
  #letGo(client: WebSocketInternals): void {
    this.#clients.delete(client);
    this.#server.clients?.delete(client);
    client.removeAllListeners();
    client._readyState = CLOSED;
    for (const event of ["close", "data", "end", "error", "drain"]) {
      client._socket.removeAllListeners(event);
    }
  }
}

/** Everything read has been delivered, up to an unfinished frame. */
const isDelivered = (client: WebSocketInternals): boolean =>
  client.readyState !== OPEN || isAtRest(client._receiver);

/** Everything sent is in the kernel. */
const isSent = (client: WebSocketInternals): boolean =>
  client.bufferedAmount === 0 && client._socket.writableLength === 0;

/**
 * A compressor that remembers earlier messages cannot move; ws asks these options at every
 * handshake, so that connections agree to compress each message by itself.
 */
function forbidContextTakeover(server: WebSocketServerLike): void {
  const options = server.options as { perMessageDeflate?: unknown };
  const { perMessageDeflate } = options;
  if (!perMessageDeflate) return;
  options.perMessageDeflate = {
    ...(typeof perMessageDeflate === "object" ? perMessageDeflate : {}),
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
  };
}
