/** What makes `tsugi release` fail, and that the earlier build stays. */
import assert from "node:assert/strict";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, test } from "node:test";
import { smallProject, snapshot, standInNode, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: what fails leaves the earlier build as it was", () => {
  const builds = new Releasing("release-failures");

  beforeEach(async () => {
    smallProject(builds.folder);
    await builds.must();
  });

  test("a build that was killed: the next one sweeps what it left", async () => {
    writeFiles(builds.tree, { ".build-999999999/lib/half": "" });
    await builds.must("--version", "1.0.1");
    assert.ok(!existsSync(join(builds.tree, ".build-999999999")));
    assert.ok(!existsSync(join(builds.tree, ".build.lock")));
  });

  test("a source that does not parse", async () => {
    const before = snapshot(builds.tree);
    writeFiles(builds.folder, { "src/server.ts": "const = ;\n" });
    await builds.refused("TSUGI_BUILD_FAILED", /src\/server\.ts/, "--version", "1.0.1");
    assert.deepEqual(snapshot(builds.tree), before);
  });

  test("an import of a file that is not there", async () => {
    writeFiles(builds.folder, { "src/server.ts": 'import "./gone.ts";\n' });
    await builds.refused("TSUGI_BUILD_FAILED", /gone\.ts/, "--version", "1.0.1");
  });

  test("a build script that fails: its last words are shown", async () => {
    const before = snapshot(builds.tree);
    const scripts = { build: "echo the reason >&2; exit 3", start: "node dist/main.js" };
    writeFiles(builds.folder, { "package.json": { name: "small", version: "1.0.1", scripts } });
    await builds.refused("TSUGI_BUILD_FAILED", /exit code 3[\s\S]*the reason/);
    assert.deepEqual(snapshot(builds.tree), before);
  });

  test("an entry that is not there", async () => {
    rmSync(join(builds.folder, "src"), { recursive: true });
    await builds.refused("TSUGI_ENTRY_MISSING", /src\/server\.ts, src\/main\.ts[\s\S]*entry: "src/);
  });

  test("Yarn's Plug'n'Play, which has no node_modules", async () => {
    const small = { name: "small", version: "1.0.0", dependencies: { "left-pad": "1.3.0" } };
    const scripts = { build: "touch built", start: "left-pad" };
    smallProject(builds.folder, {
      "package.json": { ...small, scripts },
      "yarn.lock": "__metadata:\n  version: 8\n",
      ".pnp.cjs": "",
    });
    await builds.refused("TSUGI_SHAPE_UNFIT", /zip files[\s\S]*→ .*nodeLinker: node-modules/);
    assert.ok(!existsSync(join(builds.folder, "built")));
    writeFiles(builds.folder, {
      "node_modules/left-pad/package.json": { name: "left-pad", bin: "a.js" },
      "node_modules/left-pad/a.js": "",
    });
    await builds.must("--version", "1.0.1");
  });

  test("packages that are not installed", async () => {
    const dependencies = { "left-pad": "1" };
    writeFiles(builds.folder, {
      "package.json": { name: "small", version: "1.0.1", dependencies },
    });
    await builds.refused("TSUGI_PACKAGES_MISSING", /left-pad[\s\S]*npm ci/);
    writeFiles(builds.folder, { "pnpm-lock.yaml": "" });
    await builds.refused("TSUGI_PACKAGES_MISSING", /pnpm install --frozen-lockfile/);
  });

  test("a glob that matches nothing", async () => {
    const config = { files: ["assets/**"], runtime: { from: standInNode(builds.folder) } };
    writeFiles(builds.folder, { "tsugi.config.json": config });
    await builds.refused("TSUGI_FILES_MISSING", /assets\/\*\*/);
  });

  test("a configuration that is wrong, or does not load", async () => {
    writeFiles(builds.folder, { "tsugi.config.json": { entri: "x", timeouts: { readyMs: "1" } } });
    await builds.refused("TSUGI_CONFIG_INVALID", /entri[\s\S]*tsugi help config/);
    rmSync(join(builds.folder, "tsugi.config.json"));
    writeFiles(builds.folder, { "tsugi.config.ts": "export default nothing;\n" });
    await builds.refused("TSUGI_CONFIG_UNREADABLE", /nothing is not defined/);
  });

  test("a builds.folder without a project", async () => {
    await builds.refused("TSUGI_PROJECT_INVALID", /package\.json/, join(builds.folder, "src"));
  });
});
