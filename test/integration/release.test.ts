/** What `tsugi release` writes: the tree, the tarball, the manifest, by build mode. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { smallProject, snapshot, standInNode, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: what it writes", () => {
  const builds = new Releasing("release");

  test("the tree, the tarball and a manifest of every file", async () => {
    smallProject(builds.folder);
    await builds.must();
    const { files, ...manifest } = builds.manifest();
    assert.equal(manifest.kind, "node");
    assert.equal(manifest.build, "compile");
    assert.equal(manifest.usesHot, false);
    assert.deepEqual(manifest.processes, [
      { name: "main", entry: "src/server.mjs", listens: true, workers: 1, overlap: true },
    ]);
    assert.deepEqual(
      manifest.components.map(({ name }) => name),
      ["app", "bin", "config", "nodeArgs"],
    );
    for (const { path, sha256 } of files) {
      const bytes = readFileSync(join(builds.tree, path));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, path);
    }
    assert.equal(builds.inTree("releases/1.0.0/node.args"), "--enable-source-maps\n");
    assert.equal(JSON.parse(builds.inTree("releases/1.0.0/config.json")).timeouts.readyMs, 30_000);
    assert.match(
      builds.inTree("releases/permanent"),
      /^1\.0\.0 [0-9a-f]{64} node-\S+ tsugi-\S+\n$/,
    );
  });

  test("a tarball that begins with the manifest and holds no owner and no time", async () => {
    smallProject(builds.folder);
    await builds.must();
    const tarball = join(builds.tree, "releases/1.0.0/small.tar.gz");
    const { stdout } = await mustRun("tar", ["--utc", "-tvzf", tarball]);
    const lines = stdout.trim().split("\n");
    assert.match(lines[0]!, /releases\/1\.0\.0\/release\.json$/);
    const paths = lines.slice(1).map((line) => line.split(/\s+/)[5]!);
    assert.deepEqual(paths, [...paths].sort());
    for (const line of lines) assert.match(line, /0\/0 .* 1970-01-01 00:00/);
    const extracted = join(builds.folder, "extracted");
    writeFiles(extracted, { keep: "" });
    await mustRun("tar", ["-xzf", tarball, "-C", extracted]);
    assert.equal(
      snapshot(extracted)["releases/1.0.0/release.json"],
      builds.inTree("releases/1.0.0/release.json"),
    );
  });

  test("the same bytes from two folders, umasks, time zones and languages", async () => {
    const sums: string[] = [];
    for (const [where, mask, more] of [
      ["here", "022", {}],
      ["elsewhere/deep", "077", { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8", LC_ALL: "C" }],
    ] as const) {
      const project = join(builds.folder, where);
      smallProject(project, {
        "tsugi.config.json": { runtime: { from: standInNode(builds.folder) } },
        "src/server.ts": 'import { a } from "./lib/a.ts";\nconsole.log(a, import.meta.dirname);\n',
        "src/lib/a.ts": "export const a: string = import.meta.dirname;\n",
        "public/index.html": "<p>",
        "package.json": {
          name: "small",
          version: "1.0.0",
          type: "module",
          dependencies: { a: "1" },
        },
        "node_modules/a/package.json": { name: "a", version: "1.0.0" },
        "node_modules/a/index.js": "module.exports = 1;",
      });
      const command = `umask ${mask} && exec "$0" "$@"`;
      const cli = join(projectRoot, "dist", "cli", "main.mjs");
      const cache = join(builds.folder, `cache-${mask}`);
      const args = ["-c", command, process.execPath, cli, "release", "--json"];
      const { stdout } = await mustRun("sh", args, {
        cwd: project,
        env: { ...process.env, CI: "", TSUGI_CACHE: cache, ...more },
      });
      sums.push(JSON.parse(stdout).sha256);
    }
    assert.equal(sums[0], sums[1]);
  });

  test("states and hot.accept, read from the sources", async () => {
    smallProject(builds.folder, {
      "src/server.ts": `import { hot } from "tsugi/hot";
        import "./more.ts";
        hot.accept();
        export const rooms = hot.state("rooms", { version: 3, initial: () => 0,
          upgrade: { 1: (v: number) => v, 2: (v: number) => v }, downgrade: { 3: (v: number) => v } });`,
      "src/more.ts": `import { hot } from "tsugi/hot";
        const options = { initial: () => 1 };
        hot.state("more", options);`,
    });
    await builds.must();
    const { usesHot, accepts, states } = builds.manifest();
    assert.deepEqual({ usesHot, accepts }, { usesHot: true, accepts: true });
    assert.deepEqual(states, [
      { name: "more", version: 1, upgradesFrom: [], downgradesFrom: [], dynamic: true },
      { name: "rooms", version: 3, upgradesFrom: [1, 2], downgradesFrom: [3] },
    ]);
  });

  test("several processes, each compiled to a file of its own", async () => {
    smallProject(builds.folder, {
      "src/jobs.ts": "setInterval(() => {}, 1000);\n",
      "tsugi.config.ts": `import { defineConfig } from "tsugi";
        export default defineConfig({
          processes: {
            web: { entry: "src/server.ts", workers: "max" },
            jobs: { entry: "src/jobs.ts", overlap: false },
          },
          runtime: { from: ${JSON.stringify(standInNode(builds.folder))} satisfies string },
        });`,
    });
    rmSync(join(builds.folder, "tsugi.config.json"));
    await builds.must();
    assert.deepEqual(builds.manifest().processes, [
      { name: "web", entry: "src/server.mjs", listens: true, workers: "max", overlap: true },
      { name: "jobs", entry: "src/jobs.mjs", workers: 1, overlap: false },
    ]);
  });

  test("preloads as files of the app, named from the working directory", async () => {
    smallProject(builds.folder, {
      "src/trace.ts": "export const traced: boolean = true;\n",
      "node_modules/early/package.json": { name: "early", version: "1.0.0" },
      "tsugi.config.json": {
        runtime: { from: standInNode(builds.folder) },
        nodeArgs: ["--max-old-space-size=300", "--import", "./src/trace.ts", "-r", "early"],
      },
    });
    await builds.must();
    assert.deepEqual(builds.inTree("releases/1.0.0/node.args").trim().split("\n"), [
      "--enable-source-maps",
      "--max-old-space-size=300",
      "--import=./tsugi-preload-0.mjs",
      "--require=./tsugi-preload-1.cjs",
    ]);
    assert.equal(
      builds.inTree("lib/small-1.0.0/tsugi-preload-0.mjs"),
      'import "./src/trace.mjs";\n',
    );
    assert.equal(builds.inTree("lib/small-1.0.0/tsugi-preload-1.cjs"), 'require("early");\n');
    assert.ok(existsSync(join(builds.tree, "lib/small-1.0.0/src/trace.mjs")));
  });

  test("only the packages that production needs, and never tsugi", async () => {
    smallProject(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        type: "module",
        dependencies: { used: "1", tsugi: "1" },
        optionalDependencies: { "not-here": "1" },
        devDependencies: { "dev-only": "1" },
      },
      "node_modules/used/package.json": {
        name: "used",
        version: "1.0.0",
        dependencies: { deep: "1" },
        peerDependencies: { peer: "1", wished: "1" },
        peerDependenciesMeta: { wished: { optional: true } },
      },
      "node_modules/deep/package.json": { name: "deep", version: "1.0.0" },
      "node_modules/peer/package.json": { name: "peer", version: "1.0.0" },
      "node_modules/wished/package.json": { name: "wished", version: "1.0.0" },
      "node_modules/dev-only/package.json": { name: "dev-only", version: "1.0.0" },
      "node_modules/tsugi/package.json": { name: "tsugi", version: "1.0.0" },
    });
    await builds.must();
    const packages = builds.manifest().components.find(({ name }) => name === "packages")!;
    assert.match(packages.dir!, /^lib\/packages-[0-9a-f]{8}$/);
    const paths = Object.keys(snapshot(join(builds.tree, packages.dir!))).sort();
    assert.deepEqual(
      paths,
      ["deep", "peer", "used"].map((name) => `node_modules/${name}/package.json`),
    );
    const link = snapshot(join(builds.tree, "lib/small-1.0.0")).node_modules;
    assert.equal(link, `→ ../${packages.dir!.slice("lib/".length)}/node_modules`);
  });

  test("bundle: packages inlined, `external` ones as packages", async () => {
    smallProject(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        type: "module",
        dependencies: { inlined: "1", kept: "1" },
      },
      "tsugi.config.json": {
        build: "bundle",
        external: ["kept"],
        runtime: { from: standInNode(builds.folder) },
      },
      "src/server.ts":
        'import { word } from "inlined";\nimport kept from "kept";\nconsole.log(word, kept);\n',
      "node_modules/inlined/package.json": {
        name: "inlined",
        version: "1.0.0",
        main: "index.js",
      },
      "node_modules/inlined/index.js": 'exports.word = "taken in";',
      "node_modules/kept/package.json": { name: "kept", version: "1.0.0", main: "index.js" },
      "node_modules/kept/index.js": 'module.exports = "stays";',
    });
    await builds.must();
    const entry = join(builds.tree, "lib/small-1.0.0/src/server.mjs");
    assert.equal((await mustRun(process.execPath, [entry])).stdout, "taken in stays\n");
    assert.ok(
      !Object.keys(snapshot(join(builds.tree, "lib"))).some((path) => path.includes("inlined")),
    );
  });

  test("own: the build script first, then what npm would pack and the whole output folder", async () => {
    smallProject(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        private: true,
        files: ["templates"],
        scripts: { build: "node make.js", start: "nest start" },
      },
      "make.js": `const fs = require("fs"); fs.mkdirSync("dist/sub", { recursive: true });
        fs.writeFileSync("dist/main.js", 'require("../shared/a.js")');
        fs.writeFileSync("dist/sub/lazy.js", "");`,
      "shared/a.js": "",
      "shared/never-asked-for.js": "",
      "templates/mail.txt": "hello",
      ".env": "SECRET=1",
    });
    rmSync(join(builds.folder, "src"), { recursive: true });
    const { stdout } = await builds.must();
    assert.match(stdout, /entry\s+dist\/main\.js\s+\(seen through the start script, nest\)/);
    assert.deepEqual(Object.keys(snapshot(join(builds.tree, "lib/small-1.0.0"))).sort(), [
      "dist/main.js",
      "dist/sub/lazy.js",
      "package.json",
      "shared/a.js",
      "templates/mail.txt",
    ]);
  });
});
