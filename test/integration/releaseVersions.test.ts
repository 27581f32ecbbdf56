/** The versions of releases, and what must not be overwritten. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mustRun } from "../helpers/commands.ts";
import {
  smallProject,
  snapshot,
  standInNode,
  TEST_NODE,
  tsugi,
  writeFiles,
} from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: versions", () => {
  const builds = new Releasing("release-versions");

  test("the same again is built already; other bytes are refused, and the earlier build stays", async () => {
    smallProject(builds.folder);
    await builds.must();
    const before = snapshot(builds.tree);
    assert.match((await builds.must()).stdout, /Built already/);
    writeFiles(builds.folder, { "src/server.ts": "console.log('changed');\n" });
    await builds.refused(
      "TSUGI_VERSION_EXISTS",
      /1\.0\.0 is built already, with other bytes: lib\/small-1\.0\.0\/\S+ differs[\s\S]*--version git/,
    );
    assert.deepEqual(snapshot(builds.tree), before);
    await builds.must("--version", "1.0.1");
    for (const path of Object.keys(before)) {
      if (path !== "releases/permanent" && path !== ".last")
        assert.equal(snapshot(builds.tree)[path], before[path], path);
    }
    assert.match(builds.inTree("releases/permanent"), /^1\.0\.1 /);
  });

  test("with a build script, what is packed is compared: hosts and notes may change, files may not", async () => {
    smallProject(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        scripts: {
          build: "mkdir -p dist && cp src/main.js dist",
          start: "node dist/main.js",
        },
      },
      "src/main.js": "console.log(1);",
      ".npmignore": "notes.md\nsrc\n",
    });
    await builds.must();
    const config = join(builds.folder, "tsugi.config.json");
    const environments = { production: { hosts: ["app1"], root: "/srv/other" } };
    writeFiles(builds.folder, {
      "tsugi.config.json": JSON.stringify({
        ...JSON.parse(readFileSync(config, "utf8")),
        environments,
      }),
      "notes.md": "what we have thought of it",
    });
    const again = await builds.must();
    assert.match(again.stdout, /Built already/);
    writeFiles(builds.folder, { "src/main.js": "console.log(2);" });
    const words = /other bytes: lib\/small-1\.0\.0\/dist\/main\.js differs/;
    await builds.refused("TSUGI_VERSION_EXISTS", words);
  });

  test("the last few builds stay, and what they share", async () => {
    smallProject(builds.folder);
    const told: string[][] = [];
    for (let patch = 0; patch < 7; patch += 1) {
      const { stdout } = await builds.must("--version", `1.0.${patch}`);
      told.push(stdout.split("\n").filter((line) => /Removed, as the last 5 builds/.test(line)));
    }
    assert.deepEqual(told.slice(0, 5).flat(), []);
    assert.match(told[5]!.join("\n"), /stay: 1\.0\.0 in .*releases$/);
    assert.match(told[6]!.join("\n"), /stay: 1\.0\.1 in .*releases$/);
    const kept = readdirSync(join(builds.tree, "releases")).filter((name) => name !== "permanent");
    assert.deepEqual(kept.sort(), ["1.0.2", "1.0.3", "1.0.4", "1.0.5", "1.0.6"]);
    const lib = readdirSync(join(builds.tree, "lib")).filter((name) => name.startsWith("small-"));
    assert.equal(lib.length, 5);
    await builds.must("--version", "1.0.6");
  });

  test("what is no semantic version is refused", async () => {
    smallProject(builds.folder);
    await builds.refused("TSUGI_VERSION_INVALID", /"1\.0"/, "--version", "1.0");
    await builds.refused("TSUGI_VERSION_INVALID", /"v1\.0\.0"/, "--version", "v1.0.0");
  });

  test('"git" gives each commit its own', async () => {
    smallProject(builds.folder, { ".gitignore": "rel\n" });
    await builds.refused("TSUGI_GIT_FAILED", /git says/, "--version", "git");
    const who = ["-c", "user.name=a", "-c", "user.email=a@b"];
    const git = (...args: string[]) => mustRun("git", [...who, ...args], { cwd: builds.folder });
    await git("init", "-q");
    await git("add", "-A");
    await git("commit", "-qm", "one");
    await builds.must("--version", "git");
    await git("commit", "-qm", "two", "--allow-empty");
    const commit = (await git("rev-parse", "HEAD")).stdout.slice(0, 8);
    const { stdout } = await builds.must("--version", "git", "--json");
    assert.equal(JSON.parse(stdout).version, `1.0.0+2.${commit}`);
    writeFiles(builds.folder, { "src/server.ts": "console.log('not committed');\n" });
    const dirty = await tsugi(
      ["release", "--version", "git", "--out", "other"],
      builds.folder,
      builds.env,
    );
    assert.match(dirty.stdout, /! The working copy has changes/);
  });

  test("a Node-only upgrade is an ordinary release with a new version", async () => {
    smallProject(builds.folder);
    await builds.must();
    const from = standInNode(join(builds.folder, "newer"), "24.22.0");
    writeFiles(builds.folder, { "tsugi.config.json": { runtime: { from } } });
    await builds.must("--version", "1.0.1");
    assert.equal(builds.manifest("1.0.1").runtime.version, "24.22.0");
    const app = (version: string) =>
      builds.manifest(version).components.find(({ name }) => name === "app")!.hash;
    assert.equal(app("1.0.0"), app("1.0.1"));
  });

  test("a shared builds.folder is never overwritten with other bytes", async () => {
    smallProject(builds.folder);
    await builds.must();
    const before = snapshot(builds.tree);
    writeFiles(builds.folder, { "stand-in/LICENSE": "another, longer licence\n" });
    writeFiles(builds.folder, {
      "stand-in/bin/node": `#!/bin/sh\n# other\necho ${TEST_NODE} linux-x64\n`,
    });
    await builds.refused(
      "TSUGI_TREE_CONFLICT",
      /runtime\/node-\S+ belongs to 1\.0\.0/,
      "--version",
      "1.0.1",
    );
    assert.deepEqual(snapshot(builds.tree), before);
  });
});
