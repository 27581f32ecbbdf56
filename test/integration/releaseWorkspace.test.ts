/** An app of a workspace: its siblings are built, and packed with what they need; nothing else is. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { withManager } from "../../src/assemble/clean/manager.ts";
import type { ManagerName } from "../../src/assemble/managers.ts";
import { silentLog } from "../../src/pack/log.ts";
import { mustRun } from "../helpers/commands.ts";
import {
  mustTsugi,
  snapshot,
  standInNode,
  temporaryFolder,
  writeFiles,
} from "../helpers/projects.ts";
import { PLAIN_GIT, Repository } from "../helpers/repository.ts";

const { folder: base, remove } = temporaryFolder("release-workspace");
after(remove);

const built = (name: string, code: string) => ({
  build: `mkdir -p dist && echo '${code}' > dist/index.js && echo built ${name}`,
});

/**
 *   apps/web → @acme/greet → @acme/words → leaf (a package)
 *   apps/other → heavy (a package)
 */
function workspace(sibling: string): Record<string, unknown> {
  const one = { version: "1.0.0", private: true };
  const published = { ...one, main: "dist/index.js", files: ["dist"] };
  return {
    "package.json": { name: "top", ...one, workspaces: ["apps/*", "packages/*"] },
    "pnpm-workspace.yaml": "packages: ['apps/*', 'packages/*']\n",
    ".gitignore": "node_modules\ndist\n",
    "apps/web/package.json": {
      name: "web",
      ...one,
      main: "server.js",
      dependencies: { "@acme/greet": sibling },
      devDependencies: { "@acme/tools": sibling },
    },
    "apps/web/server.js": 'console.log(require("@acme/greet"));\n',
    "apps/web/tsugi.config.json": { runtime: { from: standInNode(base) } },
    "apps/other/package.json": {
      name: "other",
      ...one,
      main: "server.js",
      dependencies: { heavy: "file:../../vendor/heavy-1.0.0.tgz" },
    },
    "packages/greet/package.json": {
      name: "@acme/greet",
      ...published,
      scripts: built("greet", 'module.exports = "hello " + require("@acme/words");'),
      dependencies: { "@acme/words": sibling },
    },
    "packages/greet/src/index.ts": "// what it is built from\n",
    "packages/words/package.json": {
      name: "@acme/words",
      ...published,
      scripts: built("words", 'module.exports = require("leaf");'),
      dependencies: { leaf: "file:../../vendor/leaf-1.0.0.tgz" },
    },
    "packages/words/test/big.txt": "not published\n",
    "packages/tools/package.json": { name: "@acme/tools", ...one, main: "index.js" },
    "packages/tools/index.js": "",
  };
}

before(async () => {
  for (const name of ["leaf", "heavy"]) {
    writeFiles(join(base, name), {
      "package.json": { name, version: "1.0.0", main: "index.js" },
      "index.js": `module.exports = "${name}";\n`,
    });
    mkdirSync(join(base, "vendor"), { recursive: true });
    const into = ["pack", "--pack-destination", join(base, "vendor")];
    await mustRun("npm", into, { cwd: join(base, name) });
  }
});

describe("tsugi release: a workspace", () => {
  const managers: [ManagerName, string, string, string[]][] = [
    ["npm", "*", "*", ["install", "--package-lock-only", "--no-audit"]],
    ["pnpm", "10.12.1", "workspace:*", ["install", "--lockfile-only"]],
  ];
  for (const [name, version, sibling, install] of managers) {
    test(`of ${name}: from a clean clone, and where it lies`, async () => {
      const folder = join(base, name);
      const files = workspace(sibling);
      if (version !== "*") {
        files["package.json"] = {
          ...(files["package.json"] as object),
          packageManager: `${name}@${version}`,
        };
      }
      await Repository.create(folder, files);
      await mustRun("cp", ["-r", join(base, "vendor"), folder]);
      const wanted = { name, version, folder, why: "", isPinned: true, lockFile: undefined };
      const here = { env: { ...process.env, ...PLAIN_GIT }, running: new Set<never>() };
      const { env } = await withManager(wanted, here, silentLog);
      await mustRun(name, install, { cwd: folder, env, timeoutMs: 300_000 });
      const repository = await Repository.create(folder, {});
      const caller = join(base, `caller-${name}`);
      mkdirSync(caller);
      const { stdout } = await mustTsugi(
        ["release", "apps/web", "--git", repository.folder, "--json"],
        caller,
        PLAIN_GIT,
      );
      const clean = JSON.parse(stdout) as { tree: string; sha256: string };
      await packsWhatIsNeeded(clean.tree);

      // The same where it lies, once it is installed; the siblings are built by then, or not yet.
      const frozen = name === "npm" ? ["ci", "--no-audit"] : ["install", "--frozen-lockfile"];
      await mustRun(name, frozen, { cwd: folder, env, timeoutMs: 300_000 });
      const app = join(folder, "apps/web");
      const again = await mustTsugi(["release", "--json"], app, { ...PLAIN_GIT, PATH: env.PATH });
      assert.equal(JSON.parse(again.stdout).sha256, clean.sha256);
      assert.ok(existsSync(join(folder, "packages/words/dist/index.js")));
    });
  }

  test("a sibling is built where only its types are there, and again when its source has changed", async () => {
    const folder = join(base, "changed");
    const app = join(folder, "apps/web");
    const link = join(folder, "node_modules/@acme/words");
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync("../../packages/words", link);
    for (const [at, word] of ["first", "second", "second"].entries()) {
      writeFiles(folder, {
        "package.json": { name: "top", private: true, workspaces: ["apps/*", "packages/*"] },
        "apps/web/package.json": {
          ...{ name: "web", version: `1.0.${at}`, main: "server.js" },
          dependencies: { "@acme/words": "1.0.0" },
        },
        "apps/web/server.js": 'console.log(require("@acme/words"));\n',
        "apps/web/tsugi.config.json": { runtime: { from: standInNode(base) } },
      });
      // The third time nothing of it has changed.
      if (at < 2) {
        writeFiles(join(folder, "packages/words"), {
          "package.json": {
            ...{ name: "@acme/words", version: "1.0.0" },
            exports: { ".": { types: "./src/index.ts", default: "./dist/index.js" } },
            scripts: { build: "mkdir -p dist && cp src/index.ts dist/index.js" },
          },
          "src/index.ts": `module.exports = "${word}";\n`,
        });
      }
      const { stdout, stderr } = await mustTsugi(["release", "--json"], app);
      const { tree } = JSON.parse(stdout) as { tree: string };
      const server = join(tree, `lib/web-1.0.${at}/server.js`);
      assert.equal((await mustRun(process.execPath, [server])).stdout, `${word}\n`);
      assert.equal(/run build \(@acme\/words\)/.test(stderr), at < 2, stderr);
    }
  });

  async function packsWhatIsNeeded(tree: string): Promise<void> {
    const app = join(tree, "lib/web-1.0.0");
    const said = await mustRun(process.execPath, [join(app, "server.js")]);
    assert.equal(said.stdout, "hello leaf\n");
    const paths = Object.keys(snapshot(join(tree, "lib")));
    for (const none of [/heavy/, /@acme\/tools/, /big\.txt/, /index\.ts$/, /apps\//]) {
      assert.deepEqual(
        paths.filter((path) => none.test(path)),
        [],
        String(none),
      );
    }
    const manifest = readFileSync(join(tree, "releases/1.0.0/release.json"), "utf8");
    assert.doesNotMatch(manifest, /heavy/);
  }
});
