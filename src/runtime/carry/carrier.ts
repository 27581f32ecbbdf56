/**
 * The connections of one registered server: stilled for a freeze, sent to the next generation one
 * after the other, and taken over from the previous one.
 */
import { messageOf } from "../../contract/errors.ts";
import type { ConnectionMeta, Holder } from "../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
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

/** In place: how connections reach the carriers of the generation that serves now. */
export interface Beside {
  carrierFor(identity: CarrierIdentity): Carrier | undefined;
  /** After each: whoever else has something to do gets a turn now and then. */
  onPassed(): Promise<void> | undefined;
}

/** Another generation's connection, in this process. */
export interface Receiver {
  /** It can go on as it is; else it is taken apart and built again, as between processes. */
  suits(connection: Connection): boolean;
  /** Throws, with nothing changed, when `save` does. */
  receive(connection: Connection): void;
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
  #mode: "open" | "held" | "still" | "releasing" = "open";
  #beside: Beside | undefined;
  /** What `save` threw on: the old code has them until they are ended. */
  readonly #behind = new Set<SocketInternals>();
  /** Set by the kind of server. */
  adopt: Adopt = () => undefined;
  /** Set by the kind of server. */
  receiver: Receiver | undefined;
  /** A message has ended: what waits may look again. */
  onChange: () => void = () => {};

  constructor(identity: CarrierIdentity, context: CarrierContext) {
    this.identity = identity;
    this.#context = context;
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Open ones. */
  get size(): number {
    let open = 0;
    for (const { socket } of this.#connections) if (!socket.destroyed) open += 1;
    return open;
  }

  /** Open, and not with the next generation. */
  get left(): SocketInternals[] {
    const all = [...[...this.#connections].map(({ socket }) => socket), ...this.#behind];
    return all.filter((socket) => !socket.destroyed);
  }

  owns(socket: SocketInternals): boolean {
    return this.#bySocket.has(socket);
  }

  add(connection: Connection): void {
    this.#connections.add(connection);
    this.#bySocket.add(connection.socket);
    if (this.#mode === "still") connection.still();
    if (this.#mode === "held") connection.hold();
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

  /** In place: the same, without a word to the sockets. */
  hold(): void {
    if (this.#mode !== "open") return;
    this.#mode = "held";
    for (const connection of this.#connections) connection.hold();
  }

  /** Something has come for one that is held: if it can go, it does so before all others. */
  onHeld(connection: Connection): void {
    if (this.#mode !== "releasing" || !connection.isIdle) return;
    const receiver = this.#receiverFor(connection);
    if (receiver) this.#pass(connection, receiver);
  }

  open(): void {
    this.#mode = "open";
    this.#beside = undefined;
    for (const connection of [...this.#connections]) connection.resume();
  }

  startRelease(beside: Beside | undefined): void {
    this.#mode = "releasing";
    this.#beside = beside;
  }

  holders(): Holder[] {
    const holders: Holder[] = [];
    for (const connection of this.#connections) {
      const holder = connection.holder();
      if (holder) holders.push(holder);
    }
    return holders;
  }

  /**
   * Sends every connection that is free; quiet ones wait for nothing but their turn. Resolves with
   * the number of those that were not: call again.
   */
  async sendFree(send: SendConnection): Promise<number> {
    let busy = 0;
    for (const connection of this.#waitedForFirst()) {
      if (this.#mode !== "releasing") return 0;
      if (!this.#connections.has(connection)) continue;
      const receiver = this.#receiverFor(connection);
      if (receiver) {
        if (connection.isIdle) this.#pass(connection, receiver);
        else busy += 1;
        const turn = this.#beside?.onPassed();
        if (turn) await turn;
        continue;
      }
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

  #waitedForFirst(): Connection[] {
    const all = [...this.#connections];
    if (!this.#beside) return all;
    const isWaitedFor = (connection: Connection) => connection.isWaitedFor;
    return [...all.filter(isWaitedFor), ...all.filter((it) => !isWaitedFor(it))];
  }

  #receiverFor(connection: Connection): Receiver | undefined {
    const receiver = this.#beside?.carrierFor(this.identity)?.receiver;
    return receiver?.suits(connection) ? receiver : undefined;
  }

  #pass(connection: Connection, receiver: Receiver): void {
    this.remove(connection);
    try {
      receiver.receive(connection);
    } catch (error) {
      this.#staysBehind(connection, error);
    }
  }

  #staysBehind(connection: Connection, error: unknown): void {
    const { kind } = this.identity;
    this.#context.notice(`a ${kind} connection stays behind: save: ${messageOf(error)}`);
    this.remove(connection);
    this.#behind.add(connection.socket);
    connection.resume();
  }

  async #send(connection: Connection, send: SendConnection): Promise<void> {
    const { kind, ordinal: server } = this.identity;
    const key = this.#context.keyOf(connection.socket);
    let parcel: ReturnType<Connection["take"]>;
    try {
      parcel = connection.take();
    } catch (error) {
      this.#staysBehind(connection, error);
      return;
    }
    this.remove(connection);
    const { handle, head, data, quietSinceMs } = parcel;
    const meta: ConnectionMeta = { kind, key, server, data, quietSinceMs };
    if (head.byteLength > 0) meta.head = head;
    await send(meta, handle);
  }
}
