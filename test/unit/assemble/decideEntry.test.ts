/** What is configured of a project's processes, and guesses for the rest. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { decideEntry } from "../../../src/assemble/decideEntry.ts";
import type { Config } from "../../../src/config/schema.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

describe("the processes of a release", () => {
  const { folder, remove } = temporaryFolder("decide");
  after(remove);
  writeFiles(folder, {
    "package.json": {
      name: "x",
      scripts: { start: "TZ=UTC LEVEL=a node --no-warnings web.js --quick" },
      dependencies: { one: "1" },
      devDependencies: { one: "1", two: "1" },
    },
    "web.js": "",
  });
  const decide = (config: Config) => {
    const { processes, nodeArgs, bins } = decideEntry(readProject(folder), config, silentLog);
    return { processes, nodeArgs, bins };
  };
  const plain = { workers: 1, overlap: true };

  test("one without an entry starts what the project starts; what is configured wins", () => {
    const { processes, nodeArgs } = decide({
      processes: { web: { env: { LEVEL: "b" }, workers: 2 }, jobs: { entry: "./jobs.js" } },
    });
    assert.deepEqual(processes, [
      {
        ...{ ...plain, name: "web", candidates: ["web.js"], workers: 2, args: ["--quick"] },
        env: { TZ: "UTC", LEVEL: "b" },
      },
      { ...plain, name: "jobs", candidates: ["jobs.js"] },
    ]);
    assert.deepEqual(nodeArgs, ["--no-warnings"]);
    const own = decide({ processes: { web: { args: [] } }, entry: "other.js", nodeArgs: [] });
    assert.deepEqual(own.processes, [
      { ...plain, name: "web", candidates: ["other.js"], args: [] },
    ]);
    assert.deepEqual(own.nodeArgs, []);
  });

  test("an entry without its ending is found as Node finds it", () => {
    const [main] = decide({ entry: "dist/main" }).processes;
    assert.deepEqual(main!.candidates.slice(0, 2), ["dist/main", "dist/main.js"]);
  });

  test("of a start script that runs several, each other one is proposed once, by its name", () => {
    const several = join(folder, "several");
    const start = 'concurrently "npm:start:web" "npm:start:jobs" "node more.js"';
    writeFiles(several, {
      "package.json": {
        ...{ name: "x", devDependencies: { concurrently: "1" } },
        scripts: {
          ...{ start, "start:jobs": "node jobs.js" },
          "start:web": "test -f .env && node -r dotenv/config web.js || node web.js",
        },
      },
      ...{ "web.js": "", "jobs.js": "", "more.js": "" },
    });
    const notes: string[] = [];
    const log = { ...silentLog, note: (text: string) => notes.push(text) };
    const { processes } = decideEntry(readProject(several), {}, log);
    assert.deepEqual(processes[0]!.candidates, ["web.js"]);
    const proposed = notes.flatMap((text) => /^"(\w+)" .*further process/.exec(text)?.[1] ?? []);
    assert.deepEqual(proposed, ["other", "jobs"]);
    assert.match(notes[0]!, /more\.js/);
  });

  test("that the start script goes to another folder is said: a release does not", () => {
    const beside = join(folder, "beside");
    const scripts = { start: "npm run serve", serve: "cd server && node a.js" };
    writeFiles(beside, { "package.json": { name: "x", scripts }, "server/a.js": "" });
    const notes: string[] = [];
    const log = { ...silentLog, note: (text: string) => notes.push(text) };
    decideEntry(readProject(beside), {}, log);
    assert.match(notes.join(), /goes to server first; a release's working directory is/);
  });

  test("what a start script compiles by is kept, also where a variable says it", () => {
    const other = join(folder, "other");
    for (const start of ["ts-node -P b.json a.ts", "TS_NODE_PROJECT=b.json ts-node a.ts"]) {
      writeFiles(other, { "package.json": { name: "x", scripts: { start } }, "a.ts": "" });
      assert.equal(decideEntry(readProject(other), {}, silentLog).tsconfig, "b.json");
    }
  });

  test("a development package is packed where its command is the entry", () => {
    const entry = (name: string) => decide({ entry: `node_modules/${name}/bin/x.js` }).bins;
    assert.deepEqual([entry("two"), entry("one")], [["two"], []]);
  });
});
