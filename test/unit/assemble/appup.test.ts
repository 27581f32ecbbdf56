import assert from "node:assert/strict";
import { chmodSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { decideAppup, placeAppup } from "../../../src/assemble/appup.ts";
import { onlyAppup } from "../../../src/assemble/appupModule.ts";
import { checkConfig } from "../../../src/config/load.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("appup");
after(remove);
writeFiles(folder, {
  "migrate.ts": "export {};\n",
  "sql/1.sql": "select 1;\n",
  "node_modules/knex/package.json": { name: "knex", version: "3.0.0" },
  "node_modules/knex/bin/cli.js": "#!/usr/bin/env node\n",
  "node_modules/.bin/.keep": "",
});
chmodSync(join(folder, "node_modules/knex/bin/cli.js"), 0o755);
symlinkSync("../knex/bin/cli.js", join(folder, "node_modules/.bin/knex"));

const commandOf = (run: string[]) => decideAppup(folder, { before: [run] })!;

describe("a command of an appup", () => {
  test("names files of the project, which are packed and named by their place", () => {
    const decision = commandOf(["node", "./migrate.ts", "./sql", "--all"]);
    assert.deepEqual(decision.sources, ["migrate.ts"]);
    assert.deepEqual(
      decision.files.map(({ path }) => path),
      ["sql/1.sql"],
    );
    const placed = placeAppup(decision.appup, (path) => path.replace(/ts$/, "mjs"));
    assert.deepEqual(placed.before[0]?.command, ["node", "./migrate.mjs", "./sql", "--all"]);
    assert.equal(placed.before[0]?.label, "node ./migrate.ts ./sql --all");
  });

  test("that is a source is run by node", () => {
    assert.deepEqual(commandOf(["./migrate.ts"]).appup.before[0]?.command, [
      "node",
      "./migrate.ts",
    ]);
  });

  test("of a package is found as in a script of package.json, and the package is packed", () => {
    const { appup, packages } = commandOf(["knex", "migrate:latest"]);
    const command = ["node", "./node_modules/knex/bin/cli.js", "migrate:latest"];
    assert.deepEqual(appup.before[0]?.command, command);
    assert.deepEqual(
      packages.map(({ name }) => name),
      ["knex"],
    );
    assert.deepEqual(placeAppup(appup, () => "elsewhere").before[0]?.command, command);
  });

  test("that names what is not there is refused by the build", () => {
    assert.throws(() => commandOf(["node", "./migrations.ts"]), {
      code: "TSUGI_CONFIG_INVALID",
      message: /before names \.\/migrations\.ts, which is not there/,
    });
  });

  test("that is a text is refused, with the way to write it", () => {
    assert.throws(() => decideAppup(folder, { after: ["npm run migrate"] }), /a list of arguments/);
  });
});

describe("the configuration", () => {
  const refused = (appup: unknown, words: RegExp) =>
    assert.rejects(checkConfig({ appup }, "tsugi.config.ts"), (error: Error) => {
      assert.match(error.message, words);
      return true;
    });

  test("says what a step may be", () =>
    refused({ before: [42] }, /appup\.before\.0: expected a command as a list of arguments/));

  test("wants a reason for what it forbids, and ranges that are ranges", async () => {
    await refused({ forbid: [{ from: "1.x" }] }, /appup\.forbid\.0\.reason/);
    await refused({ forbid: [{ from: "one", reason: "no" }] }, /a range of versions such as 1\.x/);
    await refused({ force: [{ from: "1.x", use: "swap" }] }, /appup\.force\.0\.use/);
  });
});

describe("the functions of a configuration are cut out of it", () => {
  const cut = (code: string) => onlyAppup(code, "tsugi.config.ts");

  test("however the object is exported, and no line moves", () => {
    const object = '{\n  store: "ssh://ours",\n  appup: { before: [migrate] },\n  files: [],\n}';
    for (const code of [
      `export default defineConfig(${object});`,
      `export default ${object} satisfies Config;`,
      `const config: Config = ${object};\nexport default config;`,
      `const config = defineConfig(${object} as const);\nexport default config;`,
    ]) {
      const result = cut(`${code}\n`);
      assert.match(result, /\{\s*appup: \{ before: \[migrate\] \}\s*\}/);
      assert.doesNotMatch(result, /ours|files/);
      const lineOf = (text: string) => text.slice(0, text.indexOf("migrate")).split("\n").length;
      assert.equal(lineOf(result), lineOf(code));
    }
  });

  test("one that is made elsewhere is refused", () => {
    for (const code of [
      "export default make();",
      "export default { ...base };",
      "module.exports = {};",
    ]) {
      assert.throws(() => cut(code), { code: "TSUGI_CONFIG_INVALID" });
    }
  });
});
