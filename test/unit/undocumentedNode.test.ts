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

const namedIn = (path: string): string[] =>
  readFileSync(join(src, path), "utf8").match(/\b_\w+(?=[?(:])/g) ?? [];
const OF_WS = [...namedIn("runtime/carry/ws/internals.ts"), "getOwnPropertySymbols"];

/** Private fields of packages, which a room's own file of types names, and the symbols of `ws`'s listeners. */
const OF_PACKAGES: [room: string, names: string[]][] = [
  ["runtime/carry/ws/", OF_WS],
  ["runtime/carry/socketio/", [...namedIn("runtime/carry/socketio/internals.ts"), ...OF_WS]],
];

const NAMES =
  /\binternalMessage\b|\bunrefCounted\b|\bkChannelHandle\b|\bprocess\.binding\b|\bpipe_wrap\b|\bgetOwnPropertySymbols\b/g;
const FIELDS = /(?<=\.|\[")_[a-z]\w+|(?<=\{(?:[^{}()]*,)?\s*)_[a-z]\w+(?=\s*[:,}?])/g;

const withoutComments = (code: string) =>
  code.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");

function undocumentedIn(path: string): string[] {
  const code = withoutComments(readFileSync(join(src, path), "utf8"));
  const found = [...(code.match(NAMES) ?? []), ...(code.match(FIELDS) ?? [])];
  const [, ofPackage = []] = OF_PACKAGES.find(([room]) => path.startsWith(room)) ?? [];
  return found
    .filter((name) => !DOCUMENTED.has(name) && !ofPackage.includes(name))
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
