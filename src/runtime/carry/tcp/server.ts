/** A `net.Server` that the application registered with `hot.sockets`. */

import type { Server } from "node:net";
import type { RegisteredServer } from "../../../hot/registrations.ts";
import type { ConnectionMeta } from "../../../protocol/connections.ts";
import type { EmitterInternals } from "../../node/events.ts";
import type { ServerInternals, SocketInternals } from "../../node/internals.ts";
import { pendingSocket } from "../../node/pending.ts";
import { AnnouncedConnection } from "../announced.ts";
import { type Carrier, type CarrierContext, restoreFailed } from "../carrier.ts";
import type { Connection } from "../connection.ts";
import { emitAndCollect } from "../inFlight.ts";
import { type GivenSocket, TcpConnection, type TcpRecord } from "./connection.ts";

export class CarriedSocketServer {
  readonly #server: ServerInternals & EmitterInternals;
  readonly #options: RegisteredServer<Server>["options"];
  readonly #carrier: Carrier;
  readonly #context: CarrierContext;

  constructor(
    { server, options }: RegisteredServer<Server>,
    carrier: Carrier,
    context: CarrierContext,
  ) {
    this.#server = server as unknown as ServerInternals & EmitterInternals;
    this.#options = options;
    this.#carrier = carrier;
    this.#context = context;
    carrier.onExpected = (meta, before) => this.#expect(meta, before);
    carrier.receiver = {
      // An end that was heard is not heard again; what opened a session comes before all that is unread.
      suits: (it) => it instanceof TcpConnection && !it.socket.readableEnded && !it.hasOpening,
      receive: (connection) => this.#receive((connection as TcpConnection).give()),
    };
    this.#observeConnections();
  }

  #observeConnections(): void {
    const server = this.#server;
    const { emit } = server;
    server.emit = ((event: string, ...parts: unknown[]) => {
      if (event !== "connection") return Reflect.apply(emit, server, [event, ...parts]);
      const socket = parts[0] as SocketInternals;
      const connection = new TcpConnection(socket, this.#options, this.#carrier);
      this.#carrier.add(connection);
      this.#present(connection);
      return true;
    }) as typeof emit;
  }

  /** A connection stays until an async listener is done with it, or listens for its bytes. */
  #present(connection: TcpConnection, onAttended: () => void = () => {}): void {
    const { socket } = connection;
    const pending = emitAndCollect(this.#server, "connection", [socket]);
    const isRead = () => socket.listenerCount("data") + socket.listenerCount("readable") > 0;
    if (pending === undefined || isRead()) {
      onAttended();
      return;
    }
    connection.isAttended = false;
    const attended = () => {
      connection.isAttended = true;
      onAttended();
      this.#carrier.onChange();
    };
    pending.then(attended, (error) => {
      attended();
      throw error;
    });
  }

  /** In a swap: the connection as it is, but for who listens. */
  #receive(given: GivenSocket): () => void {
    const { socket, saved } = given;
    this.#context.markCarried(socket);
    const connection = new TcpConnection(socket, this.#options, this.#carrier, given);
    this.#carrier.add(connection);
    if (this.#restore(socket, saved)) this.#present(connection);
    return () => connection.thaw();
  }

  /** False: it is closed instead. */
  #restore(socket: SocketInternals, saved: unknown): boolean {
    try {
      this.#options.restore?.(socket, saved);
      return true;
    } catch (error) {
      this.#context.onRefused(restoreFailed(error));
      socket.destroy();
      return false;
    }
  }

  #expect(meta: ConnectionMeta, before: Connection | undefined): AnnouncedConnection {
    const { saved, names, opening } = meta.data as TcpRecord;
    const own = this.#comeBack(before, meta.data as TcpRecord);
    const socket = own ?? pendingSocket(this.#server, names);
    this.#context.markCarried(socket);
    const connection = new TcpConnection(socket, this.#options, this.#carrier);
    const announced = new AnnouncedConnection(socket, () => connection.attached());
    announced.isOpening = opening !== undefined;
    this.#carrier.add(connection);
    const attended = () => announced.onAttended();
    const begin = () => (opening ? void connection.hearAgain(opening).then(attended) : attended());
    if (this.#restore(socket, saved)) this.#present(connection, begin);
    else attended();
    return announced;
  }

  /** The object of before, but where a package still knows it by what had opened its session. */
  #comeBack(before: Connection | undefined, { names, opening }: TcpRecord) {
    if (!(before instanceof TcpConnection)) return undefined;
    if (!opening) return before.comeBack(this.#server, names);
    before.forget();
    return undefined;
  }
}
