/** The house of ARCHITECTURE.md, held against the code: imports point down, and nothing goes in a circle. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isNode, parseModule, stringValue, walk } from "../../src/assemble/ast.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** From the ground up. A room imports rooms of lower layers only, and of its own layer only itself. */
const LAYERS: readonly (readonly string[])[] = [
  ["contract"],
  ["protocol", "release", "platform", "usage"],
  ["relup", "hot", "handler", "config", "transport", "oci", "runtime/node"],
  ["runtime/listen", "runtime/state", "runtime/appup", "control", "pack"],
  ["runtime/carry", "assemble", "beam", "deploy", "store", "image"],
  ["runtime/carry/tcp", "runtime/carry/ws", "view"],
  ["runtime/carry/socketio"],
  ["runtime/handoff", "runtime/swap", "cli"],
  ["runtime/worker", "runtime/supervisor"],
];

/** Bundled into every release: no file of the build machine is reached from these. */
const SHIPPED = [
  "contract",
  "protocol",
  "release",
  "relup",
  "platform",
  "usage",
  "hot",
  "handler",
  "oci",
  "control",
];
const isShipped = (room: string) => SHIPPED.includes(room) || room.startsWith("runtime/");
/** Facts and plans: they touch no file, no process and no clock. */
const PURE = ["contract", "protocol", "release", "relup"];

const rooms = LAYERS.flat();
const levelOf = (room: string) => LAYERS.findIndex((layer) => layer.includes(room));

interface Import {
  from: string;
  to: string;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".ts"),
);

/** The longest room that the file lies in. */
const roomOf = (path: string): string =>
  rooms.filter((room) => path.startsWith(`${room}/`)).sort((a, b) => b.length - a.length)[0] ??
  `none: ${path}`;

function specifiersOf(path: string): string[] {
  const code = readFileSync(join(src, path), "utf8");
  const ast = parseModule(code, path);
  assert.ok(ast, `${path} does not parse`);
  const found: string[] = [];
  walk(ast, (node) => {
    const isImport = /^(Import|ExportNamed|ExportAll)(Declaration|Expression)$/.test(node.type);
    const specifier = isImport && isNode(node.source) ? stringValue(node.source) : undefined;
    if (specifier !== undefined) found.push(specifier);
    return undefined;
  });
  return found;
}

const imports: Import[] = [];
const packages: Import[] = [];
for (const from of files) {
  for (const specifier of specifiersOf(from)) {
    if (/^\.\.?\//.test(specifier)) {
      imports.push({ from, to: relative(src, join(src, dirname(from), specifier)) });
    } else packages.push({ from, to: specifier });
  }
}

describe("the house", () => {
  test("is read at all", () => {
    assert.ok(files.length > 50);
    assert.ok(imports.length > 100);
  });

  test("has a layer for each file, and a file for each room", () => {
    assert.deepEqual(
      files.map(roomOf).filter((room) => room.startsWith("none")),
      [],
    );
    const used = new Set(files.map(roomOf));
    assert.deepEqual(
      rooms.filter((room) => !used.has(room)),
      [],
    );
  });

  test("imports point down", () => {
    const wrong = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && levelOf(room) <= levelOf(other);
    });
    assert.deepEqual(wrong, []);
  });

  test("no two layers could be one", () => {
    const splits = LAYERS.slice(1).map((layer, index) =>
      imports.some(
        ({ from, to }) => layer.includes(roomOf(from)) && LAYERS[index]!.includes(roomOf(to)),
      ),
    );
    assert.deepEqual(
      LAYERS.slice(1).filter((_, index) => !splits[index]),
      [],
    );
  });

  test("no files import each other in a circle", () => {
    assert.deepEqual(circles(), []);
  });

  test("what ships in a release reaches nothing that doesn't, and needs no package but bundled ones", () => {
    const bundled = new Set(["semver", "commander", "croner"]);
    const wrong = [
      ...imports.filter(({ from, to }) => isShipped(roomOf(from)) && !isShipped(roomOf(to))),
      ...packages.filter(
        ({ from, to }) => isShipped(roomOf(from)) && !to.startsWith("node:") && !bundled.has(to),
      ),
    ];
    assert.deepEqual(wrong, []);
  });

  test("every child is made by platform/spawn.ts, which knows of those that could not be", () => {
    const spawns =
      /import (\{[^}]*(?<!type )\b(spawn|fork)\b(?! as)[^}]*\}|\* as \w+|\w+) from "node:child_process"/;
    const makers = files.filter((path) => spawns.test(readFileSync(join(src, path), "utf8")));
    assert.deepEqual(makers, ["platform/spawn.ts"]);
  });

  test("what is pure imports nothing that isn't", () => {
    const wrong = imports.filter(
      ({ from, to }) => PURE.includes(roomOf(from)) && !PURE.includes(roomOf(to)),
    );
    assert.deepEqual(wrong, []);
  });

  test("only cli and control print or set an exit code", () => {
    const speaks =
      /\bconsole\.(log|error|warn|info)\(|\bprocess\.exitCode\b|\bprocess\.stdout\.write\(/;
    const wrong = files.filter((path) => {
      if (["cli", "control"].includes(roomOf(path))) return false;
      return speaks.test(withoutComments(readFileSync(join(src, path), "utf8")));
    });
    assert.deepEqual(wrong, []);
  });
});

/** Tarjan's strongly connected components of more than one file. */
function circles(): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of imports) next.set(from, [...(next.get(from) ?? []), to]);
  const order = new Map<string, number>();
  const lowest = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (file: string): void => {
    order.set(file, order.size);
    lowest.set(file, order.get(file)!);
    stack.push(file);
    for (const other of next.get(file) ?? []) {
      if (!order.has(other)) visit(other);
      if (!stack.includes(other)) continue;
      lowest.set(file, Math.min(lowest.get(file)!, lowest.get(other)!));
    }
    if (lowest.get(file) !== order.get(file)) return;
    const circle = stack.splice(stack.indexOf(file));
    if (circle.length > 1) found.push(circle);
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return found;
}

const withoutComments = (code: string) =>
  code
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")
    .replace(/`[\s\S]*?`/g, "``");
