/** What of a project's own files an entry reaches. */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { reachedFiles } from "../../../src/assemble/reached.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

describe("the files that an entry reaches", () => {
  const { folder, remove } = temporaryFolder("reached");
  after(remove);
  writeFiles(folder, {
    "package.json": {
      imports: {
        "#conf": "./generated/conf.json",
        "#lib/*": "./lib/*.js",
        "#lib/inner/*": {
          types: "./types/*.d.ts",
          import: "./inner/*.mjs",
          require: "./inner/*.cjs",
        },
        "#package": "fastify",
      },
    },
    "generated/conf.json": "{}",
    "lib/a.js": 'import "#lib/inner/b"; import "#package"; import "#nowhere"; import "#lib/gone";',
    "inner/b.mjs": "",
    "inner/b.cjs": "require('..')",
    "types/b.d.ts": "",
    "main.js": 'const conf = require("#conf"); export * from "#lib/a"; import "./beside.js";',
    "built.mjs":
      'import { createRequire } from "node:module"; createRequire(import.meta.url)("#conf");',
    "beside.js": "",
  });

  test("also by a require that a bundler has put where it is called", () => {
    assert.deepEqual(reachedFiles(folder, "built.mjs"), ["built.mjs", "generated/conf.json"]);
  });

  test("also by the imports of package.json, in each condition of Node's", () => {
    assert.deepEqual(reachedFiles(folder, "main.js"), [
      ...["beside.js", "generated/conf.json", "inner/b.cjs", "inner/b.mjs"],
      ...["lib/a.js", "main.js"],
    ]);
  });
});
