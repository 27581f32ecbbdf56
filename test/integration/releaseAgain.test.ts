/** A second and a third release hold the code of then, whatever the project's own tools make of its folder. */
import assert from "node:assert/strict";
import { existsSync, realpathSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { standInNode, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

/** All sources below the folder but those in node_modules and in folders with a dot; as tsc finds them. */
const TSC_5 = `
import { mkdirSync, readdirSync, readFileSync, writeFileSync, existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
const find = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
  entry.isDirectory()
    ? /^(\\.|node_modules$|dist$)/.test(entry.name) ? [] : find(join(folder, entry.name))
    : entry.name.endsWith(".ts") ? [join(folder, entry.name)] : []);
const files = find(".");
let root = dirname(files[0]);
while (!files.every((file) => root === "." || file.startsWith(root + "/"))) root = dirname(root);
for (const file of files) {
  const target = join("dist", relative(root, file)).replace(/ts$/, "js");
  const code = readFileSync(file, "utf8").replace(": string", "");
  mkdirSync(dirname(target), { recursive: true });
  if (process.argv[2] === "incremental" && existsSync(target) && readFileSync(target, "utf8") === code) continue;
  writeFileSync(target, code);
}
if (process.argv[2] === "incremental") writeFileSync("dist/tsconfig.tsbuildinfo", "{}");
`;

const SERVER = (word: string) =>
  `import { createServer } from "node:http";\nconst word: string = "${word}";\ncreateServer((_, res) => void res.end(word)).listen(0);\n`;

describe("tsugi release, again and again", () => {
  const builds = new Releasing("release-again");

  /** As `tsc --init` leaves it: no include. The compiler is a stand-in for those before 6, which put
   * the sources' common root into outDir. */
  function tscProject(build = "node tsc5.mjs", files: Record<string, unknown> = {}): void {
    const { folder } = builds;
    packageOf = (version) => ({
      name: "small",
      version,
      type: "module",
      private: true,
      scripts: { build, start: "node dist/server.js" },
    });
    writeFiles(folder, {
      "package.json": packageOf("1.0.0"),
      "tsc5.mjs": TSC_5,
      "tsugi.config.json": { runtime: { from: standInNode(folder) } },
      "src/server.ts": SERVER("first"),
      ...files,
    });
  }
  let packageOf: (version: string) => { scripts: Record<string, string> };

  test("a plain tsc project: each release has its own code", async () => {
    tscProject();
    for (const [at, word] of ["first", "second", "third"].entries()) {
      const version = `1.0.${at}`;
      writeFiles(builds.folder, {
        "package.json": packageOf(version),
        "src/server.ts": SERVER(word),
      });
      await builds.must();
      assert.match(builds.inTree(`lib/small-${version}/dist/server.js`), new RegExp(`"${word}"`));
      assert.ok(!existsSync(join(builds.tree, `lib/small-${version}/dist/src`)), version);
    }
  });

  test("today's tsc sees no source in what was built, nor with every option at its default", async () => {
    tscProject(undefined, {
      "tsconfig.json": {
        compilerOptions: { module: "nodenext", outDir: "dist", rootDir: ".", types: ["node"] },
      },
    });
    const { folder } = builds;
    symlinkSync(join(projectRoot, "node_modules"), join(folder, "node_modules"));
    writeFiles(folder, {
      "tsugi.config.json": {
        build: "own",
        entry: "src/server.ts",
        runtime: { from: standInNode(folder) },
      },
      "package.json": { ...packageOf("1.0.0"), scripts: {} },
    });
    await builds.must();
    assert.match(builds.inTree("lib/small-1.0.0/src/server.ts"), /"first"/);
    const tsc = join(projectRoot, "node_modules/.bin/tsc");
    const { stdout } = await mustRun(tsc, ["--listFilesOnly"], { cwd: folder });
    const own = stdout.split("\n").filter((file) => file.startsWith(`${realpathSync(folder)}/`));
    assert.deepEqual(own, [join(realpathSync(folder), "src/server.ts")]);
  });

  test("git sees nothing of a build, and no .gitignore is asked for", async () => {
    tscProject(undefined, { ".gitignore": "/node_modules\ndist\nstand-in\n.node-version\n" });
    await mustRun("git", ["init", "--quiet"], { cwd: builds.folder });
    const status = async () =>
      (await mustRun("git", ["status", "--porcelain", "-uall"], { cwd: builds.folder })).stdout;
    const before = await status();
    await builds.must();
    assert.equal(await status(), before);
  });

  test("an entry that the build has left as it was, and has written elsewhere, is refused", async () => {
    tscProject();
    await builds.must();
    writeFiles(builds.folder, {
      "package.json": packageOf("1.0.1"),
      "src/server.ts": SERVER("second"),
      // The common root of the sources moves up.
      "tools/seed.ts": "export const seed = 1;\n",
    });
    await builds.refused(
      "TSUGI_ENTRY_STALE",
      /dist\/server\.js is of an earlier build: npm run build has left it[\s\S]*dist\/src\/server\.js instead/,
    );
    rmSync(join(builds.folder, "dist"), { recursive: true });
    await builds.refused("TSUGI_ENTRY_MISSING", /dist\/server\.js/);
  });

  test("an entry older than its source, which the build did not touch, is refused", async () => {
    tscProject();
    await builds.must();
    const scripts = { ...packageOf("1.0.1").scripts, build: "true" };
    const later = new Date(Date.now() + 5_000);
    writeFiles(builds.folder, {
      "package.json": { ...packageOf("1.0.1"), scripts },
      "src/server.ts": SERVER("second"),
    });
    utimesSync(join(builds.folder, "src/server.ts"), later, later);
    await builds.refused("TSUGI_ENTRY_STALE", /src\/server\.ts was changed after it/);
  });

  test("a compiler that keeps account and has nothing to do is believed", async () => {
    tscProject("node tsc5.mjs incremental");
    await builds.must();
    const later = new Date(Date.now() + 5_000);
    utimesSync(join(builds.folder, "src/server.ts"), later, later);
    writeFiles(builds.folder, { "package.json": packageOf("1.0.1") });
    await builds.must();
    assert.match(builds.inTree("lib/small-1.0.1/dist/server.js"), /"first"/);
    const ofCompiler = join(builds.tree, "lib/small-1.0.1/dist/tsconfig.tsbuildinfo");
    assert.ok(!existsSync(ofCompiler), "what the compiler keeps for itself is not packed");
  });

  test("what an older tsugi has left in rel/ is said, and not packed", async () => {
    tscProject(undefined, { "rel/small/releases/0.9.0/release.json": "{}" });
    const { output } = await builds.must();
    assert.match(output, /rel\/ holds builds of an older tsugi/);
    assert.deepEqual(
      builds.manifest().files.filter(({ path }) => path.includes("/rel/")),
      [],
    );
  });
});
