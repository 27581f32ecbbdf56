/** Which file starts the app: what a release guesses. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { guessMode } from "../../../src/assemble/entry.ts";
import { guessEntry } from "../../../src/assemble/guessEntry.ts";
import { buildOf } from "../../../src/assemble/projectBuild.ts";
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
  const { candidates, why, nodeArgs, isTranspiled } = guessEntry(project);
  const [first] = candidates;
  return {
    first,
    last: candidates.at(-1),
    why,
    nodeArgs,
    mode: guessMode(project, first!, isTranspiled),
  };
}

describe("the entry", () => {
  test("main, where it is there or will be built", () => {
    assert.equal(guess({ main: "./app.js" }, ["app.js"]).first, "app.js");
    assert.equal(guess({ main: "dist/app.js", scripts: { build: "tsc" } }).first, "dist/app.js");
  });

  test("main without an ending, as require finds it", () => {
    const there = guess({ main: "app" }, ["app.js", "src/server.ts"]);
    assert.equal(there.why, "main in package.json");
    const built = guess({ main: "dist/app", scripts: { build: "tsc" } }, ["src/server.ts"]);
    assert.equal(built.why, "main in package.json");
    assert.equal(built.last, "dist/app/index.cjs");
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

  test("where the build puts it is read where its script says: -p, --outDir", () => {
    const { folder, remove } = temporaryFolder("out-dir");
    after(remove);
    writeFiles(folder, {
      "etc/server.json": { compilerOptions: { outDir: "../out" } },
      "src/a.ts": "",
    });
    const first = (build: string) => {
      const packageJson = { name: "x", scripts: { build, start: "tsx src/a.ts" } };
      return guessEntry({ folder, packageJson }).candidates[0];
    };
    assert.equal(first("tsc -p etc/server.json"), "out/a.js");
    assert.equal(first("rimraf lib && npx tsc --outDir lib"), "lib/a.js");
    assert.equal(first("tsc"), "dist/a.js");
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

  test("a start script that names a file goes before main, its arguments with it; node . is main", () => {
    const of = (start: string) =>
      guess({ main: "index.js", scripts: { start } }, ["index.js", "server.js"]).first;
    assert.equal(of("node server.js"), "server.js");
    assert.equal(of("node ."), "index.js");
    assert.equal(of("node gone.js"), "index.js");
  });

  test("the Procfile's web process goes before scripts", () => {
    const scripts = { start: "node a.js", "start:prod": "node b.js", web: "node c.js" };
    const files = { Procfile: "web: npm run web\nworker: node d.js\n" };
    const found = guess({ scripts }, ["a.js", "b.js", "c.js"], undefined, files);
    assert.deepEqual([found.first, found.why], ["c.js", "web in the Procfile"]);
  });

  test("a file that a development tool names without its ending, or by its folder", () => {
    const of = (start: string, file: string) => guess({ scripts: { start } }, [file]).first;
    assert.equal(of("tsx src/index", "src/index.ts"), "src/index.ts");
    assert.equal(of("tsx src", "src/index.tsx"), "src/index.tsx");
    assert.equal(of("nodemon ./bin/www", "bin/www"), "bin/www");
  });

  test("JavaScript that is started by a compiler is compiled", () => {
    const mode = (start: string) => guess({ scripts: { start } }, ["src/a.js"]).mode;
    assert.equal(mode("babel-node src/a.js"), "compile");
    assert.equal(mode("nodemon src/a.js"), "own");
  });

  test("what is built before the start is built by the release", () => {
    const of = (scripts: Record<string, string>) => guess({ scripts }, ["src/a.ts"]).first;
    const start = "node dist/a.js";
    assert.equal(of({ start: `tsc && ${start}` }), "dist/a.js");
    const line = (scripts: Record<string, string>) =>
      buildOf({ folder: base, packageJson: { scripts } });
    assert.deepEqual(line({ start: `tsc -p . && ${start}` }), { line: "tsc -p ." });
    assert.deepEqual(line({ start: `concurrently "tsc -w" "nodemon dist/a.js"` }), { line: "tsc" });
    assert.deepEqual(line({ start, prestart: "npm run compile" }), { script: "prestart" });
    assert.deepEqual(line({ start, "heroku-postbuild": "make" }), { script: "heroku-postbuild" });
    assert.equal(line({ start, prestart: "docker compose up -d" }), undefined);
  });

  test("a build script that only checks is none; one that checks first is one", () => {
    const of = (build: string) => buildOf({ folder: base, packageJson: { scripts: { build } } });
    for (const build of [
      "tsc --noEmit",
      "eslint . && tsc --noEmit",
      "npm run lint && tsc --noEmit",
    ])
      assert.equal(of(build), undefined, build);
    for (const build of [
      "tsc --noEmit && esbuild src/a.ts --bundle --outdir=dist",
      "vue-tsc --noEmit && vite build",
      "tsc -p server --noEmit false",
      "eslint . && node build.mjs",
    ])
      assert.deepEqual(of(build), { script: "build" }, build);
  });

  test("the server of a framework's build goes before its own for development", () => {
    const files = { "node_modules/nuxt/package.json": '{ "bin": { "nuxt": "bin.mjs" } }' };
    const of = (start: string) =>
      guess({ dependencies: { nuxt: "4" }, scripts: { start } }, [], undefined, files).first;
    for (const start of ["nuxt start", "nuxt preview", "node .output/server/index.mjs"])
      assert.equal(of(start), ".output/server/index.mjs");
  });

  test("a start script that goes to another project is refused by that one's name", () => {
    const scripts = { build: "turbo run build" };
    const api = { "apps/api/package.json": '{ "name": "@acme/api", "scripts": { "start": "x" } }' };
    const of = (start: string): PackageJson =>
      ({ workspaces: ["apps/*"], scripts: { ...scripts, start } }) as PackageJson;
    const root = (start: string) => () => guess(of(start), [], undefined, api);
    for (const start of [
      "pnpm --filter @acme/api start",
      "yarn workspace @acme/api start",
      "npm start -w apps/api",
      "turbo run start --filter=api",
      "cd apps/api && npm start",
    ]) {
      const message = /is another project: apps\/api\.$/;
      assert.throws(root(start), { code: "TSUGI_START_ELSEWHERE", message }, start);
    }
    assert.throws(root("turbo start"), { code: "TSUGI_WORKSPACE" });
  });

  test("is looked for in vain", () => {
    assert.throws(() => guess({}), { code: "TSUGI_ENTRY_MISSING" });
  });

  test("stands in an ecosystem file, which is taken over once", () => {
    for (const start of [
      "pm2-runtime ecosystem.config.js",
      "pm2 start ./ecosystem.config.cjs --env production",
    ]) {
      const file = /\S*ecosystem\S*/.exec(start)![0];
      const hint = `Take it over once: tsugi init --from ${file}`;
      assert.throws(
        () => guess({ scripts: { start } } as PackageJson),
        { code: "TSUGI_SHAPE_UNFIT", hint },
        start,
      );
    }
  });
});
