/** Connections that were announced to this generation, until the process that had them has gone. */
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { within } from "../../platform/waiting.ts";
import type { BetweenWorkers, ConnectionMeta } from "../../protocol/connections.ts";
import type { AnnouncedConnection } from "../carry/announced.ts";
import type { Prepared } from "../carry/prepared.ts";
import type { HandlePipe } from "../node/handlePipe.ts";
import type { RawHandle } from "../node/internals.ts";
import { Introduced } from "./introduced.ts";

/** Supervisors of a busy machine have passed it on by then, or one of them has died with it. */
const RELAY_MS = 60_000;
/** An async 'connection' listener may as well never end. */
const ATTEND_MS = 250;

export interface ExpectedParts {
  /** Something of it is built beforehand. */
  prepare(meta: ConnectionMeta): Prepared | undefined;
  /** The connection as this generation's own, without its handle. Throws when its listeners do. */
  expect(meta: ConnectionMeta, prepared?: Prepared): AnnouncedConnection;
  /** It is here, with or without having been announced. */
  adopt(meta: ConnectionMeta, handle: RawHandle | undefined): void;
}

/** By one pipe. */
interface Way {
  told: Map<number, AnnouncedConnection>;
  /** Of the told: their handles come another way, whatever becomes of the process that had them. */
  relayed: Way["told"];
  introduced: Introduced;
  toldAll(count: number): void;
}

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
    const introduced = new Introduced((meta) => this.#parts.prepare(meta));
    const announced = new Promise<number>((resolve, reject) => {
      const way: Way = { told: new Map(), relayed: new Map(), introduced, toldAll: resolve };
      pipe.onValue = (value, handle) => this.#receive(value as BetweenWorkers, handle, way);
      pipe.onEnd = () => {
        reject(new TsugiError("TSUGI_ANNOUNCE_CUT_OFF", {}));
        // Where nobody waits: a later hand-back must not hear of it.
        this.#announced = this.#announced.filter((one) => one !== announced);
        this.#end(way);
      };
    });
    announced.catch(() => {});
    this.#announced.push(announced);
    pipe.read();
  }

  /** Whoever had them is gone, and with it what it has not given to anybody. */
  #end({ told, relayed, introduced }: Way): void {
    this.#forget(told);
    if (relayed.size > 0) setTimeout(() => this.#forget(relayed), RELAY_MS).unref();
    introduced.end();
  }

  /** Under its number there may be one by now that came another way: there, or back. */
  #forget(told: Way["told"]): void {
    for (const [id, announced] of told) {
      announced.lose();
      if (this.#all.get(id) === announced) this.#all.delete(id);
    }
  }

  /** In a swap: it is told of by a call. Throws what its listeners throw. */
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
    const all = [...this.#all.values()];
    await Promise.all(all.flatMap((one) => one.said ?? []));
    const attending = all.flatMap((one) => one.attended ?? []);
    if (attending.length > 0) await within(ATTEND_MS, Promise.all(attending), () => []);
    return count;
  }

  #receive(value: BetweenWorkers, handle: RawHandle | undefined, way: Way): void {
    const { introduced } = way;
    switch (value.type) {
      case "introduced":
        introduced.add(value.meta, handle);
        return;
      case "gone":
        introduced.forget(value.id);
        return;
      case "announced":
        for (const meta of value.connections) this.#expect(meta, way);
        return;
      case "allAnnounced":
        way.toldAll(value.count);
        return;
      case "connection":
        this.#parts.adopt(value.meta, handle);
        return;
      case "released":
        for (const meta of value.connections) {
          this.#parts.adopt(meta, introduced.takeHandle(meta.id!));
        }
        return;
      case "relayed":
        this.#passedOn(value.id, way);
        return;
      case "late":
        this.#all.get(value.id)?.write(value.bytes);
        return;
      default:
        handle?.close();
    }
  }

  #passedOn(id: number, { told, relayed }: Way): void {
    const announced = told.get(id);
    if (announced === undefined) return;
    told.delete(id);
    relayed.set(id, announced);
  }

  #expect(meta: ConnectionMeta, { told, introduced }: Way): void {
    const id = meta.id!;
    try {
      const announced = this.#parts.expect(...introduced.complete(meta));
      told.set(id, announced);
      this.#all.set(id, announced);
    } catch (error) {
      this.#problem ??= error;
    }
  }
}
