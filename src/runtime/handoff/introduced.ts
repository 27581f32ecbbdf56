/**
 * What this generation knows of connections that another one still serves: see carry/introductions.ts.
 * Of each pipe its own; the application has seen none of them.
 */
import type { ConnectionMeta } from "../../protocol/connections.ts";
import type { Prepared } from "../carry/prepared.ts";
import type { RawHandle } from "../node/internals.ts";

interface Known {
  meta: ConnectionMeta;
  handle: RawHandle | undefined;
  prepared: Prepared | undefined;
}

export class Introduced {
  readonly #prepare: (meta: ConnectionMeta) => Prepared | undefined;
  readonly #all = new Map<number, Known>();

  constructor(prepare: (meta: ConnectionMeta) => Prepared | undefined) {
    this.#prepare = prepare;
  }

  add(meta: ConnectionMeta, handle: RawHandle | undefined): void {
    let prepared: Prepared | undefined;
    try {
      prepared = this.#prepare(meta);
    } catch {
      // It is built when it is announced, and says then what is wrong.
    }
    this.#all.set(meta.id!, { meta, handle, prepared });
  }

  /** What was announced of it, with what was known before; what was prepared is the caller's. */
  complete(meta: ConnectionMeta): [meta: ConnectionMeta, prepared: Prepared | undefined] {
    const known = this.#all.get(meta.id!);
    if (known === undefined) return [meta, undefined];
    const { prepared } = known;
    known.prepared = undefined;
    const data = { ...(known.meta.data as object), ...(meta.data as object) };
    return [{ ...meta, data }, prepared];
  }

  takeHandle(id: number): RawHandle | undefined {
    const known = this.#all.get(id);
    this.#all.delete(id);
    return known?.handle;
  }

  forget(id: number): void {
    const known = this.#all.get(id);
    this.#all.delete(id);
    known?.handle?.close();
    known?.prepared?.forget();
  }

  end(): void {
    for (const id of [...this.#all.keys()]) this.forget(id);
  }
}
