import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTakenByTsConfig } from "../../../src/assemble/tsconfig.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

describe("a file of the project's own build", () => {
  const ts = "tsugi.config.ts";
  const cases: [name: string, isTaken: boolean, files: Record<string, unknown>, path?: string][] = [
    ["no tsconfig", false, {}],
    ["no include", true, { "tsconfig.json": {} }],
    ["comments and commas", true, { "tsconfig.json": '{ // "files": []\n /* , */ "a": "//", }' }],
    ["src", false, { "tsconfig.json": { include: ["src"] } }],
    ["src/**/*", false, { "tsconfig.json": { include: ["./src/**/*"] } }],
    [".", true, { "tsconfig.json": { include: ["."] } }],
    ["**/*.ts", true, { "tsconfig.json": { include: ["**/*.ts", "**/*.tsx"] } }],
    ["*.ts", true, { "tsconfig.json": { include: ["./*.ts"] } }],
    ["left out", false, { "tsconfig.json": { exclude: ["*.config.ts"] } }],
    ["references alone", false, { "tsconfig.json": { files: [], references: [] } }],
    [
      "the one of the build",
      true,
      { "tsconfig.json": { include: ["src"] }, "tsconfig.build.json": { include: ["**/*"] } },
    ],
    [
      "what it extends",
      false,
      { "tsconfig.json": { extends: "./etc/base" }, "etc/base.json": { include: ["../src"] } },
    ],
    ["JavaScript", false, { "tsconfig.json": {} }, "tsugi.config.mjs"],
    [
      "JavaScript that is taken too",
      true,
      { "tsconfig.json": { compilerOptions: { allowJs: true } } },
      "tsugi.config.mjs",
    ],
    [
      "JavaScript that is checked",
      true,
      { "tsconfig.json": { compilerOptions: { checkJs: true } } },
      "tsugi.config.mjs",
    ],
    [
      "what it extends, from its own folder",
      true,
      {
        "tsconfig.json": { extends: "./etc/base" },
        "etc/base.json": { include: ["$" + "{configDir}/**/*"] },
      },
    ],
  ];
  for (const [name, isTaken, files, path = ts] of cases) {
    test(`${name}: ${isTaken ? "taken" : "not taken"}`, (t) => {
      const { folder, remove } = temporaryFolder("tsconfig-1.0");
      t.after(remove);
      writeFiles(folder, { "src/a.ts": "", ...files });
      assert.equal(isTakenByTsConfig(folder, path), isTaken);
    });
  }
});
