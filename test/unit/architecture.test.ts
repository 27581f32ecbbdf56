/** The import table of DESIGN §7, held against the code: rooms look one way only. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { isNode, parseModule, stringValue, walk } from "../../src/build/ast.ts";

const src = fileURLToPath(new URL("../../src", import.meta.url));

/** What ships in a release and is pure: these import only each other. */
const PURE = ["release", "relup", "protocol", "errors"];
const SHIPPED = [...PURE, "platform"];

/** Room → the rooms it may import, besides itself. */
const MAY_IMPORT: Record<string, string[]> = {
  errors: PURE,
  release: PURE,
  relup: PURE,
  protocol: PURE,
  platform: PURE,
  hot: SHIPPED,
  runtime: [...SHIPPED, "hot", "host"],
  host: [...SHIPPED, "hot", "runtime"],
  config: SHIPPED,
  build: [...SHIPPED, "config", "host"],
  store: [...SHIPPED, "config", "build", "deploy"],
  deploy: [...SHIPPED, "config"],
  beam: [...SHIPPED, "config", "build", "host"],
  cli: [...SHIPPED, "config", "build", "store", "deploy", "host", "runtime", "beam"],
};

interface Import {
  from: string;
  to: string;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((path) =>
  path.endsWith(".ts"),
);

const roomOf = (path: string) => path.replace(/\.ts$/, "").split("/")[0]!;

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
    } else if (!specifier.startsWith("node:")) packages.push({ from, to: specifier });
  }
}

describe("the house", () => {
  test("is read at all", () => {
    assert.ok(files.length > 50);
    assert.ok(imports.length > 100);
  });

  test("has no room that the table does not know", () => {
    for (const path of files) assert.ok(roomOf(path) in MAY_IMPORT, path);
  });

  test("imports one way", () => {
    const wrong = imports.filter(({ from, to }) => {
      const [room, other] = [roomOf(from), roomOf(to)];
      return room !== other && !MAY_IMPORT[room]?.includes(other);
    });
    assert.deepEqual(wrong, []);
  });

  test("runtime reaches into host only for its handler", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        roomOf(from) === "runtime" && roomOf(to) === "host" && !to.startsWith("host/handler/"),
    );
    assert.deepEqual(wrong, []);
  });

  test("store reaches into deploy only for its transport", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        roomOf(from) === "store" && roomOf(to) === "deploy" && !to.startsWith("deploy/transport/"),
    );
    assert.deepEqual(wrong, []);
  });

  test("store reaches into deploy only for its transport", () => {
    const wrong = imports.filter(
      ({ from, to }) =>
        roomOf(from) === "store" && roomOf(to) === "deploy" && !to.startsWith("deploy/transport/"),
    );
    assert.deepEqual(wrong, []);
  });

  test("what ships in a release needs no package but those that are bundled into it", () => {
    const shipped = new Set([...SHIPPED, "hot", "runtime", "host"]);
    const bundled = new Set(["tar-stream", "semver", "commander"]);
    const wrong = packages.filter(({ from, to }) => shipped.has(roomOf(from)) && !bundled.has(to));
    assert.deepEqual(wrong, []);
  });

  test("only cli and host/control print or set an exit code", () => {
    const speaks =
      /\bconsole\.(log|error|warn|info)\(|\bprocess\.exitCode\b|\bprocess\.stdout\.write\(/;
    const wrong = files.filter((path) => {
      // Under `foreground` the app's log goes to stdout: that is what it is for.
      if (path === "runtime/supervisor/logWriter.ts") return false;
      if (roomOf(path) === "cli" || path.startsWith("host/control/")) return false;
      return speaks.test(withoutComments(readFileSync(join(src, path), "utf8")));
    });
    assert.deepEqual(wrong, []);
  });
});

const withoutComments = (code: string) =>
  code
    .replace(/\/\*[\s\S]*?\*\//g, "")
    .replace(/(^|\s)\/\/.*$/gm, "")
    .replace(/`[\s\S]*?`/g, "``");
