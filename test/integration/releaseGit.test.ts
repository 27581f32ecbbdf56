/** `tsugi release --git`: clean builds, by every package manager; what stays is the release. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { withManager } from "../../src/assemble/clean/manager.ts";
import type { ManagerName } from "../../src/assemble/managers.ts";
import { silentLog } from "../../src/pack/log.ts";
import { buildsIn } from "../../src/release/layout.ts";
import { parseManifest } from "../../src/release/manifest.ts";
import { mustRun } from "../helpers/commands.ts";
import { tsugiCli } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";
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
import { PrivateRegistry } from "../helpers/registry.ts";
import { PLAIN_GIT, Repository } from "../helpers/repository.ts";

const machineCache =
  process.env.TSUGI_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsugi");

describe("tsugi release --git: what is built", () => {
  const { folder: base, remove } = temporaryFolder("release-git");
  after(remove);
  let caller = "";
  let temporary = "";
  let count = 0;

  beforeEach(() => {
    count += 1;
    caller = join(base, `caller-${count}`);
    temporary = join(base, `temporary-${count}`);
    for (const folder of [caller, temporary]) mkdirSync(folder);
  });

  const env = () => ({ ...PLAIN_GIT, TSUGI_CACHE: join(base, "cache"), TMPDIR: temporary });
  const run = (...args: string[]) => tsugi(["release", ...args], caller, env());
  const must = (...args: string[]) => mustTsugi(["release", ...args], caller, env());
  const refused = async (code: string, words: RegExp, ...args: string[]) => {
    const { status, stderr, output } = await run(...args);
    assert.match(stderr, new RegExp(`error ${code}`), output);
    assert.match(stderr, words);
    assert.equal(status, code === "TSUGI_USAGE" ? 2 : 1);
    assert.deepEqual(readdirSync(caller), [], "the caller's folder");
    assert.deepEqual(readdirSync(temporary), [], "the temporary folder");
  };
  /** A service without packages, which carries a stand-in for Node. */
  const small = (name: string, files: Record<string, unknown> = {}) =>
    Repository.create(smallProject(join(base, name), files), { ".gitignore": "stand-in\n" });
  const server = () =>
    readFileSync(join(buildsIn(caller), "small/lib/small-1.0.0/src/server.mjs"), "utf8");

  test("a branch, a tag, a commit, and one that no branch leads to", async () => {
    const repository = await small("refs");
    const commits = [];
    for (const what of ["tagged", "branch", "lost", "main"]) {
      const files = { "src/server.ts": `console.log("${what}");\n` };
      commits.push(await repository.commit(files));
      if (what === "tagged") await repository.git("tag", "-a", "-m", "", "v1");
      if (what === "branch") await repository.git("branch", "feature/x");
      if (what === "lost") await repository.git("reset", "--quiet", "--hard", "HEAD~1");
    }
    await repository.git("update-ref", "refs/pull/1/head", commits[2]!);
    const expected: [string, string[]][] = [
      ["main", []],
      ["tagged", ["--ref", "v1"]],
      ["branch", ["--ref", "feature/x"]],
      ["branch", ["--ref", commits[1]!.slice(0, 9)]],
      ["branch", ["--ref", "main~1"]],
      ["lost", ["--ref", "refs/pull/1/head"]],
    ];
    for (const [index, [what, args]] of expected.entries()) {
      await must("--git", repository.folder, "--out", `out-${index}`, ...args);
      const built = join(caller, `out-${index}/small/lib/small-1.0.0/src/server.mjs`);
      assert.match(readFileSync(built, "utf8"), new RegExp(`"${what}"`), args.join(" "));
    }
    assert.deepEqual(readdirSync(temporary), []);
    for (const name of readdirSync(caller)) rmSync(join(caller, name), { recursive: true });
    await refused(
      "TSUGI_REF_UNKNOWN",
      /nowhere[\s\S]*ls-remote/,
      "--git",
      repository.folder,
      "--ref",
      "nowhere",
    );
    await refused("TSUGI_REF_UNKNOWN", /--all/, "--git", repository.folder, "--ref=--all");
  });

  test("what is not committed is left out, and that is said", async () => {
    const repository = await small("dirty");
    writeFiles(repository.folder, { "src/server.ts": 'console.log("not committed");\n' });
    const { stdout } = await must("--git", repository.folder);
    assert.match(stdout, /What is not committed in .* is not in this release/);
    assert.doesNotMatch(server(), /not committed/);
    assert.deepEqual(readdirSync(caller), [".tsugi"]);
    // It was not touched either.
    assert.ok(!existsSync(buildsIn(repository.folder)));
  });

  test("no script of an install or a build has a variable whose name says that it is secret", async () => {
    const { name, version } = { name: "small", version: "1.0.0" };
    const scripts = {
      postinstall: "env > installed.txt",
      build: "mkdir -p dist && env > built.txt && cp src/server.ts dist/server.js",
    };
    const lock = { name, version, lockfileVersion: 3, packages: { "": { name, version } } };
    const repository = await small("secretive", {
      "package.json": { name, version, type: "module", main: "dist/server.js", scripts },
      "package-lock.json": lock,
    });
    const secrets = { RELEASE_KEY: "k-1234567890", GITHUB_TOKEN: "t-1234567890" };
    await mustTsugi(["release", "--git", repository.folder], caller, { ...env(), ...secrets });
    for (const file of ["installed.txt", "built.txt"]) {
      const seen = readFileSync(join(buildsIn(caller), "small/lib/small-1.0.0", file), "utf8");
      assert.match(seen, /^PATH=/m, file);
      assert.doesNotMatch(seen, /RELEASE_KEY|GITHUB_TOKEN|1234567890/, file);
    }
  });

  test("a cache that others may write to is refused before anything of it is run", async () => {
    const repository = await small("shared-cache");
    const cache = join(base, "shared");
    mkdirSync(join(cache, "runtimes"), { recursive: true });
    chmodSync(join(cache, "runtimes"), 0o777);
    const given = { ...env(), TSUGI_CACHE: cache };
    const { status, stderr } = await tsugi(["release", "--git", repository.folder], caller, given);
    assert.equal(status, 1);
    assert.match(stderr, /TSUGI_CACHE_EXPOSED[\s\S]*shared\/runtimes[\s\S]*rm -rf/);
    assert.deepEqual([readdirSync(caller), readdirSync(temporary)], [[], []]);
  });

  test("a source that begins with a dash is a place and no option", async () => {
    await refused("TSUGI_CLONE_FAILED", /--upload-pack=touch/, "--git=--upload-pack=touch hacked");
  });

  test("a clone that fails: git's own words, and no password", async () => {
    const place = `http://user:pass-word-1234@127.0.0.1:9/x.git`;
    const { output } = await run("--git", place);
    assert.match(output, /error TSUGI_CLONE_FAILED/);
    assert.doesNotMatch(output, /pass-word/);
  });

  test("a folder of the repository; one outside of it is refused", async () => {
    const project = smallProject(join(base, "deep-project"));
    const repository = await Repository.create(join(base, "deep"), {
      "apps/web/package.json": { name: "small", version: "1.0.0", type: "module" },
      "apps/web/src/server.ts": 'console.log("deep");\n',
      "apps/web/tsugi.config.json": { runtime: { from: standInNode(project) } },
    });
    await must("apps/web", "--git", repository.folder);
    assert.match(server(), /"deep"/);
    caller = join(base, "caller-outside");
    mkdirSync(caller);
    await refused("TSUGI_USAGE", /one of the repository/, "../x", "--git", repository.folder);
  });

  test('the version "git" counts the commits, and finds nothing changed', async () => {
    const repository = await small("versions");
    const commit = await repository.commit({});
    const { stdout, stderr } = await must("--git", repository.folder, "--version", "git", "--json");
    assert.equal(JSON.parse(stdout).version, `1.0.0+2.${commit.slice(0, 8)}`);
    assert.doesNotMatch(stderr, /has changes/);
  });

  test("--ref without --git is wrong usage", async () => {
    await refused("TSUGI_USAGE", /--git/, "--ref", "main");
  });

  test("submodules are there", async () => {
    const inner = await Repository.create(join(base, "inner"), { "words.txt": "of a submodule" });
    const repository = await small("outer", {
      "src/server.ts": 'export default new URL("./inner/words.txt", import.meta.url);\n',
    });
    const allow = ["-c", "protocol.file.allow=always"];
    await repository.git(...allow, "submodule", "--quiet", "add", inner.folder, "src/inner");
    await repository.commit({});
    const config = {
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "protocol.file.allow",
      GIT_CONFIG_VALUE_0: "always",
    };
    const all = { ...env(), ...config };
    await mustTsugi(["release", "--git", repository.folder], caller, all);
    const words = join(buildsIn(caller), "small/lib/small-1.0.0/src/inner/words.txt");
    assert.equal(readFileSync(words, "utf8"), "of a submodule");
  });

  test("a pointer of Git LFS is not packed in the place of its file", async () => {
    const repository = await small("lfs", {
      ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
      "public/a.bin": `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 1\n`,
    });
    await refused("TSUGI_LFS_MISSING", /public\/a\.bin/, "--git", repository.folder);
  });

  test("packages without a lock file are refused", async () => {
    const dependencies = { "left-pad": "1" };
    const repository = await small("no-lock", {
      "package.json": { name: "small", version: "1.0.0", type: "module", dependencies },
    });
    await refused("TSUGI_LOCK_FILE_MISSING", /package-lock\.json/, "--git", repository.folder);
  });

  test("a lock file that does not fit is refused, and nothing stays", async () => {
    const lock = {
      name: "small",
      version: "1.0.0",
      lockfileVersion: 3,
      packages: { "": { name: "small", version: "1.0.0" } },
    };
    const dependencies = { greeting: "file:greeting" };
    const repository = await small("other-lock", {
      "package.json": { name: "small", version: "1.0.0", type: "module", dependencies },
      "package-lock.json": lock,
      "greeting/package.json": { name: "greeting", version: "1.0.0" },
    });
    await refused("TSUGI_INSTALL_FAILED", /npm ci[\s\S]*in sync/, "--git", repository.folder);
  });

  test("a package manager that nobody knows is refused", async () => {
    const repository = await small("bun", {
      "package.json": { name: "small", version: "1.0.0", packageManager: "bun@1.2.0" },
    });
    await refused("TSUGI_PACKAGE_MANAGER_UNKNOWN", /bun/, "--git", repository.folder);
  });

  test("Ctrl-C ends what runs, and leaves nothing", async () => {
    const mark = join(base, "mark");
    const scripts = { preinstall: `echo $$ > '${mark}'; exec sleep 600` };
    const repository = await small("interrupted", {
      "package.json": { name: "small", version: "1.0.0", type: "module", scripts },
      "package-lock.json": {
        name: "small",
        version: "1.0.0",
        lockfileVersion: 3,
        packages: { "": { name: "small", version: "1.0.0" } },
      },
    });
    const child = spawn(process.execPath, [tsugiCli, "release", "--git", repository.folder], {
      cwd: caller,
      env: { ...process.env, ...env() },
      stdio: "ignore",
    });
    const sleeper = await until(
      "the install script runs",
      () => (existsSync(mark) ? Number(readFileSync(mark, "utf8")) : 0),
      60_000,
    );
    child.kill("SIGINT");
    const [code, signal] = await once(child, "exit");
    assert.deepEqual([code, signal], [null, "SIGINT"]);
    assert.deepEqual(readdirSync(temporary), []);
    assert.deepEqual(readdirSync(caller), []);
    await until("what it had started is gone", () => !existsSync(`/proc/${sleeper}/cwd`), 30_000);
  });

  test("what a killed build left is removed by the next", async () => {
    writeFiles(temporary, { "tsugi-build-999999999-abcdef/source/half": "" });
    const repository = await small("after-a-kill");
    await must("--git", repository.folder);
    assert.deepEqual(readdirSync(temporary), []);
  });
});

describe("tsugi release --git: the project's own package manager, private packages", () => {
  const { folder: base, remove } = temporaryFolder("release-managers");
  const home = join(base, "home");
  let registry: PrivateRegistry;

  before(async () => {
    registry = await PrivateRegistry.start(join(base, "registry"), "@acme/greeting", "hello");
    const { host } = new URL(registry.url);
    const own = join(homedir(), ".npmrc");
    const npmrc = existsSync(own) ? readFileSync(own, "utf8") : "";
    const scope = `@acme:registry=${registry.url}\n//${host}/:_authToken=${registry.token}\n`;
    writeFiles(home, {
      ".npmrc": `${npmrc}\n${scope}`,
      ".yarnrc.yml": [
        "unsafeHttpWhitelist: ['127.0.0.1']",
        "npmScopes:",
        "  acme:",
        `    npmRegistryServer: '${registry.url}'`,
        `    npmAuthToken: '${registry.token}'`,
        "",
      ].join("\n"),
    });
  });
  after(() => {
    registry.stop();
    remove();
  });

  // On CI yarn writes no lock file; and `npm test` says where its own settings are.
  const { CI: _, ...inherited } = process.env;
  const environment = () => ({
    ...inherited,
    ...PLAIN_GIT,
    HOME: home,
    npm_config_userconfig: join(home, ".npmrc"),
    TSUGI_CACHE: machineCache,
    npm_config_cache: process.env.npm_config_cache ?? join(homedir(), ".npm"),
  });

  /** A project whose lock file is written by the manager itself. */
  async function project(
    name: ManagerName,
    version: string,
    install: string[],
    isPinned: boolean,
  ): Promise<Repository> {
    const repository = await Repository.create(join(base, `${name}-${version}`), {
      "package.json": {
        name: "small",
        version: "1.0.0",
        ...(isPinned ? { packageManager: `${name}@${version}` } : {}),
        scripts: { build: "mkdir -p dist && cp src/server.js dist", start: "node dist/server.js" },
        dependencies: { "@acme/greeting": "1.0.0" },
      },
      "src/server.js": 'console.log(require("@acme/greeting"));\n',
      ".gitignore": "node_modules\n.yarn\n.pnp.*\n",
      ".node-version": TEST_NODE,
    });
    const { folder } = repository;
    const wanted = { name, version, folder, why: "", isPinned: true, lockFile: undefined };
    const here = { env: environment(), running: new Set<never>() };
    const { env } = await withManager(wanted, here, silentLog);
    await mustRun(name, install, { cwd: folder, env, timeoutMs: 300_000 });
    await repository.commit({});
    return repository;
  }

  const managers: [ManagerName, string, string[], boolean][] = [
    ["npm", "11.6.2", ["install", "--package-lock-only", "--no-audit"], true],
    ["pnpm", "10.12.1", ["install", "--lockfile-only"], true],
    ["yarn", "1.22.22", ["install", "--non-interactive"], false],
    ["yarn", "4.9.4", ["install"], true],
  ];
  for (const [name, version, install, isPinned] of managers) {
    test(`${name} ${version}`, async () => {
      const repository = await project(name, version, install, isPinned);
      const caller = join(base, `caller-${name}-${version}`);
      const temporary = join(base, `temporary-${name}-${version}`);
      for (const folder of [caller, temporary]) mkdirSync(folder);
      const env = { ...environment(), TMPDIR: temporary };
      const { stdout } = await mustTsugi(["release", "--git", repository.folder], caller, env);
      assert.match(stdout, new RegExp(`${name} +${version.replaceAll(".", "\\.")}`));
      assert.deepEqual(readdirSync(temporary), []);
      const tree = join(buildsIn(caller), "small");
      const manifest = parseManifest(
        readFileSync(join(tree, "releases/1.0.0/release.json"), "utf8"),
        "test",
      );
      const node = join(tree, "runtime", basename(manifest.runtime.dir), "bin/node");
      const said = await mustRun(node, [join(tree, "lib/small-1.0.0/dist/server.js")]);
      assert.equal(said.stdout, "hello\n");
      for (const [path, text] of Object.entries(snapshot(join(tree, "lib")))) {
        assert.ok(!text.includes(registry.token), path);
      }
    });
  }
});
