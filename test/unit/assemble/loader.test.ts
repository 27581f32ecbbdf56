/** Sources that are loaded by their names when a service runs: what loads them goes along. */
import assert from "node:assert/strict";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { buildApplication } from "../../../src/assemble/application.ts";
import { decideEntry } from "../../../src/assemble/decideEntry.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { projectRoot } from "../../helpers/example.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

describe("a project that tsx starts", () => {
  const { folder: base, remove } = temporaryFolder("loader");
  after(remove);

  const BY_NAME = `import { readdirSync } from "node:fs";
import { join } from "node:path";
import { words } from "./words";
for (const file of readdirSync(join(__dirname, "routes"))) require(join(__dirname, "routes", file));
console.log(words);
`;

  test("goes as it is, with tsx, where folders of sources are loaded by their names", async () => {
    const { mode, loader, paths } = await built("by-name", { "src/main.ts": BY_NAME });
    assert.deepEqual([mode, loader], ["own", "tsx"]);
    for (const path of ["src/main.ts", "src/words.ts", "src/routes/a.ts"]) {
      assert.ok(paths.includes(path), path);
    }
  });

  test("is compiled where all is imported, and where tsx is not installed", async () => {
    const imported = 'import "./routes/a";\nconsole.log(1);\n';
    const whole = await built("imported", { "src/main.ts": imported });
    assert.deepEqual([whole.mode, whole.loader], ["compile", undefined]);
    const bare = await built("bare", { "src/main.ts": BY_NAME }, false);
    assert.deepEqual([bare.mode, bare.loader], ["compile", undefined]);
  });

  async function built(name: string, files: Record<string, string>, isInstalled = true) {
    const folder = join(base, name);
    writeFiles(folder, {
      "package.json": { name, version: "1.0.0", scripts: { start: "tsx src/main.ts" } },
      "src/words.ts": "export const words: string[] = [];\n",
      "src/routes/a.ts": 'import { words } from "../words";\nwords.push("a");\n',
      ...files,
    });
    mkdirSync(join(folder, "node_modules"));
    if (isInstalled) {
      symlinkSync(join(projectRoot, "node_modules/tsx"), join(folder, "node_modules/tsx"));
    }
    const project = readProject(folder);
    const { mode, processes, loader } = decideEntry(project, {}, silentLog);
    const made = await buildApplication(
      {
        ...{ project, mode, processes, loader, isGuessed: true },
        ...{ preloads: [], files: undefined, shared: [], external: [] },
      },
      silentLog,
    );
    return { ...made, paths: made.files.map(({ path }) => path) };
  }
});
