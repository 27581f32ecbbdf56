/** What a shape packs: outputs that carry their own packages get no others. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { recogniseShape } from "../../../src/assemble/shapes/index.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const STARTED = "PORT=80 node .next/standalone/server.js";

describe("the packages of a shape", () => {
  const { folder, remove } = temporaryFolder("shapes");
  after(remove);

  const STANDALONE = { "next.config.ts": 'export default { output: "standalone" };\n' };
  const CARRY: [string, string[], string | undefined, Record<string, string>?][] = [
    ["Nuxt", ["nuxt"], undefined],
    ["Nuxt, its output started by hand", ["nuxt"], "node .output/server/index.mjs"],
    ["Nitro", ["nitropack"], undefined],
    ["TanStack Start", ["@tanstack/react-start", "nitro"], "node .output/server/index.mjs"],
    ["Next's standalone output", ["next"], "next start", STANDALONE],
    ["the same, started as its guide has it", ["next"], STARTED, STANDALONE],
  ];
  for (const [name, packages, start, files] of CARRY) {
    test(`${name} has its own`, () => {
      const shape = shapeOf(packages, start, files);
      assert.equal(shape?.packages, "none");
      assert.equal(shape?.onlyOutputs, true);
    });
  }

  test("a server of your own needs those of the project", () => {
    const shape = shapeOf(["next"], "node server.js", STANDALONE);
    assert.deepEqual([shape?.packages, shape?.outputs], [undefined, [".next"]]);
  });

  let count = 0;
  function shapeOf(packages: string[], start: string | undefined, files = {}) {
    const at = join(folder, String(count++));
    const dependencies = Object.fromEntries(packages.map((one) => [one, "*"]));
    writeFiles(at, { "package.json": { name: "x", scripts: { start }, dependencies }, ...files });
    return recogniseShape(readProject(at));
  }
});
