/**
 * The way to the next generation in another process: what is known of each connection goes ahead, all
 * handles follow, and after each handle what the application here still writes to its connection.
 */
import type { BetweenWorkers, ConnectionMeta } from "../../protocol/worker.ts";
import type { Announcing } from "../carry/carrier.ts";
import type { Follow } from "../carry/moved.ts";
import { type HandlePipe, passesHandles } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";

/** So many are told of in one message: the other side builds them while the next ones are written. */
const BATCH = 100;
/** Ids of different slots may come together in one worker of the next generation. */
const IDS_A_SLOT = 1_000_000_000;

export class Departures implements Announcing {
  readonly #pipe: HandlePipe;
  readonly #mayFollow: () => boolean;
  #lastId: number;
  #untold: ConnectionMeta[] = [];

  constructor(pipe: HandlePipe, slot: number, mayFollow: () => boolean) {
    this.#pipe = pipe;
    this.#lastId = slot * IDS_A_SLOT;
    this.#mayFollow = mayFollow;
  }

  get takesHandles(): boolean {
    return passesHandles && !this.#pipe.isClosed;
  }

  close(): void {
    this.#pipe.close();
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

  send(meta: ConnectionMeta, handle: RawHandle | undefined): Promise<void> | undefined {
    const value: BetweenWorkers = { type: "connection", meta };
    if (handle !== undefined) return this.#pipe.sendWithHandle(value, handle);
    this.#send(value);
    return undefined;
  }

  follow(id: number): Follow {
    return (bytes) => {
      if (this.#mayFollow()) this.#send({ type: "late", id, bytes });
    };
  }

  /** All of it is with the kernel. */
  get isEmpty(): boolean {
    return this.#pipe.isClosed || this.#pipe.queuedBytes === 0;
  }

  #sendTold(): void {
    if (this.#untold.length > 0) {
      this.#send({ type: "announced", connections: this.#untold.splice(0) });
    }
  }

  #send(value: BetweenWorkers): void {
    this.#pipe.send(value);
  }
}
