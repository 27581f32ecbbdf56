/** A `net.Server` that the application registered with `hot.sockets`. */

import type { Server } from "node:net";
import { messageOf } from "../../../contract/errors.ts";
import type { RegisteredServer } from "../../../hot/registry.ts";
import type { ConnectionMeta } from "../../../protocol/worker.ts";
import { acceptedSocket } from "../../node/accepted.ts";
import type { EmitterInternals } from "../../node/events.ts";
import {
  connectionsOf,
  type RawHandle,
  type ServerInternals,
  type SocketInternals,
} from "../../node/internals.ts";
import type { Carrier, CarrierContext } from "../carrier.ts";
import { emitAndCollect } from "../underWay.ts";
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
    carrier.adopt = (meta, handle) => this.#adopt(meta, handle);
    carrier.receiver = {
      // An end that was heard is not heard again.
      suits: (it) => it instanceof TcpConnection && !it.socket.readableEnded,
      receive: (connection) => this.#receive((connection as TcpConnection).give()),
    };
    // HTTP connections are carried in another way, and TLS can't be.
    const plain = connectionsOf(server) === undefined && !("setSecureContext" in server);
    if (plain) this.#observeConnections();
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
  #present(connection: TcpConnection): void {
    const { socket } = connection;
    const pending = emitAndCollect(this.#server, "connection", [socket]);
    const isRead = () => socket.listenerCount("data") + socket.listenerCount("readable") > 0;
    if (pending === undefined || isRead()) return;
    connection.isAttended = false;
    const attended = () => {
      connection.isAttended = true;
      this.#carrier.onChange();
    };
    pending.then(attended, (error) => {
      attended();
      throw error;
    });
  }

  /** In place: the connection as it is, but for who listens. */
  #receive(given: GivenSocket): void {
    const { socket, saved } = given;
    this.#context.markCarried(socket);
    const connection = new TcpConnection(socket, this.#options, this.#carrier, given);
    this.#carrier.add(connection);
    if (this.#restore(socket, saved)) this.#present(connection);
    connection.resume();
  }

  /** False: it is closed instead. */
  #restore(socket: SocketInternals, saved: unknown): boolean {
    try {
      this.#options.restore?.(socket, saved);
      return true;
    } catch (error) {
      this.#context.notice(`a carried connection was closed: restore: ${messageOf(error)}`);
      socket.destroy();
      return false;
    }
  }

  #adopt(meta: ConnectionMeta, handle: RawHandle | undefined): SocketInternals {
    const { saved } = meta.data as TcpRecord;
    const socket = acceptedSocket(this.#server, handle);
    this.#context.markCarried(socket);
    // As bytes: the application's own `setEncoding`, called once, decodes them with what follows.
    if (meta.head) socket.unshift(Buffer.from(meta.head));
    if (!this.#restore(socket, saved)) return socket;
    this.#server.emit("connection", socket);
    if (handle === undefined) socket.destroy();
    return socket;
  }
}
