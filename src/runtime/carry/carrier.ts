/**
 * The connections of one registered server: frozen, announced to the next generation
 * all at once, sent there one after the other, and taken over from the previous one.
 */
import { messageOf } from "../../contract/errors.ts";
import type { ConnectionMeta } from "../../protocol/connections.ts";
import type { Holder } from "../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import { isPending, keptBytes, namesOf } from "../node/pending.ts";
import { AnnouncedConnection } from "./announced.ts";
import type { Connection } from "./connection.ts";
import { type Introducing, Introductions } from "./introductions.ts";
import type { Follow } from "./moved.ts";
import type { Prepared } from "./prepared.ts";
import { whenSaid } from "./said.ts";
import { type CarrierIdentity, handoffWay, type Receiver, type Way } from "./way.ts";

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
  /** It was carried, and is closed all the same: its client is to come back. */
  onRefused(why: string): void;
  /** A request that began in this generation has not been answered. */
  isAnswering(): boolean;
  /** Something that a report should say. */
  notice(text: string): void;
}

export const restoreFailed = (error: unknown): string => `restore: ${messageOf(error)}`;

/**
 * What one kind of server adds: a connection that is taken over, before its handle is here.
 * `before`: this generation had it once, and its application still has that object.
 */
export type Expect = (
  meta: ConnectionMeta,
  before: Connection | undefined,
  prepared: Prepared | undefined,
) => AnnouncedConnection;

/** How a generation tells the next one of its connections. */
export interface Announcing {
  nextId(): number;
  tell(meta: ConnectionMeta): void;
  /** For what this process still writes to it once its handle has gone. */
  follow(id: number): Follow;
}

export class Carrier {
  readonly identity: CarrierIdentity;
  readonly #context: CarrierContext;
  readonly #connections = new Set<Connection>();
  readonly #bySocket = new WeakSet<SocketInternals>();
  #mode: "open" | "frozen" | "moving" = "open";
  #way = handoffWay;
  /** What `save` threw on: the old code has them until they are ended. */
  readonly #behind = new Set<SocketInternals>();
  #announcing: Announcing | undefined;
  #introductions: Introductions | undefined;
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
  /** Set by the kind of server: builds what it can of one that was introduced. */
  onIntroduced: (meta: ConnectionMeta) => Prepared | undefined = () => undefined;
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
    if (this.#mode === "frozen") this.#way.freeze(connection);
  }

  remove(connection: Connection): void {
    this.#connections.delete(connection);
    this.#bySocket.delete(connection.socket);
    this.#introductions?.takeBack(connection);
    this.onChange();
  }

  /** It is in somebody else's hands; `forget` is called should this generation go on after all. */
  leaveBehind(moved: { forget(): void }): void {
    this.#moved.add(moved);
  }

  /** No message reaches the application any more; those under way go on. */
  freeze(way: Way): void {
    if (this.#mode !== "open") return;
    this.#mode = "frozen";
    this.#way = way;
    this.#introductions?.end();
    for (const connection of this.#connections) way.freeze(connection);
  }

  /** Something has come for one that is frozen: if it can go, it does so before all others. */
  onKept(connection: Connection): void {
    if (this.#mode !== "moving" || !connection.isIdle) return;
    const receiver = this.#receiverFor(connection);
    if (receiver) this.#pass(connection, receiver);
  }

  thaw(): void {
    this.#mode = "open";
    this.#way = handoffWay;
    this.#announcing = undefined;
    this.#introductions = undefined;
    this.#told.clear();
    for (const moved of this.#moved) moved.forget();
    this.#moved.clear();
    this.#byId.clear();
    for (const connection of [...this.#connections]) connection.thaw();
  }

  /** While it serves: resolves with how many the next generation knows something of. */
  introduce(introducing: Introducing): Promise<number> {
    this.#introductions = new Introductions(introducing);
    return this.#introductions.begin(this.#connections, (connection) =>
      connection.isIntroducible ? this.#metaOf(connection, () => connection.fixed()) : undefined,
    );
  }

  /** Resolves when what was said to those without a handle can be told with them. */
  whenSaid(): Promise<void> {
    return whenSaid([...this.#connections].filter(({ socket }) => isPending(socket)));
  }

  /**
   * Tells of every connection that can be told of; its handle follows when they move. Nothing is
   * changed: a thaw goes on as if nothing had been said.
   */
  announce(announcing: Announcing): number {
    this.#announcing = announcing;
    // Of an upgrade that was given up.
    if (!this.#introductions?.areTo(announcing)) this.#introductions = undefined;
    this.#told.clear();
    for (const connection of this.#connections) {
      if (!connection.isMovable || !connection.isTellable) continue;
      if (this.#receiverFor(connection)) continue;
      const known = this.#introductions?.of(connection);
      const record = () => (known ? connection.changes() : recordOf(connection));
      const meta = this.#metaOf(connection, record);
      if (meta === undefined) continue;
      const id = known?.id ?? announcing.nextId();
      this.#told.set(connection, id);
      this.#byId.set(id, connection);
      announcing.tell({ ...meta, id });
      if (meta.kept) connection.goesOnThere?.(announcing.follow(id));
    }
    return this.#told.size;
  }

  /** Undefined: `save` throws, and it will stay behind. */
  #metaOf(connection: Connection, record: () => object): ConnectionMeta | undefined {
    const { kind, ordinal: server } = this.identity;
    try {
      const data = record();
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
  expect(meta: ConnectionMeta, prepared?: Prepared): AnnouncedConnection {
    const before = meta.origin === undefined ? undefined : this.#byId.get(meta.origin);
    if (before !== undefined && this.#connections.has(before)) {
      const { socket } = before;
      const { kept } = meta;
      // Behind what was said here before.
      const said = whenSaid([before]).then(() => {
        if (kept && socket.writable) socket.write(kept);
      });
      return AnnouncedConnection.stayed(socket, said);
    }
    if (before !== undefined) this.#moved.delete(before);
    const expected = this.onExpected(meta, before, prepared);
    if (meta.id !== undefined) this.#origins.set(expected.socket, meta.id);
    return expected;
  }

  /** From here on none goes any more: they are to come back. */
  stay(): void {
    if (this.#mode === "moving") this.#mode = "frozen";
  }

  /** From another process, with its handle. */
  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): SocketInternals {
    const data = meta.data as { names?: unknown };
    const whole = { ...meta, data: { names: namesOf(handle), ...data } };
    const connection = this.expect(whole);
    connection.arrive(handle, Buffer.from(meta.head ?? []));
    return connection.socket;
  }

  startMove(way: Way): void {
    this.#mode = "moving";
    this.#way = way;
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
   * Sends every connection that is free; idle ones wait for nothing but their turn. Resolves with
   * the number of those that were not: call again.
   */
  async sendFree(send: SendConnection): Promise<number> {
    let busy = 0;
    for (const connection of this.#way.inOrder(this.#connections)) {
      if (this.#mode !== "moving") return 0;
      if (!this.#connections.has(connection)) continue;
      const receiver = this.#receiverFor(connection);
      if (receiver) {
        if (connection.isIdle) this.#pass(connection, receiver);
        else busy += 1;
        const turn = this.#way.onPassed();
        if (turn) await turn;
        continue;
      }
      if (!connection.isMovable) {
        connection.thaw();
        continue;
      }
      connection.freeze();
      if (!connection.isFree()) busy += 1;
      else {
        const turn = this.#send(connection, send);
        if (turn) await turn;
      }
    }
    return busy;
  }

  #receiverFor(connection: Connection): Receiver | undefined {
    const receiver = this.#way.receiverFor(this.identity);
    return receiver?.suits(connection) ? receiver : undefined;
  }

  /** In a swap, all that can go in this turn; those that have to be built again are told of. */
  passAll(way: Way, announcing: Announcing): (() => void)[] {
    this.#way = way;
    const begins: (() => void)[] = [];
    for (const connection of this.#way.inOrder(this.#connections)) {
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
    connection.thaw();
  }

  #send(connection: Connection, send: SendConnection): Promise<void> | undefined {
    const { kind, ordinal: server } = this.identity;
    const key = this.#context.keyOf(connection.socket);
    const id = this.#told.get(connection);
    let data: unknown;
    try {
      if (id === undefined) data = recordOf(connection);
    } catch (error) {
      this.#notCarried(connection, error);
      return undefined;
    }
    const follow = id === undefined ? undefined : this.#announcing?.follow(id);
    const { handle, head, quietSinceMs, closeSent } = connection.take(follow);
    const meta: ConnectionMeta = { kind, key, server, quietSinceMs };
    if (id !== undefined && handle && this.#introductions?.of(connection)?.isAhead) {
      meta.isAhead = true;
      this.#introductions.forget(connection);
    }
    this.remove(connection);
    if (follow && handle) this.#moved.add(connection);
    if (id === undefined) meta.data = data;
    else meta.id = id;
    if (closeSent) meta.closeSent = true;
    if (head.byteLength > 0) meta.head = head;
    return send(meta, handle);
  }
}

const recordOf = (connection: Connection): object => ({
  ...connection.fixed(),
  ...connection.changes(),
});
