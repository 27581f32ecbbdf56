/**
 * The connections of one registered server: stilled for a freeze, announced to the next generation
 * all at once, sent there one after the other, and taken over from the previous one.
 */
import { messageOf } from "../../contract/errors.ts";
import type { CarriedKind, ConnectionMeta, Holder } from "../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import { isPending, keptBytes, namesOf } from "../node/pending.ts";
import { AnnouncedConnection } from "./announced.ts";
import type { Connection } from "./connection.ts";
import type { Follow } from "./moved.ts";

/** Sends a connection; what it returns is waited for before the next one. */
export type SendConnection = (
  meta: ConnectionMeta,
  handle: RawHandle | undefined,
) => Promise<void> | undefined;

export interface CarrierContext {
  /** The server and key of the listening socket that a connection came in by. */
  keyOf(socket: SocketInternals): ConnectionMeta["key"];
  serverOf(key: ConnectionMeta["key"]): object | undefined;
  /** From here on `hot.carried` is true for it. */
  markCarried(connection: object): void;
  /** It was carried, and its client is told to come back all the same. */
  onRefused(): void;
  /** A request that began in this generation has not been answered. */
  isAnswering(): boolean;
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
  /** Throws, with nothing changed, when `save` does. What it returns lets what is held be heard. */
  receive(connection: Connection): () => void;
}

/**
 * What one kind of server adds: a connection that is taken over, before its handle is here.
 * `before`: this generation had it once, and its application still has that object.
 */
export type Expect = (meta: ConnectionMeta, before: Connection | undefined) => AnnouncedConnection;

/** How a generation tells the next one of its connections. */
export interface Announcing {
  nextId(): number;
  tell(meta: ConnectionMeta): void;
  /** For what this process still writes to it once its handle has gone. */
  follow(id: number): Follow;
}

export interface CarrierIdentity {
  kind: CarriedKind;
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
  #announcing: Announcing | undefined;
  /** The next generation has them already, under these numbers. */
  readonly #told = new Map<Connection, number>();
  /** Their handles have gone; the application here still has the objects. */
  readonly #moved = new Set<{ forget(): void }>();
  /** The same by their numbers: a hand-back names them. */
  readonly #byId = new Map<number, Connection>();
  /** Under which number the generation before had announced it. */
  readonly #origins = new WeakMap<SocketInternals, number>();
  /** Set by the kind of server. */
  onExpected: Expect = () => {
    throw new Error("nothing is carried to this server");
  };
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

  /** It is in somebody else's hands; `forget` is called should this generation go on after all. */
  leaveBehind(moved: { forget(): void }): void {
    this.#moved.add(moved);
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
    this.#announcing = undefined;
    this.#told.clear();
    for (const moved of this.#moved) moved.forget();
    this.#moved.clear();
    this.#byId.clear();
    for (const connection of [...this.#connections]) connection.resume();
  }

  /**
   * Tells of every connection that can be told of; its handle follows in a release. Nothing is
   * changed: a thaw goes on as if nothing had been said.
   */
  announce(announcing: Announcing): number {
    this.#announcing = announcing;
    this.#told.clear();
    for (const connection of this.#connections) {
      if (!connection.isMovable || !connection.isTellable) continue;
      if (this.#receiverFor(connection)) continue;
      const meta = this.#metaOf(connection);
      if (meta === undefined) continue;
      const id = announcing.nextId();
      this.#told.set(connection, id);
      this.#byId.set(id, connection);
      announcing.tell({ ...meta, id });
    }
    return this.#told.size;
  }

  /** Undefined: `save` throws, and it will stay behind. */
  #metaOf(connection: Connection): ConnectionMeta | undefined {
    const { kind, ordinal: server } = this.identity;
    try {
      const data = connection.record();
      const { socket } = connection;
      const meta: ConnectionMeta = {
        kind,
        key: this.#context.keyOf(socket),
        server,
        data,
        quietSinceMs: 0,
      };
      const origin = this.#origins.get(socket);
      if (origin !== undefined) meta.origin = origin;
      if (isPending(socket)) meta.kept = keptBytes(socket);
      return meta;
    } catch {
      return undefined;
    }
  }

  /** Its handle comes later; it may be one that was here before, or is here still. */
  expect(meta: ConnectionMeta): AnnouncedConnection {
    const before = meta.origin === undefined ? undefined : this.#byId.get(meta.origin);
    if (before !== undefined && this.#connections.has(before)) {
      const { socket } = before;
      if (meta.kept && socket.writable) socket.write(meta.kept);
      return AnnouncedConnection.stayed(socket);
    }
    if (before !== undefined) this.#moved.delete(before);
    const expected = this.onExpected(meta, before);
    if (meta.id !== undefined) this.#origins.set(expected.socket, meta.id);
    return expected;
  }

  /** From here on none goes any more: they are to come back. */
  stay(): void {
    if (this.#mode === "releasing") this.#mode = "still";
  }

  /** From another process, with its handle. */
  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): SocketInternals {
    const data = meta.data as { names?: unknown };
    const whole = { ...meta, data: { names: namesOf(handle), ...data } };
    const connection = this.expect(whole);
    connection.arrive(handle, Buffer.from(meta.head ?? []));
    return connection.socket;
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
      if (!connection.isFree()) busy += 1;
      else {
        const turn = this.#send(connection, send);
        if (turn) await turn;
      }
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

  /** In place, all that can go in this turn; those that have to be built again are told of. */
  passAll(beside: Beside, announcing: Announcing): (() => void)[] {
    this.#beside = beside;
    const begins: (() => void)[] = [];
    for (const connection of this.#waitedForFirst()) {
      const receiver = this.#receiverFor(connection);
      if (receiver && connection.isIdle) begins.push(this.#give(connection, receiver));
    }
    this.announce(announcing);
    return begins;
  }

  #pass(connection: Connection, receiver: Receiver): void {
    this.#give(connection, receiver)();
  }

  #give(connection: Connection, receiver: Receiver): () => void {
    this.remove(connection);
    try {
      return receiver.receive(connection);
    } catch (error) {
      this.#notCarried(connection, error);
      return () => {};
    }
  }

  #notCarried(connection: Connection, error: unknown): void {
    const { kind } = this.identity;
    this.#context.notice(`a ${kind} connection stays behind: save: ${messageOf(error)}`);
    this.remove(connection);
    this.#behind.add(connection.socket);
    connection.resume();
  }

  #send(connection: Connection, send: SendConnection): Promise<void> | undefined {
    const { kind, ordinal: server } = this.identity;
    const key = this.#context.keyOf(connection.socket);
    const id = this.#told.get(connection);
    let data: unknown;
    try {
      if (id === undefined) data = connection.record();
    } catch (error) {
      this.#notCarried(connection, error);
      return undefined;
    }
    const follow = id === undefined ? undefined : this.#announcing?.follow(id);
    const { handle, head, quietSinceMs, closeSent } = connection.take(follow);
    this.remove(connection);
    if (follow && handle) this.#moved.add(connection);
    const meta: ConnectionMeta = { kind, key, server, quietSinceMs };
    if (id === undefined) meta.data = data;
    else meta.id = id;
    if (closeSent) meta.closeSent = true;
    if (head.byteLength > 0) meta.head = head;
    return send(meta, handle);
  }
}
