/** Which file starts the app: what a release guesses. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { guessEntry, guessMode } from "../../../src/assemble/entry.ts";
import type { PackageJson } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("entry");
after(remove);
let count = 0;

function guess(
  packageJson: PackageJson,
  files: string[] = [],
  tsconfig?: string,
  more: Record<string, string> = {},
) {
  const folder = join(base, String(++count));
  const texts = Object.fromEntries(files.map((path) => [path, ""]));
  writeFiles(folder, tsconfig === undefined ? texts : { ...texts, "tsconfig.json": tsconfig });
  writeFiles(folder, { ...more, "package.json": packageJson });
  const project = { folder, packageJson };
  const { candidates, why, nodeArgs } = guessEntry(project);
  const [first] = candidates;
  return { first, last: candidates.at(-1), why, nodeArgs, mode: guessMode(project, first!) };
}

describe("the entry", () => {
  test("main, where it is there or will be built", () => {
    assert.equal(guess({ main: "./app.js" }, ["app.js"]).first, "app.js");
    assert.equal(guess({ main: "dist/app.js", scripts: { build: "tsc" } }).first, "dist/app.js");
  });

  test("a main that npm init left behind is passed over", () => {
    assert.equal(guess({ main: "index.js" }, ["src/server.ts"]).first, "src/server.ts");
  });

  test("the command of a dependency goes before main, which is no service alone", () => {
    const own = { main: "app.js", scripts: { start: "fastify start -l info app.js" } };
    const files = { "node_modules/fastify-cli/package.json": '{ "bin": { "fastify": "cli.js" } }' };
    const started = (packageJson: PackageJson) => guess(packageJson, ["app.js"], undefined, files);
    const bin = "node_modules/fastify-cli/cli.js";
    assert.equal(started({ ...own, dependencies: { "fastify-cli": "8" } }).first, bin);
    assert.equal(started({ ...own, devDependencies: { "fastify-cli": "8" } }).first, "app.js");
  });

  test("exports, where there is no main", () => {
    const exports = { ".": { types: "./a.d.ts", import: "./a.mjs" } };
    assert.equal(guess({ exports }, ["a.mjs"]).first, "a.mjs");
  });

  test("start:prod before start", () => {
    const scripts = { build: "nest build", start: "nest start", "start:prod": "node dist/main" };
    const { first, why, mode } = guess({ scripts }, ["src/main.ts"]);
    assert.equal(first, "dist/main");
    assert.equal(why, "the start:prod script");
    assert.equal(mode, "own");
  });

  test("dev tools are seen through: what the build script makes of their entry, else dist/main.js", () => {
    const scripts = { build: "tsc", start: "tsx watch src/server.ts" };
    assert.equal(guess({ scripts }, ["src/server.ts"]).first, "dist/server.js");
    assert.equal(
      guess({ scripts: { build: "nest build", start: "nest start" } }).first,
      "dist/main.js",
    );
  });

  test("where tsconfig says", () => {
    const scripts = { build: "tsc", start: "tsx src/main.ts" };
    const tsconfig = '{ // a comment\n  "compilerOptions": { "outDir": "./out/" } }';
    assert.equal(guess({ scripts }, ["src/main.ts"], tsconfig).first, "out/main.js");
  });

  test("the source itself, where the build script builds something else", () => {
    const scripts = { build: "vite build", start: "tsx server.ts" };
    assert.equal(guess({ scripts }, ["server.ts"]).last, "server.ts");
  });

  test("TypeScript without a build script is compiled", () => {
    const { first, mode } = guess({ scripts: { start: "ts-node src/main.ts" } }, ["src/main.ts"]);
    assert.deepEqual({ first, mode }, { first: "src/main.ts", mode: "compile" });
    const checks = { scripts: { build: "tsc --noEmit", start: "node src/a.ts" } };
    assert.equal(guess(checks, ["src/a.ts"]).mode, "compile");
  });

  test("node's arguments come along from the start script", () => {
    const scripts = { start: "node --import ./otel.mjs app.js" };
    assert.deepEqual(guess({ main: "app.js", scripts }, ["app.js"]).nodeArgs, [
      "--import=./otel.mjs",
    ]);
  });

  test("is looked for in vain", () => {
    assert.throws(() => guess({}), { code: "TSUGI_ENTRY_MISSING" });
  });
});
