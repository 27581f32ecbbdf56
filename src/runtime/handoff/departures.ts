/**
 * The way to the next generation in another process: what is known of each connection goes ahead, all
 * handles follow, and after each handle what the application here still writes to its connection.
 */
import type { BetweenWorkers, ConnectionMeta } from "../../protocol/connections.ts";
import type { Announcing } from "../carry/carrier.ts";
import type { Introducing } from "../carry/introductions.ts";
import type { Follow } from "../carry/moved.ts";
import { type HandlePipe, passesHandles } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";

/** So many are told of in one message: the other side builds them while the next ones are written. */
const BATCH = 100;
/** Ids of different slots may come together in one worker of the next generation. */
const IDS_A_SLOT = 1_000_000_000;

export class Departures implements Announcing, Introducing {
  readonly #pipe: HandlePipe;
  readonly #mayFollow: () => boolean;
  #lastId: number;
  #untold: ConnectionMeta[] = [];
  /** Their handles are there. */
  #released: ConnectionMeta[] = [];

  constructor(pipe: HandlePipe, slot: number, mayFollow: () => boolean) {
    this.#pipe = pipe;
    this.#lastId = slot * IDS_A_SLOT;
    this.#mayFollow = mayFollow;
  }

  get takesHandles(): boolean {
    return passesHandles && !this.#pipe.isClosed;
  }

  get isClosed(): boolean {
    return this.#pipe.isClosed;
  }

  close(): void {
    this.#pipe.close();
  }

  introduce(meta: ConnectionMeta, handle: RawHandle, onFailed: () => void): boolean {
    const value: BetweenWorkers = { type: "introduced", meta };
    const { takesHandles } = this;
    if (takesHandles) this.#pipe.sendWithHandle(value, handle).catch(onFailed);
    else this.#send(value);
    return takesHandles;
  }

  gone(id: number): void {
    this.#send({ type: "gone", id });
  }

  async whenTaken(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    // By the clock: while the other process does not read, this one serves.
    while (!this.isEmpty) await new Promise((resolve) => setTimeout(resolve, 1));
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  tell(meta: ConnectionMeta): void {
    this.#untold.push(meta);
    if (this.#untold.length === BATCH) this.#sendTold();
  }

  toldAll(count: number): void {
    this.#sendTold();
    this.#send({ type: "allAnnounced", count });
  }

  /** Its handle may be closed here. */
  release(meta: ConnectionMeta): void {
    this.#released.push(meta);
    if (this.#released.length === BATCH) this.#sendReleased();
    else if (this.#released.length === 1) setImmediate(() => this.#sendReleased());
  }

  send(meta: ConnectionMeta, handle: RawHandle | undefined): Promise<void> | undefined {
    const value: BetweenWorkers = { type: "connection", meta };
    if (handle !== undefined) {
      this.#sendReleased();
      return this.#pipe.sendWithHandle(value, handle);
    }
    this.#send(value);
    return undefined;
  }

  /** Its handle has left this process, another way. */
  relayed({ id }: ConnectionMeta): void {
    if (id !== undefined) this.#send({ type: "relayed", id });
  }

  follow(id: number): Follow {
    return { counts: this.#mayFollow, send: (bytes) => this.#send({ type: "late", id, bytes }) };
  }

  /** All of it is with the kernel. */
  get isEmpty(): boolean {
    return this.#pipe.isClosed || (this.#released.length === 0 && this.#pipe.queuedBytes === 0);
  }

  #sendTold(): void {
    if (this.#untold.length > 0) {
      this.#send({ type: "announced", connections: this.#untold.splice(0) });
    }
  }

  #sendReleased(): void {
    const connections = this.#released.splice(0);
    if (connections.length > 0) this.#pipe.send({ type: "released", connections });
  }

  /** What is said of a connection comes after its release. */
  #send(value: BetweenWorkers): void {
    this.#sendReleased();
    this.#pipe.send(value);
  }
}
