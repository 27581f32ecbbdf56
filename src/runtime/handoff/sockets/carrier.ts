/**
 * The connections of one registered server: stilled for a freeze, sent to the next generation one
 * after the other, and taken over from the previous one.
 */
import { messageOf } from "../../../errors.ts";
import type { ConnectionMeta, Holder } from "../../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../../worker/nodeInternals.ts";
import type { Connection } from "./connection.ts";

/** Sends a connection; resolves once it has left this process. */
export type SendConnection = (meta: ConnectionMeta, handle: RawHandle | undefined) => Promise<void>;

export interface CarrierContext {
  /** The server and key of the listening socket that a connection came in by. */
  keyOf(socket: SocketInternals): ConnectionMeta["key"];
  serverOf(key: ConnectionMeta["key"]): object | undefined;
  /** From here on `hot.carried` is true for it. */
  markCarried(connection: object): void;
  /** Something that a report should say. */
  notice(text: string): void;
}

/** What one kind of server adds: how a connection is taken over. */
export type Adopt = (
  meta: ConnectionMeta,
  handle: RawHandle | undefined,
) => SocketInternals | undefined;

export interface CarrierIdentity {
  kind: "websocket" | "tcp";
  /** Counts the registered servers of its kind in this process. */
  ordinal: number;
}

export class Carrier {
  readonly identity: CarrierIdentity;
  readonly #context: CarrierContext;
  readonly #connections = new Set<Connection>();
  readonly #bySocket = new WeakSet<SocketInternals>();
  #mode: "open" | "still" | "releasing" = "open";
  /** Set by the kind of server. */
  adopt: Adopt = () => undefined;
  /** A message has ended: what waits may look again. */
  onChange: () => void = () => {};

  constructor(identity: CarrierIdentity, context: CarrierContext) {
    this.identity = identity;
    this.#context = context;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  owns(socket: SocketInternals): boolean {
    return this.#bySocket.has(socket);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    this.#bySocket.add(connection.socket);
    if (this.#mode === "still") connection.still();
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
    this.#bySocket.delete(connection.socket);
    this.onChange();
  }

  /** No message reaches the application any more; those under way go on. */
  still(): void {
    if (this.#mode !== "open") return;
    this.#mode = "still";
    for (const connection of this.#connections) connection.still();
  }

  open(): void {
    this.#mode = "open";
    for (const connection of [...this.#connections]) connection.resume();
  }

  startRelease(): void {
    this.#mode = "releasing";
  }

  holders(): Holder[] {
    return [...this.#connections].map((it) => it.holder()).filter((it) => it !== undefined);
  }

  /**
   * Sends every connection that is free; quiet ones wait for nothing but their turn. Resolves with
   * the number of those that were not: call again.
   */
  async sendFree(send: SendConnection): Promise<number> {
    let busy = 0;
    for (const connection of [...this.#connections]) {
      if (this.#mode !== "releasing") return 0;
      if (!this.#connections.has(connection)) continue;
      if (!connection.isMovable) {
        connection.resume();
        continue;
      }
      connection.still();
      if (connection.isFree()) await this.#send(connection, send);
      else busy += 1;
    }
    return busy;
  }

  async #send(connection: Connection, send: SendConnection): Promise<void> {
    const { kind, ordinal: server } = this.identity;
    const key = this.#context.keyOf(connection.socket);
    let parcel: ReturnType<Connection["take"]>;
    try {
      parcel = connection.take();
    } catch (error) {
      this.#context.notice(`a ${kind} connection stays behind: save: ${messageOf(error)}`);
      connection.resume();
      this.remove(connection);
      return;
    }
    this.remove(connection);
    const { handle, head, data, quietSinceMs } = parcel;
    const meta: ConnectionMeta = { kind, key, server, data, quietSinceMs };
    if (head.byteLength > 0) meta.head = head;
    await send(meta, handle);
  }
}
