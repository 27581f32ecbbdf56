/** The Node that a release carries. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { mustRun } from "../helpers/commands.ts";
import { mustTsugi, smallProject, TEST_NODE, tsugi, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: the Node it carries", () => {
  const builds = new Releasing("release-runtime");

  const withoutConfig = (files: Record<string, unknown>) => {
    smallProject(builds.folder, files);
    rmSync(join(builds.folder, "tsugi.config.json"));
  };

  test("has to be pinned where CI=true", async () => {
    withoutConfig({});
    const result = await tsugi(["release"], builds.folder, { ...builds.env, CI: "true" });
    assert.match(result.stderr, /TSUGI_NODE_UNPINNED[\s\S]*echo \d+\.\d+\.\d+ > \.node-version/);
    assert.equal(result.status, 1);
  });

  test("is found where the repository has it", async () => {
    smallProject(join(builds.folder, "apps/one"));
    writeFiles(builds.folder, { ".git/HEAD": "", ".nvmrc": "v19\n" });
    rmSync(join(builds.folder, "apps/one/tsugi.config.json"));
    await builds.refused(
      "TSUGI_NODE_UNKNOWN",
      /v19 \(\.\.\/\.\.\/\.nvmrc\)/,
      join(builds.folder, "apps/one"),
    );
  });

  test("no version fits", async () => {
    withoutConfig({ ".nvmrc": "v19\n" });
    await builds.refused("TSUGI_NODE_UNKNOWN", /v19 \(\.nvmrc\)/);
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
      const made = writeFiles(join(builds.base, "mirror"), {
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
      smallProject(builds.folder, {
        "tsugi.config.json": { runtime: { node: TEST_NODE, from: mirror } },
      });
    });
    const cached = join(builds.env.TSUGI_CACHE, "runtimes", `node-${TEST_NODE}-linux-x64`);

    test("is held against SHASUMS256.txt", async () => {
      sums = `${"0".repeat(64)}  ${archive}\n`;
      await builds.refused("TSUGI_RUNTIME_UNAVAILABLE", /SHASUMS256\.txt says 0000/);
      assert.ok(!existsSync(cached));
    });

    test("comes once, as bin/node and LICENSE, and comes again when the cache was changed", async () => {
      const first = await builds.must();
      assert.match(first.stdout, /Node 24\.21\.0 for linux-x64 from http/);
      const names = builds
        .manifest()
        .files.map(({ path }) => path)
        .filter((path) => /^runtime/.test(path));
      assert.deepEqual(
        names.map((path) => path.split("/").slice(2).join("/")),
        ["LICENSE", "bin/node"],
      );
      const second = await builds.must("--version", "1.0.1");
      assert.doesNotMatch(second.stdout, /from http/);
      writeFiles(cached, { "bin/node": `#!/bin/sh\necho ${TEST_NODE} linux-x6\n4` });
      const third = await builds.must("--version", "1.0.2");
      assert.match(third.stdout, /from http/);
      assert.match(readFileSync(join(cached, "bin/node"), "utf8"), /linux-x64/);
    });

    test("a range is resolved, printed and written down", async () => {
      smallProject(builds.folder, {
        "package.json": {
          name: "small",
          version: "1.0.0",
          type: "module",
          engines: { node: "24.20 - 24.21" },
        },
        "tsugi.config.json": { runtime: { from: mirror } },
      });
      const { stdout } = await builds.must();
      assert.match(stdout, /node\s+24\.21\.0\s+\(24\.20 - 24\.21 in engines\.node\)/);
      assert.match(stdout, /Wrote 24\.21\.0 to \.node-version/);
      assert.equal(readFileSync(join(builds.folder, ".node-version"), "utf8"), "24.21.0\n");
    });

    test("two builds at once into one tree take turns", async () => {
      const versions = ["2.0.0", "2.0.1", "2.0.2"];
      await Promise.all(versions.map((version) => builds.must("--version", version)));
      for (const version of versions) {
        const tarball = join(builds.tree, "releases", version, "small.tar.gz");
        await mustTsugi(["verify", tarball], builds.folder, builds.env);
        await mustTsugi(
          ["verify", join(builds.tree, "releases", version)],
          builds.folder,
          builds.env,
        );
      }
    });

    test("two builds at once do each other no harm", async () => {
      rmSync(builds.env.TSUGI_CACHE, { recursive: true, force: true });
      const results = await Promise.all(
        ["one", "two", "three"].map((out) =>
          builds.must("--json", "--out", join(builds.folder, out)),
        ),
      );
      const sums = results.map(({ stdout }) => JSON.parse(stdout).sha256);
      assert.equal(new Set(sums).size, 1);
      assert.ok(existsSync(join(cached, "bin/node")));
    });
  });
});
