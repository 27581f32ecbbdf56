/** `tsugi release` as a user runs it: what it guesses, writes, refuses and says. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { parseManifest } from "../../src/release/manifest.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import {
  mustTsugi,
  smallProject,
  snapshot,
  standInNode,
  TEST_NODE,
  temporaryFolder,
  tsugi,
  writeFiles,
} from "../helpers/projects.ts";

describe("tsugi release", () => {
  const { folder: base, remove } = temporaryFolder("release");
  const env = { TSUGI_CACHE: join(base, "cache") };
  let count = 0;
  let folder: string;
  beforeEach(() => {
    folder = join(base, `project-${++count}`);
  });
  after(remove);

  const release = (...args: string[]) => tsugi(["release", ...args], folder, env);
  const mustRelease = (...args: string[]) => mustTsugi(["release", ...args], folder, env);
  const tree = () => join(folder, "rel", "small");
  const inTree = (path: string) => readFileSync(join(tree(), path), "utf8");
  const manifestOf = (version = "1.0.0") =>
    parseManifest(inTree(`releases/${version}/release.json`), "test");

  async function refused(code: string, words: RegExp, ...args: string[]) {
    const result = await release(...args);
    assert.match(result.stderr, new RegExp(`error ${code}`), result.output);
    assert.match(result.stderr, words);
    assert.match(result.stderr, /→ \S/);
    assert.equal(result.status, 1);
    return result;
  }

  describe("what it writes", () => {
    test("the tree, the tarball and a manifest of every file", async () => {
      smallProject(folder);
      await mustRelease();
      const { files, ...manifest } = manifestOf();
      assert.equal(manifest.kind, "node");
      assert.equal(manifest.build, "compile");
      assert.equal(manifest.usesHot, false);
      assert.deepEqual(manifest.processes, [
        { name: "main", entry: "src/server.mjs", workers: 1, overlap: true },
      ]);
      assert.deepEqual(
        manifest.components.map(({ name }) => name),
        ["app", "bin", "config", "nodeArgs"],
      );
      for (const { path, sha256 } of files) {
        const bytes = readFileSync(join(tree(), path));
        assert.equal(createHash("sha256").update(bytes).digest("hex"), sha256, path);
      }
      assert.equal(inTree("releases/1.0.0/node.args"), "--enable-source-maps\n");
      assert.equal(JSON.parse(inTree("releases/1.0.0/config.json")).timeouts.readyMs, 30_000);
      assert.match(inTree("releases/permanent"), /^1\.0\.0 [0-9a-f]{64} node-\S+ tsugi-\S+\n$/);
    });

    test("a tarball that begins with the manifest and holds no owner and no time", async () => {
      smallProject(folder);
      await mustRelease();
      const tarball = join(tree(), "releases/1.0.0/small.tar.gz");
      const { stdout } = await mustRun("tar", ["--utc", "-tvzf", tarball]);
      const lines = stdout.trim().split("\n");
      assert.match(lines[0]!, /releases\/1\.0\.0\/release\.json$/);
      const paths = lines.slice(1).map((line) => line.split(/\s+/)[5]!);
      assert.deepEqual(paths, [...paths].sort());
      for (const line of lines) assert.match(line, /0\/0 .* 1970-01-01 00:00/);
      const extracted = join(folder, "extracted");
      writeFiles(extracted, { keep: "" });
      await mustRun("tar", ["-xzf", tarball, "-C", extracted]);
      assert.equal(
        snapshot(extracted)["releases/1.0.0/release.json"],
        inTree("releases/1.0.0/release.json"),
      );
    });

    test("the same bytes from two folders, umasks, time zones and languages", async () => {
      const sums: string[] = [];
      for (const [where, mask, more] of [
        ["here", "022", {}],
        ["elsewhere/deep", "077", { TZ: "Asia/Tokyo", LANG: "de_DE.UTF-8", LC_ALL: "C" }],
      ] as const) {
        const project = join(folder, where);
        smallProject(project, {
          "tsugi.config.json": { runtime: { from: standInNode(folder) } },
          "src/server.ts":
            'import { a } from "./lib/a.ts";\nconsole.log(a, import.meta.dirname);\n',
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
        const cache = join(folder, `cache-${mask}`);
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
      smallProject(folder, {
        "src/server.ts": `import { hot } from "tsugi/hot";
          import "./more.ts";
          hot.accept();
          export const rooms = hot.state("rooms", { version: 3, initial: () => 0,
            upgrade: { 1: (v: number) => v, 2: (v: number) => v }, downgrade: { 3: (v: number) => v } });`,
        "src/more.ts": `import { hot } from "tsugi/hot";
          const options = { initial: () => 1 };
          hot.state("more", options);`,
      });
      await mustRelease();
      const { usesHot, accepts, states } = manifestOf();
      assert.deepEqual({ usesHot, accepts }, { usesHot: true, accepts: true });
      assert.deepEqual(states, [
        { name: "more", version: 1, upgradesFrom: [], downgradesFrom: [], dynamic: true },
        { name: "rooms", version: 3, upgradesFrom: [1, 2], downgradesFrom: [3] },
      ]);
    });

    test("several processes, each compiled to a file of its own", async () => {
      smallProject(folder, {
        "src/jobs.ts": "setInterval(() => {}, 1000);\n",
        "tsugi.config.ts": `import { defineConfig } from "tsugi";
          export default defineConfig({
            processes: {
              web: { entry: "src/server.ts", workers: "max" },
              jobs: { entry: "src/jobs.ts", overlap: false },
            },
            runtime: { from: ${JSON.stringify(standInNode(folder))} satisfies string },
          });`,
      });
      rmSync(join(folder, "tsugi.config.json"));
      await mustRelease();
      assert.deepEqual(manifestOf().processes, [
        { name: "web", entry: "src/server.mjs", workers: "max", overlap: true },
        { name: "jobs", entry: "src/jobs.mjs", workers: 1, overlap: false },
      ]);
    });

    test("preloads as files of the app, named from the working directory", async () => {
      smallProject(folder, {
        "src/trace.ts": "export const traced: boolean = true;\n",
        "tsugi.config.json": {
          runtime: { from: standInNode(folder) },
          nodeArgs: ["--max-old-space-size=300", "--import", "./src/trace.ts", "-r", "early"],
        },
      });
      await mustRelease();
      assert.deepEqual(inTree("releases/1.0.0/node.args").trim().split("\n"), [
        "--enable-source-maps",
        "--max-old-space-size=300",
        "--import=../lib/small-1.0.0/tsugi-preload-0.mjs",
        "--require=../lib/small-1.0.0/tsugi-preload-1.cjs",
      ]);
      assert.equal(inTree("lib/small-1.0.0/tsugi-preload-0.mjs"), 'import "./src/trace.mjs";\n');
      assert.equal(inTree("lib/small-1.0.0/tsugi-preload-1.cjs"), 'require("early");\n');
      assert.ok(existsSync(join(tree(), "lib/small-1.0.0/src/trace.mjs")));
    });

    test("only the packages that production needs, and never tsugi", async () => {
      smallProject(folder, {
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
      await mustRelease();
      const packages = manifestOf().components.find(({ name }) => name === "packages")!;
      assert.match(packages.dir!, /^lib\/packages-[0-9a-f]{8}$/);
      const paths = Object.keys(snapshot(join(tree(), packages.dir!))).sort();
      assert.deepEqual(
        paths,
        ["deep", "peer", "used"].map((name) => `node_modules/${name}/package.json`),
      );
      const link = snapshot(join(tree(), "lib/small-1.0.0")).node_modules;
      assert.equal(link, `→ ../${packages.dir!.slice("lib/".length)}/node_modules`);
    });

    test("bundle: packages inlined, `external` ones as packages", async () => {
      smallProject(folder, {
        "package.json": {
          name: "small",
          version: "1.0.0",
          type: "module",
          dependencies: { inlined: "1", kept: "1" },
        },
        "tsugi.config.json": {
          build: "bundle",
          external: ["kept"],
          runtime: { from: standInNode(folder) },
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
      await mustRelease();
      const entry = join(tree(), "lib/small-1.0.0/src/server.mjs");
      assert.equal((await mustRun(process.execPath, [entry])).stdout, "taken in stays\n");
      assert.ok(
        !Object.keys(snapshot(join(tree(), "lib"))).some((path) => path.includes("inlined")),
      );
    });

    test("own: the build script first, then what npm would pack and the whole output folder", async () => {
      smallProject(folder, {
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
      rmSync(join(folder, "src"), { recursive: true });
      const { stdout } = await mustRelease();
      assert.match(stdout, /entry\s+dist\/main\.js\s+\(seen through the start script, nest\)/);
      assert.deepEqual(Object.keys(snapshot(join(tree(), "lib/small-1.0.0"))).sort(), [
        "dist/main.js",
        "dist/sub/lazy.js",
        "package.json",
        "shared/a.js",
        "templates/mail.txt",
      ]);
    });
  });

  describe("what it guesses, and says", () => {
    test("every guess has a line with the reason", async () => {
      smallProject(folder, { "public/style.css": "" });
      const { stdout } = await mustRelease();
      assert.match(stdout, /name\s+small\s+\(package\.json\)/);
      assert.match(stdout, /version\s+1\.0\.0\s+\(package\.json\)/);
      assert.match(stdout, /entry\s+src\/server\.ts\s+\(it is there\)/);
      assert.match(stdout, /build\s+compile\s+\(a TypeScript entry and no build script\)/);
      assert.match(stdout, /files\s+public\/\*\*/);
      assert.match(stdout, new RegExp(`node\\s+${TEST_NODE} for linux-x64`));
      assert.match(stdout, /Start it: .*\/rel\/small\/bin\/small start/);
    });

    test("--json: one document on stdout, progress on stderr, errors too", async () => {
      smallProject(folder);
      const { stdout, stderr } = await mustRelease("--json");
      const document = JSON.parse(stdout);
      assert.equal(document.version, "1.0.0");
      assert.equal(document.already, false);
      assert.match(document.releaseId, /^[0-9a-f]{64}$/);
      assert.match(stderr, /Compiling/);
      const failed = await release("--json", "--version", "one");
      assert.equal(JSON.parse(failed.stdout).error.code, "TSUGI_VERSION_INVALID");
      assert.equal(failed.status, 1);
    });

    test("a wrong argument is wrong usage", async () => {
      smallProject(folder);
      const result = await release("--nonsense");
      assert.equal(result.status, 2);
      assert.match(result.stderr, /error TSUGI_USAGE/);
    });

    test(".env is not packed, and the message says where it goes", async () => {
      smallProject(folder, {
        "tsugi.config.json": {
          files: ["data/**"],
          runtime: { from: standInNode(folder) },
        },
        ".env": "TOKEN=1",
        ".env.local": "TOKEN=3",
        "data/.env.production": "TOKEN=2",
        "data/words.txt": "a",
      });
      const { stdout } = await mustRelease();
      assert.match(stdout, /\.env is not packed: .*<root>\/etc\/env/);
      assert.deepEqual(
        manifestOf().files.filter(({ path }) => path.includes(".env")),
        [],
      );
    });

    test("files: globs, and what they take out", async () => {
      const config = {
        files: ["data", "!data/private/**"],
        runtime: { from: standInNode(folder) },
      };
      smallProject(folder, {
        "tsugi.config.json": config,
        "data/a.txt": "",
        "data/private/b.txt": "",
      });
      await mustRelease();
      const app = Object.keys(snapshot(join(tree(), "lib/small-1.0.0")));
      assert.ok(app.includes("data/a.txt"));
      assert.ok(!app.includes("data/private/b.txt"));
    });

    test("a private key is refused, unless it is said why it is none", async () => {
      const key = `-----BEGIN PRIVATE KEY-----\n${"A".repeat(64)}\n-----END PRIVATE KEY-----\n`;
      const runtime = { from: standInNode(folder) };
      smallProject(folder, {
        "tsugi.config.json": { files: ["keys/*"], runtime },
        "keys/test.pem": key,
      });
      await refused("TSUGI_SECRET_FOUND", /keys\/test\.pem holds a private key/);
      const secrets = { allow: [{ file: "keys/test.pem", reason: "the tests' own" }] };
      writeFiles(folder, { "tsugi.config.json": { files: ["keys/*"], runtime, secrets } });
      await mustRelease();
    });
  });

  describe("versions", () => {
    test("the same again is built already; other bytes are refused, and the earlier build stays", async () => {
      smallProject(folder);
      await mustRelease();
      const before = snapshot(tree());
      assert.match((await mustRelease()).stdout, /Built already/);
      writeFiles(folder, { "src/server.ts": "console.log('changed');\n" });
      await refused("TSUGI_VERSION_EXISTS", /1\.0\.0 is built already.*\n.*--version git/);
      assert.deepEqual(snapshot(tree()), before);
      await mustRelease("--version", "1.0.1");
      for (const path of Object.keys(before)) {
        if (path !== "releases/permanent") assert.equal(snapshot(tree())[path], before[path], path);
      }
      assert.match(inTree("releases/permanent"), /^1\.0\.1 /);
    });

    test("with a build script, changed sources are refused before it runs", async () => {
      smallProject(folder, {
        "package.json": {
          name: "small",
          version: "1.0.0",
          scripts: {
            build: "mkdir -p dist && cp src/main.js dist && date +%N >> ran",
            start: "node dist/main.js",
          },
        },
        "src/main.js": "console.log(1);",
        ".gitignore": "ran\n",
      });
      await mustRelease();
      assert.match((await mustRelease()).stdout, /Built already/);
      const runs = readFileSync(join(folder, "ran"), "utf8");
      writeFiles(folder, { "src/main.js": "console.log(2);" });
      await refused("TSUGI_VERSION_EXISTS", /1\.0\.0 is built already/);
      assert.equal(readFileSync(join(folder, "ran"), "utf8"), runs);
    });

    test("what is no semantic version is refused", async () => {
      smallProject(folder);
      await refused("TSUGI_VERSION_INVALID", /"1\.0"/, "--version", "1.0");
      await refused("TSUGI_VERSION_INVALID", /"v1\.0\.0"/, "--version", "v1.0.0");
    });

    test('"git" gives each commit its own', async () => {
      smallProject(folder, { ".gitignore": "rel\n" });
      await refused("TSUGI_GIT_FAILED", /git says/, "--version", "git");
      const who = ["-c", "user.name=a", "-c", "user.email=a@b"];
      const git = (...args: string[]) => mustRun("git", [...who, ...args], { cwd: folder });
      await git("init", "-q");
      await git("add", "-A");
      await git("commit", "-qm", "one");
      await mustRelease("--version", "git");
      await git("commit", "-qm", "two", "--allow-empty");
      const commit = (await git("rev-parse", "HEAD")).stdout.slice(0, 8);
      const { stdout } = await mustRelease("--version", "git", "--json");
      assert.equal(JSON.parse(stdout).version, `1.0.0+2.${commit}`);
      writeFiles(folder, { "src/server.ts": "console.log('not committed');\n" });
      const dirty = await tsugi(["release", "--version", "git", "--out", "other"], folder, env);
      assert.match(dirty.stdout, /! The working copy has changes/);
    });

    test("a Node-only upgrade is an ordinary release with a new version", async () => {
      smallProject(folder);
      await mustRelease();
      const from = standInNode(join(folder, "newer"), "24.22.0");
      writeFiles(folder, { "tsugi.config.json": { runtime: { from } } });
      await mustRelease("--version", "1.0.1");
      assert.equal(manifestOf("1.0.1").runtime.version, "24.22.0");
      const app = (version: string) =>
        manifestOf(version).components.find(({ name }) => name === "app")!.hash;
      assert.equal(app("1.0.0"), app("1.0.1"));
    });

    test("a shared folder is never overwritten with other bytes", async () => {
      smallProject(folder);
      await mustRelease();
      const before = snapshot(tree());
      writeFiles(folder, { "stand-in/LICENSE": "another, longer licence\n" });
      writeFiles(folder, {
        "stand-in/bin/node": `#!/bin/sh\n# other\necho ${TEST_NODE} linux-x64\n`,
      });
      await refused(
        "TSUGI_TREE_CONFLICT",
        /runtime\/node-\S+ belongs to 1\.0\.0/,
        "--version",
        "1.0.1",
      );
      assert.deepEqual(snapshot(tree()), before);
    });
  });

  describe("what fails leaves the earlier build as it was", () => {
    beforeEach(async () => {
      smallProject(folder);
      await mustRelease();
    });

    test("a build that was killed: the next one sweeps what it left", async () => {
      writeFiles(tree(), { ".build-999999999/lib/half": "" });
      await mustRelease("--version", "1.0.1");
      assert.ok(!existsSync(join(tree(), ".build-999999999")));
      assert.ok(!existsSync(join(tree(), ".build.lock")));
    });

    test("a source that does not parse", async () => {
      const before = snapshot(tree());
      writeFiles(folder, { "src/server.ts": "const = ;\n" });
      await refused("TSUGI_BUILD_FAILED", /src\/server\.ts/, "--version", "1.0.1");
      assert.deepEqual(snapshot(tree()), before);
    });

    test("an import of a file that is not there", async () => {
      writeFiles(folder, { "src/server.ts": 'import "./gone.ts";\n' });
      await refused("TSUGI_BUILD_FAILED", /gone\.ts/, "--version", "1.0.1");
    });

    test("a build script that fails: its last words are shown", async () => {
      const before = snapshot(tree());
      const scripts = { build: "echo the reason >&2; exit 3", start: "node dist/main.js" };
      writeFiles(folder, { "package.json": { name: "small", version: "1.0.1", scripts } });
      await refused("TSUGI_BUILD_FAILED", /exit code 3[\s\S]*the reason/);
      assert.deepEqual(snapshot(tree()), before);
    });

    test("an entry that is not there", async () => {
      rmSync(join(folder, "src"), { recursive: true });
      await refused("TSUGI_ENTRY_MISSING", /src\/server\.ts, src\/main\.ts[\s\S]*entry: "src/);
    });

    test("packages that are not installed", async () => {
      const dependencies = { "left-pad": "1" };
      writeFiles(folder, { "package.json": { name: "small", version: "1.0.1", dependencies } });
      await refused("TSUGI_PACKAGES_MISSING", /left-pad[\s\S]*npm ci/);
      writeFiles(folder, { "pnpm-lock.yaml": "" });
      await refused("TSUGI_PACKAGES_MISSING", /pnpm install --frozen-lockfile/);
    });

    test("a glob that matches nothing", async () => {
      const config = { files: ["assets/**"], runtime: { from: standInNode(folder) } };
      writeFiles(folder, { "tsugi.config.json": config });
      await refused("TSUGI_FILES_MISSING", /assets\/\*\*/);
    });

    test("a configuration that is wrong, or does not load", async () => {
      writeFiles(folder, { "tsugi.config.json": { entri: "x", timeouts: { readyMs: "1" } } });
      await refused("TSUGI_CONFIG_INVALID", /entri[\s\S]*tsugi help config/);
      rmSync(join(folder, "tsugi.config.json"));
      writeFiles(folder, { "tsugi.config.ts": "export default nothing;\n" });
      await refused("TSUGI_CONFIG_UNREADABLE", /nothing is not defined/);
    });

    test("a folder without a project", async () => {
      await refused("TSUGI_PROJECT_INVALID", /package\.json/, join(folder, "src"));
    });
  });

  describe("the Node it carries", () => {
    const withoutConfig = (files: Record<string, unknown>) => {
      smallProject(folder, files);
      rmSync(join(folder, "tsugi.config.json"));
    };

    test("has to be pinned where CI=true", async () => {
      withoutConfig({});
      const result = await tsugi(["release"], folder, { ...env, CI: "true" });
      assert.match(result.stderr, /TSUGI_NODE_UNPINNED[\s\S]*echo \d+\.\d+\.\d+ > \.node-version/);
      assert.equal(result.status, 1);
    });

    test("is found where the repository has it", async () => {
      smallProject(join(folder, "apps/one"));
      writeFiles(folder, { ".git/HEAD": "", ".nvmrc": "v19\n" });
      rmSync(join(folder, "apps/one/tsugi.config.json"));
      await refused("TSUGI_NODE_UNKNOWN", /v19 \(\.\.\/\.\.\/\.nvmrc\)/, join(folder, "apps/one"));
    });

    test("no version fits", async () => {
      withoutConfig({ ".nvmrc": "v19\n" });
      await refused("TSUGI_NODE_UNKNOWN", /v19 \(\.nvmrc\)/);
    });

    describe("from a mirror", () => {
      let mirror: string;
      let sums: string;
      const archive = `node-v${TEST_NODE}-linux-x64.tar.gz`;
      const server = createServer((request, response) => {
        if (request.url?.endsWith("SHASUMS256.txt")) return response.end(sums);
        if (request.url?.endsWith(archive)) return response.end(tarball);
        response.writeHead(404).end();
      });
      let tarball: Buffer;

      before(async () => {
        const top = `node-v${TEST_NODE}-linux-x64`;
        const made = writeFiles(join(base, "mirror"), {
          [`${top}/LICENSE`]: "a licence",
          [`${top}/bin/node`]: `#!/bin/sh\necho ${TEST_NODE} linux-x64\n`,
          [`${top}/share/much.txt`]: "not wanted",
        });
        await mustRun("tar", ["-cf", "node.tar", top], { cwd: made });
        tarball = gzipSync(readFileSync(join(made, "node.tar")));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        mirror = `http://127.0.0.1:${(server.address() as { port: number }).port}/dist`;
      });
      after(() => server.close());
      beforeEach(() => {
        sums = `${createHash("sha256").update(tarball).digest("hex")}  ${archive}\n`;
        smallProject(folder, {
          "tsugi.config.json": { runtime: { node: TEST_NODE, from: mirror } },
        });
      });
      const cached = join(env.TSUGI_CACHE, "runtimes", `node-${TEST_NODE}-linux-x64`);

      test("is held against SHASUMS256.txt", async () => {
        sums = `${"0".repeat(64)}  ${archive}\n`;
        await refused("TSUGI_RUNTIME_UNAVAILABLE", /SHASUMS256\.txt says 0000/);
        assert.ok(!existsSync(cached));
      });

      test("comes once, as bin/node and LICENSE, and comes again when the cache was changed", async () => {
        const first = await mustRelease();
        assert.match(first.stdout, /Node 24\.21\.0 for linux-x64 from http/);
        const names = manifestOf()
          .files.map(({ path }) => path)
          .filter((path) => /^runtime/.test(path));
        assert.deepEqual(
          names.map((path) => path.split("/").slice(2).join("/")),
          ["LICENSE", "bin/node"],
        );
        const second = await mustRelease("--version", "1.0.1");
        assert.doesNotMatch(second.stdout, /from http/);
        writeFiles(cached, { "bin/node": `#!/bin/sh\necho ${TEST_NODE} linux-x6\n4` });
        const third = await mustRelease("--version", "1.0.2");
        assert.match(third.stdout, /from http/);
        assert.match(readFileSync(join(cached, "bin/node"), "utf8"), /linux-x64/);
      });

      test("a range is resolved, printed and written down", async () => {
        smallProject(folder, {
          "package.json": {
            name: "small",
            version: "1.0.0",
            type: "module",
            engines: { node: "24.20 - 24.21" },
          },
          "tsugi.config.json": { runtime: { from: mirror } },
        });
        const { stdout } = await mustRelease();
        assert.match(stdout, /node\s+24\.21\.0\s+\(24\.20 - 24\.21 in engines\.node\)/);
        assert.match(stdout, /Wrote 24\.21\.0 to \.node-version/);
        assert.equal(readFileSync(join(folder, ".node-version"), "utf8"), "24.21.0\n");
      });

      test("two builds at once into one tree take turns", async () => {
        const versions = ["2.0.0", "2.0.1", "2.0.2"];
        await Promise.all(versions.map((version) => mustRelease("--version", version)));
        for (const version of versions) {
          const tarball = join(tree(), "releases", version, "small.tar.gz");
          await mustTsugi(["verify", tarball], folder, env);
          await mustTsugi(["verify", join(tree(), "releases", version)], folder, env);
        }
      });

      test("two builds at once do each other no harm", async () => {
        rmSync(env.TSUGI_CACHE, { recursive: true, force: true });
        const results = await Promise.all(
          ["one", "two", "three"].map((out) => mustRelease("--json", "--out", join(folder, out))),
        );
        const sums = results.map(({ stdout }) => JSON.parse(stdout).sha256);
        assert.equal(new Set(sums).size, 1);
        assert.ok(existsSync(join(cached, "bin/node")));
      });
    });
  });

  describe("beside release", () => {
    test("verify finds a whole release whole, and what was changed", async () => {
      smallProject(folder);
      await mustRelease();
      const tarball = join(tree(), "releases/1.0.0/small.tar.gz");
      const args = ["verify", tarball, "--json"];
      const whole = JSON.parse((await mustTsugi(args, folder)).stdout);
      assert.equal(whole.version, "1.0.0");
      assert.match((await mustTsugi(["verify", tree()], folder)).stdout, /small 1\.0\.0 is whole/);
      writeFiles(tree(), { "lib/small-1.0.0/src/server.mjs": "changed" });
      const changed = await tsugi(["verify", join(tree(), "releases", "1.0.0")], folder);
      assert.match(changed.stderr, /TSUGI_RELEASE_DIFFERS[\s\S]*server\.mjs/);
      assert.equal(changed.status, 1);
      const short = readFileSync(tarball);
      writeFiles(folder, { "short.tar.gz": "" });
      await runCommand("sh", ["-c", `head -c ${short.length - 600} "${tarball}" > short.tar.gz`], {
        cwd: folder,
      });
      const cut = await tsugi(["verify", "short.tar.gz"], folder);
      assert.match(cut.stderr, /TSUGI_RELEASE_(UNREADABLE|DIFFERS)/);
      const none = await tsugi(["verify", "nowhere"], folder);
      assert.match(none.stderr, /TSUGI_RELEASE_UNREADABLE/);
    });

    test("plan says how an upgrade would go, from tarballs and folders", async () => {
      for (const version of ["1.0.0", "1.1.0"]) {
        const project = join(folder, version);
        cpSync(join(projectRoot, "test/fixtures/apps", `counter-${version}`), project, {
          recursive: true,
        });
        writeFiles(project, { "tsugi.config.json": { runtime: { from: standInNode(folder) } } });
        await mustTsugi(["release", "--out", join(folder, "rel")], project, env);
      }
      const releases = join(folder, "rel", "counter", "releases");
      const tarball = join(releases, "1.1.0", "counter.tar.gz");
      const { stdout } = await mustTsugi(["plan", join(releases, "1.0.0"), tarball], folder);
      assert.match(stdout, /1\.0\.0 → 1\.1\.0: handoff/);
      const json = await mustTsugi(["plan", tarball, join(releases, "1.0.0"), "--json"], folder);
      assert.equal(JSON.parse(json.stdout).to, "1.0.0");
    });

    test("init writes a configuration that loads", async () => {
      smallProject(folder);
      rmSync(join(folder, "tsugi.config.json"));
      await mustTsugi(["init"], folder);
      assert.match(
        readFileSync(join(folder, "tsugi.config.ts"), "utf8"),
        /entry: "src\/server\.ts"/,
      );
      const again = await tsugi(["init"], folder);
      assert.equal(again.status, 2);
      const from = JSON.stringify(standInNode(folder));
      const text = readFileSync(join(folder, "tsugi.config.ts"), "utf8");
      writeFiles(folder, {
        "tsugi.config.ts": text.replace("{\n", `{ runtime: { from: ${from} },\n`),
      });
      await mustRelease();
    });

    test("init takes over a PM2 ecosystem file", async () => {
      smallProject(folder, {
        "ecosystem.config.cjs": `module.exports = { apps: [
          { name: "API", script: "./src/server.ts", instances: "max", env: { PORT: 4000 }, node_args: "--max-old-space-size=200" },
          { name: "jobs", script: "src/jobs.ts" }] };`,
      });
      const { stdout } = await mustTsugi(
        ["init", "--from", "ecosystem.config.cjs", "--json"],
        folder,
      );
      const { config, notes } = JSON.parse(stdout);
      assert.deepEqual(config, {
        processes: {
          api: { entry: "src/server.ts", workers: "max" },
          jobs: { entry: "src/jobs.ts", workers: 1 },
        },
        nodeArgs: ["--max-old-space-size=200"],
      });
      assert.match(notes[0], /PORT go into <root>\/etc\/env/);
    });

    test("help config names every key", async () => {
      const { stdout } = await mustTsugi(["help", "config"], base);
      for (const key of ["name", "runtime.node", "processes.<name>.overlap", "timeouts.freezeMs"]) {
        assert.ok(stdout.includes(`${key}: `), key);
      }
      assert.equal((await tsugi(["help", "nonsense"], base)).status, 2);
    });
  });
});
