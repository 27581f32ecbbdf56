/** packages: "traced": what of the packages is left. */
import assert from "node:assert/strict";
import { mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ALL_DEPENDENCIES, collectPackages } from "../../../src/assemble/packages.ts";
import { tracePackages } from "../../../src/assemble/traced.ts";
import { textFile } from "../../../src/pack/fileSet.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("traced");
after(remove);

const of = (name: string, more: object = {}) => ({ name, version: "1.0.0", ...more });

async function traced(name: string, files: Record<string, unknown>, code: string, whole: string[]) {
  mkdirSync(join(base, name), { recursive: true });
  const folder = realpathSync(join(base, name));
  writeFiles(folder, files);
  return async (prepare = () => {}) => {
    prepare();
    const tree = collectPackages(readProject(folder), ALL_DEPENDENCIES, silentLog);
    const said: string[] = [];
    const request = { folder, files: [textFile("src/a.mjs", code)], entries: ["src/a.mjs"], whole };
    const log = { ...silentLog, guess: (...words: string[]) => said.push(words.join(" ")) };
    const left = await tracePackages(tree, request, log);
    return { paths: left.files.map(({ path }) => path.replace("node_modules/", "")), said };
  };
}

describe("traced packages", () => {
  test("are what compiled code reaches, with what that reads beside itself; others are gone", async () => {
    const run = await traced(
      "plain",
      {
        "package.json": of("app", {
          dependencies: { used: "1", unused: "1", reads: "1", native: "1", byname: "1" },
        }),
        "node_modules/used/package.json": of("used", { main: "a.js" }),
        "node_modules/used/a.js": 'require("./lib/b.js");',
        "node_modules/used/lib/b.js": "",
        "node_modules/used/README.md": "long",
        "node_modules/unused/package.json": of("unused"),
        "node_modules/unused/index.js": "",
        "node_modules/reads/package.json": of("reads"),
        "node_modules/reads/index.js":
          'require("fs").readFileSync(require("path").join(__dirname, "data.txt"));',
        "node_modules/reads/data.txt": "data",
        "node_modules/native/package.json": of("native", { optionalDependencies: { part: "1" } }),
        "node_modules/native/index.js": 'require("./" + process.platform + ".node");',
        "node_modules/native/linux.node": "addon",
        "node_modules/native/helper.js": "",
        "node_modules/part/package.json": of("part"),
        "node_modules/part/libc.so": "",
        "node_modules/byname/package.json": of("byname"),
        "node_modules/byname/index.js": "",
      },
      'import "used"; import "reads"; import "native";',
      ["byname"],
    );
    const { paths, said } = await run();
    assert.deepEqual(paths, [
      ...["byname/index.js", "byname/package.json"],
      ...["helper.js", "index.js", "linux.node", "package.json"].map((name) => `native/${name}`),
      ...["part/libc.so", "part/package.json"],
      ...["reads/data.txt", "reads/index.js", "reads/package.json"],
      ...["used/a.js", "used/lib/b.js", "used/package.json"],
    ]);
    assert.match(said.join(), /packages traced 5 of 6 packages, 0\.0 of 0\.0 MB/);
  });

  test("of pnpm keep their links, as far as those lead to something", async () => {
    const run = await traced(
      "pnpm",
      {
        "package.json": of("app", { dependencies: { used: "1", unused: "1" } }),
        "node_modules/.pnpm/used@1/node_modules/used/package.json": of("used"),
        "node_modules/.pnpm/used@1/node_modules/used/index.js": "",
        "node_modules/.pnpm/unused@1/node_modules/unused/package.json": of("unused"),
        "node_modules/.pnpm/unused@1/node_modules/unused/index.js": "",
      },
      'import "used";',
      [],
    );
    const { paths } = await run(() => {
      for (const name of ["used", "unused"]) {
        const place = join(base, "pnpm", "node_modules", name);
        symlinkSync(`.pnpm/${name}@1/node_modules/${name}`, place);
      }
    });
    const store = ".pnpm/used@1/node_modules/used";
    assert.deepEqual(paths, [`${store}/index.js`, `${store}/package.json`, "used"]);
  });
});
