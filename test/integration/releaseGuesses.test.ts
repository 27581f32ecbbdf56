/** What `tsugi release` guesses, and says. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { smallProject, snapshot, standInNode, TEST_NODE, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release: what it guesses, and says", () => {
  const builds = new Releasing("release-guesses");

  test("every guess has a line with the reason", async () => {
    smallProject(builds.folder, { "public/style.css": "" });
    const { stdout } = await builds.must();
    assert.match(stdout, /name\s+small\s+\(package\.json\)/);
    assert.match(stdout, /version\s+1\.0\.0\s+\(package\.json\)/);
    assert.match(stdout, /entry\s+src\/server\.ts\s+\(it is there\)/);
    assert.match(stdout, /build\s+compile\s+\(a TypeScript entry and no build script\)/);
    assert.match(stdout, /files\s+public\/\*\*/);
    assert.match(stdout, new RegExp(`node\\s+${TEST_NODE} for linux-x64`));
    assert.match(stdout, /Start it: .*\/small\/bin\/small start/);
  });

  test("--json: one document on stdout, progress on stderr, errors too", async () => {
    smallProject(builds.folder);
    const { stdout, stderr } = await builds.must("--json");
    const document = JSON.parse(stdout);
    assert.equal(document.version, "1.0.0");
    assert.equal(document.already, false);
    assert.match(document.releaseId, /^[0-9a-f]{64}$/);
    assert.match(stderr, /Compiling/);
    const failed = await builds.run("--json", "--version", "one");
    assert.equal(JSON.parse(failed.stdout).error.code, "TSUGI_VERSION_INVALID");
    assert.equal(failed.status, 1);
  });

  test("a wrong argument is wrong usage", async () => {
    smallProject(builds.folder);
    const result = await builds.run("--nonsense");
    assert.equal(result.status, 2);
    assert.match(result.stderr, /error TSUGI_USAGE/);
  });

  test(".env is not packed, and the message says where it goes", async () => {
    smallProject(builds.folder, {
      "tsugi.config.json": {
        files: ["data/**"],
        runtime: { from: standInNode(builds.folder) },
      },
      ".env": "TOKEN=1",
      ".env.local": "TOKEN=3",
      "data/.env.production": "TOKEN=2",
      "data/words.txt": "a",
    });
    const { stdout } = await builds.must();
    assert.match(stdout, /\.env is not packed: .*<root>\/etc\/env/);
    assert.deepEqual(
      builds.manifest().files.filter(({ path }) => path.includes(".env")),
      [],
    );
  });

  test("files: globs, and what they take out", async () => {
    const config = {
      files: ["data", "!data/private/**"],
      runtime: { from: standInNode(builds.folder) },
    };
    smallProject(builds.folder, {
      "tsugi.config.json": config,
      "data/a.txt": "",
      "data/private/b.txt": "",
    });
    await builds.must();
    const app = Object.keys(snapshot(join(builds.tree, "lib/small-1.0.0")));
    assert.ok(app.includes("data/a.txt"));
    assert.ok(!app.includes("data/private/b.txt"));
  });

  test("a private key is refused, unless it is said why it is none", async () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n".repeat(4)}\n-----END PRIVATE KEY-----\n`;
    const runtime = { from: standInNode(builds.folder) };
    smallProject(builds.folder, {
      "tsugi.config.json": { files: ["keys/*"], runtime },
      "keys/test.pem": key,
    });
    await builds.refused("TSUGI_SECRET_FOUND", /keys\/test\.pem:1 holds a private key/);
    const secrets = { allow: [{ file: "keys/test.pem", reason: "the tests' own" }] };
    writeFiles(builds.folder, { "tsugi.config.json": { files: ["keys/*"], runtime, secrets } });
    await builds.must();
  });
});
