/** What only the words of a start script name: packed where it is the project's, else said. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { standInNode, writeFiles } from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

describe("tsugi release of what the start script names", () => {
  const builds = new Releasing("release-words");

  async function release(start: string, files: Record<string, string>, more: object = {}) {
    const { folder } = builds;
    writeFiles(folder, {
      "package.json": { name: "small", version: "1.0.0", type: "module", scripts: { start } },
      "tsugi.config.json": { runtime: { from: standInNode(folder) }, ...more },
      "src/server.ts": "const answer: number = 1;\nconsole.log(answer);\n",
      ...files,
    });
    return builds.must();
  }
  const isPacked = (path: string) => existsSync(join(builds.tree, "lib/small-1.0.0", path));

  test("a file is packed, also where nothing else would take it, and whatever names it", async () => {
    const start =
      "APP_RULES=conf/rules.json tsx src/server.ts conf/prod.json --users ./conf/users.csv --pages=conf/pages.txt --port 80 run";
    const { output } = await release(start, {
      "conf/prod.json": "{}",
      "conf/rules.json": "{}",
      "conf/users.csv": "a",
      "conf/pages.txt": "b",
      "conf/other.txt": "c",
      "run/folder.txt": "a word is no folder",
      ".gitignore": "conf\n",
    });
    assert.match(output, /files\s+conf\/prod\.json\s+\(the argument conf\/prod\.json names it\)/);
    assert.match(output, /files\s+conf\/rules\.json\s+\(the variable APP_RULES names it\)/);
    for (const name of ["prod.json", "rules.json", "users.csv", "pages.txt"])
      assert.ok(isPacked(`conf/${name}`), name);
    for (const name of ["conf/other.txt", "run/folder.txt"]) assert.ok(!isPacked(name), name);
  });

  test("of a folder what npm pack would take is packed; one that is ignored is said", async () => {
    const files = { "rules/a.json": "{}", "data/a.txt": "a", ".gitignore": "data\n" };
    const start = "NODE_CONFIG_DIR=./rules tsx src/server.ts --data ./data";
    const { output } = await release(start, files);
    assert.ok(isPacked("rules/a.json"));
    assert.ok(!isPacked("data/a.txt"));
    assert.match(
      output,
      /data, which the argument \.\/data names, is not packed.*shared: \["data"\]/,
    );
    const shared = await release(start, files, { shared: ["data"], version: "1.0.1" });
    assert.doesNotMatch(shared.output, /is not packed/);
  });

  test("a secret, a database and a file of variables are not packed, and what is a secret is said", async () => {
    const key = `-----BEGIN PRIVATE KEY-----\n${"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".repeat(8)}\n-----END PRIVATE KEY-----\n`;
    const start =
      "VARIABLES=./.env.prod tsx src/server.ts --key certs/key.pem --db app.sqlite --outside ../a.txt";
    const { output } = await release(start, {
      "certs/key.pem": key,
      "app.sqlite": "",
      ".env.prod": "A=1\n",
    });
    assert.match(output, /certs\/key\.pem, which .* is not packed: it holds a private key/);
    assert.match(output, /app\.sqlite, which .* is not packed: it looks like what an app writes/);
    for (const path of ["certs/key.pem", "app.sqlite", ".env.prod"])
      assert.ok(!isPacked(path), path);
  });

  test("--list has them as well", async () => {
    await release("tsx src/server.ts conf/prod.json", { "conf/prod.json": "{}" });
    const { stdout } = await builds.must("--list");
    assert.match(stdout, /^ +\d+ B +conf\/prod\.json$/m);
  });
});
