/** A `Server` of socket.io that the application registered with `hot.socketIo`. */

import type { IncomingMessage } from "node:http";
import net from "node:net";
import { messageOf } from "../../../contract/errors.ts";
import type { RegisteredServer } from "../../../hot/registrations.ts";
import type { SocketIoServerLike } from "../../../hot/types.ts";
import type { ConnectionMeta } from "../../../protocol/connections.ts";
import type { SocketInternals } from "../../node/internals.ts";
import type { AnnouncedConnection } from "../announced.ts";
import { type Carrier, type CarrierContext, restoreFailed } from "../carrier.ts";
import { override } from "../override.ts";
import { saveConnection } from "../saved.ts";
import type { MakeConnection } from "../ws/connection.ts";
import type { WebSocketInternals, WebSocketServerInternals } from "../ws/internals.ts";
import { type RequestRecord, requestFrom } from "../ws/record.ts";
import { CarriedWebSocketServer } from "../ws/server.ts";
import { type Classes, findClasses } from "./classes.ts";
import { SocketIoConnection } from "./connection.ts";
import {
  beginUpgrade,
  type Client,
  type EngineInternals,
  type EngineRequest,
  type EngineSession,
  type IoServer,
  type IoSocket,
  type TransportInternals,
  transportFor,
} from "./internals.ts";
import { AnnouncedSession, PollingConnection, receivePackets } from "./polling.ts";
import { rebuildSession, rejoin } from "./rebuild.ts";
import type { ProbeRecord, SessionRecord } from "./record.ts";
import { Session } from "./session.ts";

export class CarriedSocketIoServer {
  readonly #io: IoServer;
  readonly #options: RegisteredServer<SocketIoServerLike>["options"];
  readonly #carrier: Carrier;
  readonly #context: CarrierContext;
  #engine!: EngineInternals;
  #classes: Classes | undefined;
  readonly #sessions = new WeakMap<EngineSession, Session>();
  readonly #polling = new WeakMap<Session, PollingConnection>();
  readonly #connections = new WeakMap<WebSocketInternals, SocketIoConnection>();
  readonly #records = new WeakMap<WebSocketInternals, SessionRecord | ProbeRecord>();
  #isRebuilding = false;

  constructor(
    { server, options }: RegisteredServer<SocketIoServerLike>,
    carrier: Carrier,
    context: CarrierContext,
  ) {
    this.#io = server as unknown as IoServer;
    this.#options = options;
    this.#carrier = carrier;
    this.#context = context;
    const { engine, bind } = this.#io;
    if (engine) this.#observeEngine(engine);
    // It may get its HTTP server later.
    override(this.#io, "bind", (bound) => {
      const result = bind.call(this.#io, bound);
      this.#observeEngine(bound);
      return result;
    });
  }

  #observeEngine(engine: EngineInternals): void {
    this.#engine = engine;
    findClasses(this.#io, engine).then(
      (classes) => {
        this.#classes = classes;
      },
      (error) => this.#context.notice(`hot.socketIo: not a socket.io server: ${messageOf(error)}`),
    );
    engine.prependListener("connection", (session) => this.#begin(session));
    let { ws } = engine;
    const observe = (made: WebSocketServerInternals | undefined) => {
      ws = made;
      // Another `wsEngine` than `ws` is out of reach.
      if (made?.options) this.#observeWebSockets(made);
      this.#observePolling();
    };
    // The engine makes a new one whenever its HTTP server begins to listen.
    Object.defineProperty(engine, "ws", { configurable: true, get: () => ws, set: observe });
    observe(ws);
  }

  #observeWebSockets(server: WebSocketServerInternals): void {
    const options = {
      save: (webSocket: object, request?: IncomingMessage) =>
        this.#record(webSocket as WebSocketInternals, request as EngineRequest),
      restore: (webSocket: object, record: unknown) =>
        void this.#records.set(webSocket as WebSocketInternals, record as SessionRecord),
    };
    const make: MakeConnection = (webSocket, request, parts) => {
      const connection = new SocketIoConnection(webSocket, request, parts);
      // Its session may go to the next generation before it does.
      let isProbe = false;
      connection.isProbe = () => {
        isProbe ||= this.#probedBy(request as EngineRequest) !== undefined;
        return isProbe;
      };
      this.#connections.set(webSocket, connection);
      return connection;
    };
    // Heard of those alone that are carried: the engine takes others from `handleUpgrade`.
    server.on("connection", (webSocket, request) => this.#present(webSocket, request));
    const registered = { server: server as never, options };
    new CarriedWebSocketServer(registered, this.#carrier, this.#context, make);
  }

  /** Beside the WebSockets. In a swap, a session without one is built again in any case. */
  #observePolling(): void {
    const { onExpected, receiver } = this.#carrier;
    this.#carrier.onExpected = (meta, ...rest) =>
      isOfPolling(meta.data) ? this.#expectPolling(meta) : onExpected(meta, ...rest);
    this.#carrier.receiver = {
      suits: (it) => it instanceof PollingConnection || (receiver?.suits(it) ?? false),
      receive: (it) =>
        it instanceof PollingConnection ? this.#receivePolling(it) : receiver!.receive(it),
    };
  }

  /** Before socket.io hears of it, to know the client that it makes. */
  #begin(engineSession: EngineSession): void {
    const { protocol } = engineSession;
    const isNew = !this.#isRebuilding;
    // Of the older protocol the server connects a client to the first namespace by itself.
    engineSession.protocol = 3;
    const begin = (client: Client) => {
      undo();
      engineSession.protocol = protocol;
      this.#track(engineSession, client);
      if (protocol === 3 && isNew) client.connect("/");
    };
    const undo = override(this.#io, "of", () => ({ _add: begin }) as never);
  }

  #track(engineSession: EngineSession, client: Client): void {
    const session = new Session({
      engine: this.#engine,
      session: engineSession,
      client,
      save: (socket) => saveConnection(this.#options, socket),
      onIdle: () => this.#carrier.onChange(),
      isAnswering: () => this.#context.isAnswering(),
    });
    this.#sessions.set(engineSession, session);
    const { transport } = engineSession;
    if (transport.socket) this.#enter(session, transport);
    if (transport.name !== "polling") return;
    const polling = new PollingConnection(session, this.#carrier, nobody());
    this.#polling.set(session, polling);
    this.#carrier.add(polling);
    engineSession.once("upgrade", (to: TransportInternals) => {
      this.#carrier.remove(polling);
      this.#enter(session, to);
    });
    engineSession.once("close", () => this.#carrier.remove(polling));
  }

  #enter(session: Session, { socket }: TransportInternals): void {
    const connection = socket && this.#connections.get(socket);
    if (connection) connection.session = session;
  }

  /** The session that a WebSocket is to be the transport of. */
  #probedBy({ _query }: EngineRequest): EngineSession | undefined {
    const session = _query?.sid ? this.#engine.clients[_query.sid] : undefined;
    return session?.upgrading ? session : undefined;
  }

  #record(webSocket: WebSocketInternals, request: EngineRequest): SessionRecord | ProbeRecord {
    const session = this.#connections.get(webSocket)?.session;
    if (session) return session.record(request);
    const { sid } = request._query;
    if (sid) return { probes: sid };
    throw new Error("its handshake is under way");
  }

  /** Carried, and without what socket.io makes of it. */
  #present(webSocket: WebSocketInternals, request: EngineRequest): Promise<unknown> | undefined {
    const record = this.#records.get(webSocket)!;
    this.#engine.prepare(request);
    request.websocket = webSocket;
    const transport = transportFor(this.#engine, "websocket", request);
    if (!("probes" in record)) return this.#rebuild(record, transport, webSocket._socket, request);
    const session = this.#engine.clients[record.probes];
    if (session) beginUpgrade(session, transport);
    else transport.close();
    return undefined;
  }

  /** What it returns is waited for. */
  #rebuild(
    record: SessionRecord,
    transport: TransportInternals,
    socket: SocketInternals,
    own: EngineRequest,
  ): Promise<unknown> | undefined {
    const [engine, classes] = [this.#engine, this.#classes!];
    const request = record.request ? this.#request(record.request, socket) : own;
    // It was here before, by whatever transport, and comes back.
    const before = engine.clients[record.id];
    if (before) this.#sessions.get(before)?.forget();
    this.#isRebuilding = true;
    let engineSession: EngineSession;
    try {
      engineSession = rebuildSession(engine, classes, record, transport, request);
    } finally {
      this.#isRebuilding = false;
    }
    const { client } = this.#sessions.get(engineSession)!;
    const restore = (one: IoSocket, saved: unknown) => this.#restore(one, saved);
    const skipsMiddlewares = this.#options.skipMiddlewares !== false;
    const parts = { io: this.#io, classes, restore, skipsMiddlewares };
    return rejoin(parts, engineSession, client, record);
  }

  #restore(socket: IoSocket, saved: unknown): void {
    this.#context.markCarried(socket);
    try {
      this.#options.restore?.(socket, saved);
    } catch (error) {
      this.#context.onRefused(restoreFailed(error));
      // Its client comes back anew, whatever it was in the middle of.
      setImmediate(() => socket.client.conn.onClose("forced server close"));
    }
  }

  #request(record: RequestRecord, socket: SocketInternals): EngineRequest {
    const request = requestFrom(record, socket) as EngineRequest;
    this.#engine.prepare(request);
    return request;
  }

  #rebuildPolling(record: SessionRecord): [PollingConnection, Promise<unknown> | undefined] {
    const request = this.#request(record.request!, nobody());
    const transport = transportFor(this.#engine, "polling", request);
    const pending = this.#rebuild(record, transport, nobody(), request);
    const session = this.#sessions.get(this.#engine.clients[record.id]!)!;
    return [this.#polling.get(session)!, pending];
  }

  #expectPolling(meta: ConnectionMeta): AnnouncedConnection {
    const [polling, pending] = this.#rebuildPolling(meta.data as SessionRecord);
    const announced = new AnnouncedSession(polling);
    const attended = () => announced.onAttended();
    if (pending) pending.then(attended);
    else attended();
    polling.session.beat();
    return announced;
  }

  #receivePolling(given: PollingConnection): () => void {
    const [{ session }] = this.#rebuildPolling(given.changes());
    given.leaveTo((packets) => receivePackets(session, packets));
    return () => session.beat();
  }
}

const isOfPolling = (data: unknown): boolean =>
  (data as Partial<SessionRecord>).transport === "polling";

/** A socket that has ended. */
const nobody = (): SocketInternals => new net.Socket().destroy() as unknown as SocketInternals;
