/**
 * Finds what a structured clone would refuse, or silently turn into something else: functions,
 * symbols, and instances of classes, which would arrive without their prototype.
 */
import type { StateCell } from "../../hot/state.ts";
import { serialize } from "./serialize.ts";

/** Where in the value, and what is there. */
export interface CloneProblem {
  path: string;
  what: string;
}

type Key = { property: string } | { index: number } | { entry: unknown } | { member: number };

const PLAIN_TYPES = [
  ...[Object, Array, Map, Set, Date, RegExp, ArrayBuffer, Boolean, Number, String, BigInt],
  ...[Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError],
];
const PLAIN = new Set<object | null>([...PLAIN_TYPES.map((type) => type.prototype), null]);
const PLAIN_NAMES = new Set(PLAIN_TYPES.map(({ name }) => name));

export const findCloneProblem = (name: string, root: unknown): CloneProblem | undefined =>
  new Search().find(name, root);

/** @throws naming the path of what is in the way */
export function assertCloneable(name: string, root: unknown): void {
  const problem = findCloneProblem(name, root);
  if (problem) throw new Error(`${problem.path} is ${problem.what}; see encode/decode`);
}

/**
 * What a version was given has to be able to leave it again, or nothing could ever take over from
 * it. Only what its migration or its `decode` made can be otherwise: the rest has just come by the
 * same way. @throws naming the path
 */
export function assertGoesOn(
  { name, version, options }: StateCell<unknown>,
  from: number,
  value: unknown,
): void {
  if (from === version && options.decode === undefined) return;
  const encoded = options.encode ? options.encode(value) : value;
  assertCloneable(name, encoded);
  serialize(encoded);
}

class Found extends Error {
  readonly what: string;
  constructor(what: string) {
    super(what);
    this.what = what;
  }
}

class Search {
  readonly #path: Key[] = [];
  readonly #seen = new Set<object>();

  find(name: string, root: unknown): CloneProblem | undefined {
    try {
      this.#visit(root);
    } catch (error) {
      if (error instanceof RangeError) return { path: name, what: "nested too deeply" };
      if (!(error instanceof Found)) throw error;
      return { path: name + this.#path.map(keyText).join(""), what: error.what };
    }
    return undefined;
  }

  #visit(value: unknown): void {
    if (typeof value === "function") throw new Found(`the function ${value.name || "(anonymous)"}`);
    if (typeof value === "symbol") throw new Found("a symbol");
    if (value === null || typeof value !== "object" || this.#seen.has(value)) return;
    this.#seen.add(value);
    const prototype = Object.getPrototypeOf(value);
    if (prototype === Buffer.prototype) return;
    if (!PLAIN.has(prototype)) this.#checkPrototype(value, prototype);
    if (ArrayBuffer.isView(value)) return;
    if (Array.isArray(value)) this.#visitArray(value);
    else if (value instanceof Map) this.#visitMap(value);
    else if (value instanceof Set) this.#visitSet(value);
    else if (!(value instanceof Error)) this.#visitObject(value as Record<string, unknown>);
  }

  /** Values of another realm (vm) are as plain as ours. */
  #checkPrototype(value: object, prototype: { constructor?: { name?: string } }): void {
    const tag = Object.prototype.toString.call(value).slice(8, -1);
    const name = prototype.constructor?.name;
    const isPlain = name === tag && (PLAIN_NAMES.has(name) || ArrayBuffer.isView(value));
    if (!isPlain) throw new Found(`an instance of class ${name || "(anonymous)"}`);
  }

  #visitArray(array: unknown[]): void {
    for (let index = 0; index < array.length; index += 1) this.#step({ index }, array[index]);
  }

  #visitMap(map: Map<unknown, unknown>): void {
    for (const [key, value] of map) {
      if (isComposite(key)) this.#step({ entry: "a key" }, key);
      if (isComposite(value)) this.#step({ entry: key }, value);
    }
  }

  #visitSet(set: Set<unknown>): void {
    let member = 0;
    for (const value of set) this.#step({ member: member++ }, value);
  }

  #visitObject(object: Record<string, unknown>): void {
    for (const property of Object.keys(object)) this.#step({ property }, object[property]);
  }

  #step(key: Key, value: unknown): void {
    if (!isComposite(value)) return;
    this.#path.push(key);
    this.#visit(value);
    this.#path.pop();
  }
}

const isComposite = (value: unknown): boolean =>
  (typeof value === "object" && value !== null) ||
  typeof value === "function" ||
  typeof value === "symbol";

function keyText(key: Key): string {
  if ("index" in key) return `[${key.index}]`;
  if ("member" in key) return `(member ${key.member})`;
  if ("entry" in key)
    return `.get(${typeof key.entry === "string" ? JSON.stringify(key.entry) : String(key.entry)})`;
  return /^[\w$]+$/.test(key.property) ? `.${key.property}` : `[${JSON.stringify(key.property)}]`;
}
