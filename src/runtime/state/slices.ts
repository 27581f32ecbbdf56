/**
 * A large state copied while the application runs, for a rehearsal: in slices of a few
 * milliseconds, between which the event loop turns. The copy may mix moments, and objects that are
 * reached twice may arrive twice; neither matters to a migration that is only tried.
 *
 * A container (Map, Set, array, plain object) goes entry by entry:
 *
 *   open map · entries [[k, v], …] · key k · open object · entries … · close · close
 */
import { assertCloneable } from "./cloneable.ts";

export type Kind = "map" | "set" | "array" | "object";

export type Part =
  | { op: "leaf"; value: unknown }
  | { op: "open"; kind: Kind; key?: unknown }
  | { op: "entries"; entries: unknown[] }
  | { op: "close" };

/** Up to this weight a value is copied in one piece, cycles and all. */
const WHOLE_WEIGHT = 20_000;
/** An entry above this is a container of its own. */
const ENTRY_WEIGHT = 400;
/** A batch of entries: some two milliseconds of work, and never more than a few. */
const BATCH_WEIGHT = 2_000;
const SLICE_MS = 4;

/** Why a state cannot be copied in slices: its rehearsal is left out, and that is reported. */
export class Unsliceable extends Error {}

type Emit = (part: Part) => Promise<void>;

/** `emit` writes a part; it is called with no more than a slice of work at a time. */
export class Slicer {
  readonly #emit: Emit;
  readonly #open = new Set<object>();
  readonly #done = new WeakSet<object>();
  #sliceStart = performance.now();
  /** The longest that the event loop stood still. */
  longestMs = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** @throws what is in the way, Unsliceable */
  async copy(name: string, value: unknown): Promise<void> {
    if (weigh(value, WHOLE_WEIGHT) < WHOLE_WEIGHT || kindOf(value) === undefined) {
      assertCloneable(name, value);
      await this.#slice({ op: "leaf", value });
    } else await this.#container(name, value as object);
  }

  async #container(path: string, container: object, key?: unknown): Promise<void> {
    if (this.#open.has(container)) throw new Unsliceable(`${path} is large and holds itself`);
    if (this.#done.has(container)) throw new Unsliceable(`${path} is large and reached twice`);
    const kind = kindOf(container);
    if (kind === undefined) throw new Unsliceable(`${path} is one large value`);
    this.#open.add(container);
    await this.#slice(key === undefined ? { op: "open", kind } : { op: "open", kind, key });
    await this.#entries(path, container, kind);
    await this.#slice({ op: "close" });
    this.#open.delete(container);
    this.#done.add(container);
  }

  async #entries(path: string, container: object, kind: Kind): Promise<void> {
    let batch: unknown[] = [];
    let weight = 0;
    const flush = async () => {
      const entries = batch;
      batch = [];
      weight = 0;
      if (entries.length > 0) await this.#slice({ op: "entries", entries });
    };
    for (const [key, value] of entriesOf(container, kind)) {
      const entryWeight = 1 + weigh(value, ENTRY_WEIGHT);
      const where = `${path}.${String(key)}`;
      if (entryWeight > ENTRY_WEIGHT && kindOf(value) !== undefined) {
        await flush();
        // In an array or a set the order of arrival is the key.
        await this.#container(where, value as object, kind === "array" ? undefined : key);
        continue;
      }
      assertCloneable(where, value);
      if (kind === "map") assertCloneable(where, key);
      batch.push(kind === "map" || kind === "object" ? [key, value] : value);
      weight += entryWeight;
      if (weight >= BATCH_WEIGHT || this.#elapsedMs() > SLICE_MS) await flush();
    }
    await flush();
  }

  #elapsedMs(): number {
    return performance.now() - this.#sliceStart;
  }

  /** The work on a part is done when `emit` returns; waiting for the receiver is no standstill. */
  async #slice(part: Part): Promise<void> {
    const written = this.#emit(part);
    this.longestMs = Math.max(this.longestMs, this.#elapsedMs());
    await written;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceStart = performance.now();
  }
}

/** Puts the parts together again. */
export class Joiner {
  value: unknown;
  readonly #stack: { kind: Kind; container: object; key: unknown }[] = [];

  add(part: Part): void {
    if (part.op === "leaf") this.value = part.value;
    else if (part.op === "open") {
      const container = emptyOf(part.kind);
      this.#stack.push({ kind: part.kind, container, key: part.key });
    } else if (part.op === "entries") for (const entry of part.entries) this.#put(entry);
    else this.#close();
  }

  #put(entry: unknown): void {
    const { kind, container } = this.#stack.at(-1)!;
    if (kind === "array") (container as unknown[]).push(entry);
    else if (kind === "set") (container as Set<unknown>).add(entry);
    else {
      const [key, value] = entry as [string, unknown];
      if (kind === "map") (container as Map<unknown, unknown>).set(key, value);
      else (container as Record<string, unknown>)[key] = value;
    }
  }

  #close(): void {
    const { container, key } = this.#stack.pop()!;
    const parent = this.#stack.at(-1);
    if (parent === undefined) this.value = container;
    else
      this.#put(parent.kind === "map" || parent.kind === "object" ? [key, container] : container);
  }
}

function kindOf(value: unknown): Kind | undefined {
  if (value === null || typeof value !== "object") return undefined;
  if (value instanceof Map) return "map";
  if (value instanceof Set) return "set";
  if (Array.isArray(value)) return "array";
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype ? "object" : undefined;
}

function* entriesOf(container: object, kind: Kind): Iterable<[unknown, unknown]> {
  if (kind === "map") yield* container as Map<unknown, unknown>;
  else if (kind === "set") yield* (container as Set<unknown>).entries();
  else if (kind === "array") yield* (container as unknown[]).entries();
  else for (const key of Object.keys(container)) yield [key, (container as never)[key]];
}

const emptyOf = (kind: Kind): object =>
  kind === "map" ? new Map() : kind === "set" ? new Set() : kind === "array" ? [] : {};

/** About how many small values `value` is made of; stops counting at `limit`. */
function weigh(value: unknown, limit: number): number {
  const pending = [value];
  const seen = new Set<object>();
  let weight = 0;
  while (pending.length > 0 && weight < limit) {
    const next = pending.pop();
    weight += 1;
    if (typeof next === "string") weight += next.length >> 10;
    if (next === null || typeof next !== "object" || seen.has(next)) continue;
    seen.add(next);
    if (ArrayBuffer.isView(next)) continue;
    const kind = kindOf(next);
    if (kind === undefined) continue;
    for (const [key, inner] of entriesOf(next, kind)) {
      pending.push(inner);
      if (kind === "map") pending.push(key);
      if (pending.length + weight > limit) return limit;
    }
  }
  return weight;
}
