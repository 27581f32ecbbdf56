/**
 * Connections that the next generation gets to know while this one serves: what does not change of
 * them, and a second handle, which it does not read. So within the pause only what has changed is
 * said, and letting go of a connection is to close the handle here.
 *
 * As long as there are two, closing one of them closes no connection: whatever ends here is said.
 */
import type { ConnectionMeta } from "../../protocol/connections.ts";
import { handleOf } from "../node/fields.ts";
import type { RawHandle } from "../node/internals.ts";
import type { Connection } from "./connection.ts";

/** Requests are answered meanwhile: so many at a time. */
const A_TURN = 20;

export interface Introducing {
  readonly isClosed: boolean;
  nextId(): number;
  /** Whether the handle goes with it. `onFailed`: nothing of it has left. */
  introduce(meta: ConnectionMeta, handle: RawHandle, onFailed: () => void): boolean;
  gone(id: number): void;
  /** Resolves when there is room for more. */
  whenTaken(): Promise<void>;
}

export interface Introduction {
  id: number;
  /** The next generation has a handle too. */
  isAhead: boolean;
}

export class Introductions {
  readonly #introducing: Introducing;
  readonly #all = new Map<Connection, Introduction>();
  #isOver = false;

  constructor(introducing: Introducing) {
    this.#introducing = introducing;
  }

  /** `metaOf`: undefined for one that is not introduced. */
  async begin(
    connections: ReadonlySet<Connection>,
    metaOf: (connection: Connection) => ConnectionMeta | undefined,
  ): Promise<number> {
    let count = 0;
    for (const connection of [...connections]) {
      if (this.#isOver || this.#introducing.isClosed) break;
      if (!connections.has(connection)) continue;
      const meta = metaOf(connection);
      if (meta === undefined) continue;
      const id = this.#introducing.nextId();
      const handle = handleOf(connection.socket)!;
      const onFailed = () => this.#all.delete(connection);
      const isAhead = this.#introducing.introduce({ ...meta, id }, handle, onFailed);
      this.#all.set(connection, { id, isAhead });
      count += 1;
      if (count % A_TURN === 0) await this.#introducing.whenTaken();
    }
    return count;
  }

  /** A freeze: whoever has not been introduced is announced in full. */
  end(): void {
    this.#isOver = true;
  }

  areTo(next: object): boolean {
    return next === this.#introducing;
  }

  of(connection: Connection): Introduction | undefined {
    return this.#all.get(connection);
  }

  /** Its handle there is for nothing. */
  takeBack(connection: Connection): void {
    const introduction = this.#all.get(connection);
    if (introduction === undefined) return;
    this.#all.delete(connection);
    this.#introducing.gone(introduction.id);
  }

  /** It is the next generation's now. */
  forget(connection: Connection): void {
    this.#all.delete(connection);
  }
}
