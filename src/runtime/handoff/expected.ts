/** Connections that were announced to this generation, until the process that had them has gone. */
import { messageOf, TsugiError } from "../../contract/errors.ts";
import type { BetweenWorkers, ConnectionMeta } from "../../protocol/worker.ts";
import type { AnnouncedConnection } from "../carry/announced.ts";
import type { HandlePipe } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";

/** An async 'connection' listener may as well never end. */
const ATTEND_MS = 250;

export interface ExpectedParts {
  /** The connection as this generation's own, without its handle. Throws when its listeners do. */
  expect(meta: ConnectionMeta): AnnouncedConnection;
  /** It is here, with or without having been announced. */
  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): void;
}

/** By one pipe. */
type Told = Map<number, AnnouncedConnection>;

export class Expected {
  readonly #parts: ExpectedParts;
  readonly #all = new Map<number, AnnouncedConnection>();
  /** Of each pipe: how many were told of. */
  #announced: Promise<number>[] = [];
  #problem: unknown;

  constructor(parts: ExpectedParts) {
    this.#parts = parts;
  }

  /** From now on connections come this way. */
  listen(pipe: HandlePipe): void {
    const told: Told = new Map();
    const announced = new Promise<number>((resolve, reject) => {
      pipe.onValue = (value, handle) => {
        this.#receive(value as BetweenWorkers, handle, told, resolve);
      };
      pipe.onEnd = () => {
        reject(new Error("the old generation has gone before it had told of all"));
        // Where nobody waits: a later hand-back must not hear of it.
        this.#announced = this.#announced.filter((one) => one !== announced);
        this.#forget(told);
      };
    });
    announced.catch(() => {});
    this.#announced.push(announced);
    pipe.read();
  }

  /** Under its number there may be one by now that came another way: there, or back. */
  #forget(told: Told): void {
    for (const [id, announced] of told) {
      announced.lose();
      if (this.#all.get(id) === announced) this.#all.delete(id);
    }
  }

  /** In place: it is told of by a call. Throws what its listeners throw. */
  add(meta: ConnectionMeta): void {
    this.#all.set(meta.id!, this.#parts.expect(meta));
  }

  find(id: number): AnnouncedConnection | undefined {
    return this.#all.get(id);
  }

  /** Resolves when the application has all of them; rejects with what it threw. */
  async whenPresent(): Promise<number> {
    const counts = await Promise.all(this.#announced.splice(0));
    const count = counts.reduce((sum, one) => sum + one, 0);
    if (this.#problem !== undefined) {
      const problem = `'connection': ${messageOf(this.#problem)}`;
      throw new TsugiError("TSUGI_ANNOUNCE_FAILED", { problem }, { cause: this.#problem });
    }
    const attended = Promise.all([...this.#all.values()].map((one) => one.attended));
    let timer: NodeJS.Timeout | undefined;
    const enough = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ATTEND_MS);
    });
    await Promise.race([attended, enough]);
    clearTimeout(timer);
    return count;
  }

  #receive(
    value: BetweenWorkers,
    handle: RawHandle | undefined,
    told: Told,
    toldAll: (count: number) => void,
  ): void {
    switch (value.type) {
      case "announced":
        for (const meta of value.connections) this.#expect(meta, told);
        return;
      case "allAnnounced":
        toldAll(value.count);
        return;
      case "connection":
        this.#parts.adopt(value.meta, handle);
        return;
      case "late":
        this.#all.get(value.id)?.write(value.bytes);
        return;
      default:
        handle?.close();
    }
  }

  #expect(meta: ConnectionMeta, told: Told): void {
    const id = meta.id!;
    try {
      const announced = this.#parts.expect(meta);
      told.set(id, announced);
      this.#all.set(id, announced);
    } catch (error) {
      this.#problem ??= error;
    }
  }
}
