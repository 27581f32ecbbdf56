/**
 * A `WebSocketServer` that the application registered with `hot.websockets`: how it takes over what
 * another generation had. What it makes itself is in tracked.ts.
 */
import type { IncomingMessage } from "node:http";
import { messageOf } from "../../../contract/errors.ts";
import type { RegisteredServer } from "../../../hot/registrations.ts";
import type { WebSocketServerLike } from "../../../hot/types.ts";
import type { ConnectionMeta } from "../../../protocol/connections.ts";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import { pendingSocket } from "../../node/pending.ts";
import { AnnouncedConnection } from "../announced.ts";
import { type Carrier, type CarrierContext, restoreFailed } from "../carrier.ts";
import type { Connection } from "../connection.ts";
import { emitAndCollect } from "../inFlight.ts";
import type { Prepared } from "../prepared.ts";
import { whenAttended } from "./attended.ts";
import { type GivenWebSocket, type MakeConnection, WebSocketConnection } from "./connection.ts";
import { OPEN, type WebSocketInternals, type WebSocketServerInternals } from "./internals.ts";
import { joinServer } from "./joining.ts";
import { isPlainClass, PreparedWebSocket } from "./prepared.ts";
import { type FixedRecord, requestFrom, type WebSocketRecord } from "./record.ts";
import { closeAgain, replayUpgrade } from "./replay.ts";
import { isBehindRouter, Router } from "./router.ts";
import { refuseWebSocket, SERVICE_RESTART } from "./serviceRestart.ts";
import { TrackedWebSockets } from "./tracked.ts";

export class CarriedWebSocketServer {
  readonly #server: WebSocketServerInternals;
  readonly #options: RegisteredServer<WebSocketServerLike>["options"];
  readonly #carrier: Carrier;
  readonly #context: CarrierContext;
  readonly #tracked: TrackedWebSockets;
  readonly #router = new Router();

  constructor(
    { server, options }: RegisteredServer<WebSocketServerLike>,
    carrier: Carrier,
    context: CarrierContext,
    make: MakeConnection = (...parts) => new WebSocketConnection(...parts),
  ) {
    this.#server = server as unknown as WebSocketServerInternals;
    this.#options = options;
    this.#carrier = carrier;
    this.#context = context;
    carrier.onExpected = (meta, ...rest) => this.#expect(meta, ...rest);
    carrier.onIntroduced = (meta) => this.#prepare(meta);
    carrier.receiver = {
      suits: (connection) => isWebSocketConnection(connection) && this.#suits(connection),
      receive: (connection) => this.#receive((connection as WebSocketConnection).give()),
    };
    this.#tracked = new TrackedWebSockets(this.#server, options, carrier, {
      make,
      router: this.#router,
      isAnswering: () => context.isAnswering(),
    });
  }

  /** Nobody sees it yet: not the application, not `clients`. */
  #prepare(meta: ConnectionMeta): PreparedWebSocket | undefined {
    if (this.#isBehindRouter || !isPlainClass(this.#server.options.WebSocket)) return undefined;
    const record = meta.data as FixedRecord;
    const { socket, request } = this.#begin(meta, record);
    this.#tracked.isPreparing = true;
    try {
      const webSocket = this.#replay(socket, request, record);
      if (webSocket === undefined) return undefined;
      this.#server.clients?.delete(webSocket);
      socket.pause();
      return new PreparedWebSocket(webSocket, request);
    } finally {
      this.#tracked.isPreparing = false;
    }
  }

  #join({ webSocket }: PreparedWebSocket): WebSocketInternals {
    this.#server.clients?.add(webSocket);
    this.#carrier.add(this.#tracked.of(webSocket)!);
    return webSocket;
  }

  #begin({ key }: ConnectionMeta, record: FixedRecord) {
    const owner = this.#context.serverOf(key) as ServerInternals | undefined;
    const socket = pendingSocket(owner, record.names);
    return { owner, socket, request: requestFrom(record, socket) };
  }

  #expect(
    meta: ConnectionMeta,
    before: Connection | undefined,
    prepared: Prepared | undefined,
  ): AnnouncedConnection {
    const record = meta.data as WebSocketRecord;
    const ready = prepared instanceof PreparedWebSocket ? prepared : undefined;
    const { owner, socket, request } = ready ?? this.#begin(meta, record);
    const own = this.#comeBack(before, record);
    let webSocket: WebSocketInternals | undefined;
    const attached = () => webSocket && this.#tracked.of(webSocket)?.attached();
    const announced = new AnnouncedConnection(socket, attached);
    // Nothing is read before the application listens.
    socket.pause();
    const make = () => {
      webSocket = ready ? this.#join(ready) : this.#replay(socket, request, record, own);
      if (webSocket === undefined) return undefined;
      socket.pause();
      this.#context.markCarried(webSocket);
      if (record.closeSent) closeAgain(webSocket, socket);
      announced.onCloseSent = () => closeAgain(webSocket!, socket);
      return webSocket;
    };
    announced.onCloseSent = () => {
      record.closeSent = true;
    };
    const begin = this.#afterOpening(
      record,
      () => webSocket,
      () => {
        announced.onAttended();
        if (!webSocket?.isPaused) socket.resume();
      },
    );
    const refuse = () => {
      this.#context.onRefused(NOT_TAKEN);
      refuseWebSocket(socket);
      announced.onAttended();
    };
    if (this.#isBehindRouter) this.#route(owner, { socket, request, make, begin, refuse }, record);
    else if (make() === undefined) refuse();
    else if (this.#restore(webSocket!, record, request, begin)) {
      this.#present(webSocket!, request, begin);
    }
    return announced;
  }

  /** The object of before, but where a session that its client had opened still knows it. */
  #comeBack(before: Connection | undefined, { opening }: WebSocketRecord) {
    if (!(before instanceof WebSocketConnection)) return undefined;
    if (this.#isBehindRouter) this.#tellClosed(before);
    if (opening === undefined) return before.comeBack();
    before.forget();
    return undefined;
  }

  #tellClosed(before: WebSocketConnection): void {
    try {
      before.tellClosed();
    } catch (error) {
      this.#context.notice(`a WebSocket that came back: its 'close' listener: ${messageOf(error)}`);
    }
  }

  /** Its listeners are there: first they hear what the client had begun with. */
  #afterOpening(
    { opening = [] }: WebSocketRecord,
    webSocket: () => WebSocketInternals | undefined,
    begin: () => void,
  ): () => void {
    if (opening.length === 0) return begin;
    return () => {
      const made = webSocket();
      const connection = made?.readyState === OPEN ? this.#tracked.of(made) : undefined;
      if (connection === undefined) begin();
      else void connection.hearAgain(opening).then(begin);
    };
  }

  get #isBehindRouter(): boolean {
    return isBehindRouter(this.#server, this.#options.router === true);
  }

  /** Its handler listens in the callback of `handleUpgrade`, or some time later. */
  #route(
    owner: ServerInternals | undefined,
    { socket, request, make, begin, refuse }: Routed,
    record: WebSocketRecord,
  ): void {
    const restored = () => {
      const webSocket = make();
      const isMade = webSocket !== undefined && this.#restore(webSocket, record, request, begin);
      return isMade ? webSocket : undefined;
    };
    const onRouted = (webSocket: WebSocketInternals | undefined) => {
      const connection = webSocket && this.#tracked.of(webSocket);
      if (connection === undefined) begin();
      else whenAttended(connection, later(HANDLER_MS), begin);
    };
    this.#router.send(owner, { socket, request, make: restored, onRouted, onRefused: refuse });
  }

  /**
   * It is what this server would have made: of the same class (a `ws` that is bundled has one in
   * each version), by the same options; and no session that goes on in the old code knows it. A TLS
   * connection has no other way to go on.
   */
  #suits({ webSocket, socket, shape, hasOpening }: WebSocketConnection): boolean {
    if (this.#server.options.WebSocket !== webSocket.constructor || this.#isBehindRouter) {
      return false;
    }
    return socket.encrypted === true || (shape === this.#tracked.shape && !hasOpening);
  }

  /** In a swap: the connection as it is, but for who listens. */
  #receive(given: GivenWebSocket): () => void {
    const { webSocket, record } = given;
    const request = requestFrom(record, webSocket._socket);
    joinServer(webSocket, this.#server);
    const connection = this.#tracked.track(webSocket, request, given)!;
    this.#context.markCarried(webSocket);
    // Two have to agree: the application attends to it, and all the others are here.
    let isAwaited = true;
    const begin = () => {
      if (isAwaited) isAwaited = false;
      else connection.thaw();
    };
    const attended = this.#afterOpening(record, () => webSocket, begin);
    if (this.#restore(webSocket, record, request, begin)) {
      this.#present(webSocket, request, attended);
    }
    return begin;
  }

  /** False: its client is told to come back. */
  #restore(
    webSocket: WebSocketInternals,
    record: WebSocketRecord,
    request: IncomingMessage,
    begin: () => void,
  ): boolean {
    try {
      this.#options.restore?.(webSocket, record.saved, request);
      return true;
    } catch (error) {
      this.#giveUp(webSocket, restoreFailed(error), begin);
      return false;
    }
  }

  /** Its client is told to come back. */
  #giveUp(webSocket: WebSocketInternals, why: string, begin: () => void): void {
    this.#context.onRefused(why);
    begin();
    webSocket.close(SERVICE_RESTART);
  }

  #replay(
    socket: SocketInternals,
    request: IncomingMessage,
    record: FixedRecord,
    own?: WebSocketInternals,
  ): WebSocketInternals | undefined {
    this.#tracked.isReplaying = true;
    try {
      return replayUpgrade(this.#server, socket, request, record, own);
    } finally {
      this.#tracked.isReplaying = false;
    }
  }

  #present(webSocket: WebSocketInternals, request: IncomingMessage, begin: () => void): void {
    if (this.#server.listenerCount("connection") === 0) {
      this.#giveUp(webSocket, NOBODY_LISTENS, begin);
      return;
    }
    const connection = this.#tracked.of(webSocket)!;
    const pending = emitAndCollect(this.#server, "connection", [webSocket, request]);
    if (pending) whenAttended(connection, pending, begin);
    else begin();
  }
}

/** Why a WebSocket that was carried is refused. */
const NOT_TAKEN = "no 'upgrade' listener of this version takes it (its route, its checks)";
const NOBODY_LISTENS = "its WebSocketServer has no 'connection' listener";

interface Routed {
  socket: SocketInternals;
  request: IncomingMessage;
  make(): WebSocketInternals | undefined;
  begin(): void;
  refuse(): void;
}

/** A handler behind a router may be async, and nobody can tell whether it will listen. */
const HANDLER_MS = 250;

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const isWebSocketConnection = (connection: Connection): connection is WebSocketConnection =>
  connection instanceof WebSocketConnection;
