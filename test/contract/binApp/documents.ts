/**
 * What each command prints with `--json`, key by key: test/fixtures/contract/documents.json holds it
 * once for both kinds of release. A shape is a type ("number", "string|null"), the name of another
 * shape, a list of one, or an object whose keys may end in "?".
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../helpers/example.ts";

type Shape = string | [Shape] | { [key: string]: Shape };

const folder = join(projectRoot, "test", "fixtures", "contract");
const shapes: Record<string, Shape> = JSON.parse(
  readFileSync(join(folder, "documents.json"), "utf8"),
);

/** Fails unless `value` has exactly the keys of the shape, each of its type. */
export function assertDocument(name: string, value: unknown): void {
  assert.ok(name in shapes, `there is no shape ${name}`);
  const problems = [...mismatches(shapes[name]!, value, name)];
  assert.deepEqual(problems, [], JSON.stringify(value, null, 2));
}

function* mismatches(shape: Shape, value: unknown, at: string): Generator<string> {
  if (typeof shape === "string") {
    const named = shapes[shape];
    if (named !== undefined) yield* mismatches(named, value, at);
    else if (shape !== "any" && !shape.split("|").includes(typeOf(value)))
      yield `${at}: expected ${shape}, found ${typeOf(value)}`;
  } else if (Array.isArray(shape)) {
    if (!Array.isArray(value)) return yield `${at}: expected a list, found ${typeOf(value)}`;
    for (const [index, item] of value.entries())
      yield* mismatches(shape[0], item, `${at}[${index}]`);
  } else if (typeOf(value) !== "object") {
    yield `${at}: expected an object, found ${typeOf(value)}`;
  } else {
    yield* keyMismatches(shape, value as Record<string, unknown>, at);
  }
}

function* keyMismatches(
  shape: { [key: string]: Shape },
  value: Record<string, unknown>,
  at: string,
): Generator<string> {
  const known = new Map(Object.entries(shape).map(([key, of]) => [key.replace("?", ""), of]));
  for (const key of Object.keys(value)) if (!known.has(key)) yield `${at}.${key} is too much`;
  for (const [key, of] of known) {
    if (key in value) yield* mismatches(of, value[key], `${at}.${key}`);
    else if (!(`${key}?` in shape)) yield `${at}.${key} is missing`;
  }
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "list" : typeof value;
}
