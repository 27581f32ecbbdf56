/** docs/guides/writing-an-app.md: what is undocumented of Node stands in src/runtime/node alone. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const src = fileURLToPath(new URL("../../src", import.meta.url));
const ROOMS = ["platform", "handler", "control", "hot", "runtime"];

/** Of Node's documentation: what a class implements, and the serializer of v8. */
const DOCUMENTED = new Set([
  ..."_write _writev _read _final _destroy _transform _flush _construct".split(" "),
  ..."_setTreatArrayBufferViewsAsHostObjects _writeHostObject _readHostObject".split(" "),
  ..."_getDataCloneError _getSharedArrayBufferId".split(" "),
]);

/** Private fields of `ws`, which its own file of types names, and the symbols of its listeners. */
const OF_WS = new Set([
  ...(readFileSync(join(src, "runtime/carry/ws/internals.ts"), "utf8").match(/\b_\w+(?=[?(:])/g) ??
    []),
  "getOwnPropertySymbols",
]);

const NAMES =
  /\binternalMessage\b|\bunrefCounted\b|\bkChannelHandle\b|\bprocess\.binding\b|\bpipe_wrap\b|\bgetOwnPropertySymbols\b/g;
const FIELDS = /(?<=\.|\[")_[a-z]\w+|(?<=\{(?:[^{}()]*,)?\s*)_[a-z]\w+(?=\s*[:,}?])/g;

const withoutComments = (code: string) =>
  code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");

function undocumentedIn(path: string): string[] {
  const code = withoutComments(readFileSync(join(src, path), "utf8"));
  const found = [...(code.match(NAMES) ?? []), ...(code.match(FIELDS) ?? [])];
  const isOfWs = path.startsWith("runtime/carry/ws/");
  return found
    .filter((name) => !DOCUMENTED.has(name) && !(isOfWs && OF_WS.has(name)))
    .map((name) => `${path}: ${name}`);
}

const files = ROOMS.flatMap((room) =>
  readdirSync(join(src, room), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => join(room, path)),
);

test("what is undocumented of Node stands in src/runtime/node alone", () => {
  const isThere = (path: string) => path.startsWith("runtime/node/");
  assert.deepEqual(files.filter((path) => !isThere(path)).flatMap(undocumentedIn), []);
  // It is looked for at all.
  const there = files.filter(isThere).flatMap(undocumentedIn).join();
  for (const name of ["_handle", "_events", "_sent100", "internalMessage"]) {
    assert.ok(there.includes(name), name);
  }
});
