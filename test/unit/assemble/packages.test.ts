/** The production packages of the layouts that npm, pnpm and workspaces leave behind. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import {
  ALL_DEPENDENCIES,
  collectPackages,
  type PackageTree,
} from "../../../src/assemble/packages.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { readProject } from "../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../helpers/projects.ts";

const { folder: base, remove } = temporaryFolder("packages");
after(remove);
let count = 0;

/** A package whose code says where it is and what it gets for each dependency. */
function pack(folder: string, name: string, version: string, needs: string[] = [], more = {}) {
  const dependencies = Object.fromEntries(needs.map((need) => [need, "*"]));
  const values = needs.map((need) => `${JSON.stringify(need)}: require(${JSON.stringify(need)})`);
  writeFiles(folder, {
    "package.json": { name, version, dependencies, ...more },
    "index.js": `module.exports = { is: "${name}@${version}", ${values.join(", ")} };`,
  });
}

function link(from: string, to: string) {
  mkdirSync(dirname(from), { recursive: true });
  symlinkSync(to, from);
}

/** Writes the tree into an empty folder and asks Node what the app would get. */
function asked(tree: PackageTree, names: string[]): Record<string, unknown> {
  const folder = join(base, `tree-${++count}`);
  writeFiles(folder, {
    "app.js": `console.log(JSON.stringify({${names.map((name) => `${JSON.stringify(name)}: require(${JSON.stringify(name)})`)}}))`,
  });
  for (const { path, source } of tree.files) {
    if ("link" in source) link(join(folder, path), source.link);
    else if ("file" in source) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      spawnSync("cp", [source.file, join(folder, path)]);
    }
  }
  const { stdout, stderr } = spawnSync(process.execPath, [join(folder, "app.js")], {
    encoding: "utf8",
  });
  assert.equal(stderr, "");
  return JSON.parse(stdout);
}

const collect = (folder: string, needed = ALL_DEPENDENCIES) =>
  collectPackages(readProject(folder), needed, silentLog);
const paths = (tree: PackageTree) =>
  [
    ...new Set(
      tree.files.map(({ path, source }) =>
        "link" in source ? `${path} → ${source.link}` : dirname(path),
      ),
    ),
  ].sort();

describe("production packages", () => {
  test("what npm hoisted stays hoisted, what it nested stays nested", () => {
    const app = join(base, "npm");
    pack(app, "app", "1.0.0", ["a", "b"]);
    pack(join(app, "node_modules/a"), "a", "1.0.0", ["c"]);
    pack(join(app, "node_modules/b"), "b", "1.0.0", ["c"]);
    pack(join(app, "node_modules/c"), "c", "1.0.0");
    pack(join(app, "node_modules/b/node_modules/c"), "c", "2.0.0");
    pack(join(app, "node_modules/unused"), "unused", "1.0.0");
    const tree = collect(app);
    assert.deepEqual(paths(tree), [
      "node_modules/a",
      "node_modules/b",
      "node_modules/b/node_modules/c",
      "node_modules/c",
    ]);
    assert.deepEqual(asked(tree, ["a", "b"]), {
      a: { is: "a@1.0.0", c: { is: "c@1.0.0" } },
      b: { is: "b@1.0.0", c: { is: "c@2.0.0" } },
    });
  });

  test("pnpm's links stay, relative", () => {
    const app = join(base, "pnpm");
    const store = join(app, "node_modules/.pnpm");
    pack(app, "app", "1.0.0", ["a"]);
    pack(join(store, "a@1.0.0/node_modules/a"), "a", "1.0.0", ["@org/c"]);
    pack(join(store, "@org+c@1.0.0/node_modules/@org/c"), "@org/c", "1.0.0");
    pack(join(store, "dev@1.0.0/node_modules/dev"), "dev", "1.0.0");
    link(join(app, "node_modules/a"), ".pnpm/a@1.0.0/node_modules/a");
    link(join(app, "node_modules/dev"), ".pnpm/dev@1.0.0/node_modules/dev");
    link(join(store, "a@1.0.0/node_modules/@org/c"), "../../../@org+c@1.0.0/node_modules/@org/c");
    const tree = collect(app);
    assert.deepEqual(paths(tree), [
      "node_modules/.pnpm/@org+c@1.0.0/node_modules/@org/c",
      "node_modules/.pnpm/a@1.0.0/node_modules/@org/c → ../../../@org+c@1.0.0/node_modules/@org/c",
      "node_modules/.pnpm/a@1.0.0/node_modules/a",
      "node_modules/a → .pnpm/a@1.0.0/node_modules/a",
    ]);
    assert.deepEqual(asked(tree, ["a"]), {
      a: { is: "a@1.0.0", "@org/c": { is: "@org/c@1.0.0" } },
    });
  });

  test("a workspace: hoisted packages, a sibling as a package, two versions of one", () => {
    const root = join(base, "workspace");
    const app = join(root, "apps/api");
    pack(root, "root", "1.0.0");
    pack(app, "api", "1.0.0", ["hoisted", "shared", "sibling"]);
    pack(join(app, "node_modules/shared"), "shared", "2.0.0");
    pack(join(root, "node_modules/hoisted"), "hoisted", "1.0.0", ["shared"]);
    pack(join(root, "node_modules/shared"), "shared", "1.0.0");
    pack(join(root, "libs/sibling"), "sibling", "1.0.0", ["shared", "own"]);
    pack(join(root, "libs/sibling/node_modules/own"), "own", "1.0.0");
    link(join(root, "node_modules/sibling"), "../libs/sibling");
    const tree = collect(app);
    assert.deepEqual(asked(tree, ["hoisted", "shared", "sibling"]), {
      hoisted: { is: "hoisted@1.0.0", shared: { is: "shared@1.0.0" } },
      shared: { is: "shared@2.0.0" },
      sibling: { is: "sibling@1.0.0", shared: { is: "shared@1.0.0" }, own: { is: "own@1.0.0" } },
    });
    assert.ok(!tree.files.some(({ path }) => path.includes("..")));
  });

  test("packages that need each other", () => {
    const app = join(base, "circle");
    pack(app, "app", "1.0.0", ["a"]);
    writeFiles(join(app, "node_modules/a"), {
      "package.json": { name: "a", version: "1.0.0", dependencies: { b: "*" } },
    });
    writeFiles(join(app, "node_modules/b"), {
      "package.json": { name: "b", version: "1.0.0", dependencies: { a: "*" } },
    });
    assert.deepEqual(paths(collect(app)), ["node_modules/a", "node_modules/b"]);
  });

  test("Prisma's generated client comes along", () => {
    const app = join(base, "prisma");
    pack(app, "app", "1.0.0", ["@prisma/client"]);
    writeFiles(join(app, "node_modules/@prisma/client"), {
      "package.json": { name: "@prisma/client", version: "7.0.0" },
      "index.js": "module.exports = require('.prisma/client');",
    });
    writeFiles(join(app, "node_modules/.prisma/client"), {
      "index.js": "module.exports = 'generated';",
    });
    assert.deepEqual(asked(collect(app), ["@prisma/client"]), { "@prisma/client": "generated" });
  });

  test("an alias keeps its name", () => {
    const app = join(base, "alias");
    pack(app, "app", "1.0.0", ["old"]);
    pack(join(app, "node_modules/old"), "real-name", "4.0.0");
    assert.deepEqual(asked(collect(app), ["old"]), { old: { is: "real-name@4.0.0" } });
  });

  test("a missing one is named with who needs it", () => {
    const app = join(base, "missing");
    pack(app, "app", "1.0.0", ["a", "gone"]);
    pack(join(app, "node_modules/a"), "a", "1.0.0", ["deep-gone"]);
    assert.throws(() => collect(app), {
      code: "TSUGI_PACKAGES_MISSING",
      message: /gone, deep-gone \(of a\)/,
    });
  });

  test("only those that a bundle leaves outside", () => {
    const app = join(base, "bundle");
    pack(app, "app", "1.0.0", ["a", "b"]);
    pack(join(app, "node_modules/a"), "a", "1.0.0");
    pack(join(app, "node_modules/b"), "b", "1.0.0");
    const tree = collect(app, { ...ALL_DEPENDENCIES, only: new Set(["b"]) });
    assert.deepEqual(paths(tree), ["node_modules/b"]);
  });
});
