/** The folders that a workspace names, and a start script that leads to one of them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { guessEntry } from "../../../src/assemble/guessEntry.ts";
import { workspaceFolders } from "../../../src/assemble/workspace.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("workspace");
after(remove);

const OTHER_LISTS = "onlyBuiltDependencies:\n  - tools\ncatalog:\n  ws: ^8\n";
const WAYS: Record<string, string> = {
  "a line each": `${OTHER_LISTS}packages:\n  # what runs\n  - "apps/*"\n  - packages/* # what it needs\n\n  - '!tools'\ncatalogs: {}\n`,
  "without an indent": `packages:\n- apps/*\n- 'packages/*'\n${OTHER_LISTS}`,
  "in brackets": `packages: ["apps/*", 'packages/*']\n${OTHER_LISTS}`,
  "in brackets, a line each": `packages: [\n  "apps/*",\n  packages/*,\n]\n${OTHER_LISTS}`,
};

describe("pnpm-workspace.yaml", () => {
  for (const [way, yaml] of Object.entries(WAYS)) {
    test(`its packages, ${way}; a start script that leads to one of them names it`, () => {
      const folder = join(base, way);
      const packageJson = {
        name: "root",
        scripts: { build: "x", start: "pnpm --filter api start" },
      };
      writeFiles(folder, {
        "package.json": packageJson,
        "pnpm-workspace.yaml": yaml,
        "apps/api/package.json": { name: "api", scripts: { start: "node server.js" } },
        "packages/words/package.json": { name: "words" },
        "tools/package.json": { name: "tools", scripts: { start: "node tools.js" } },
      });
      const project = { folder, packageJson };
      assert.deepEqual(workspaceFolders(project), ["apps/api", "packages/words"]);
      assert.throws(() => guessEntry(project), {
        code: "TSUGI_START_ELSEWHERE",
        message: /apps\/api/,
      });
    });
  }
});
