/** Compiled packages: what the release's Node can't load is an error of the build, with what to do. */

import assert from "node:assert/strict";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { refuseUnfitAddons } from "../../src/assemble/native/index.ts";
import { ALL_DEPENDENCIES, collectPackages } from "../../src/assemble/packages.ts";
import { silentLog } from "../../src/pack/log.ts";
import { readProject } from "../../src/pack/project.ts";
import { thisPlatform } from "../../src/platform/thisPlatform.ts";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import {
  mustTsugi,
  smallProject,
  TEST_NODE,
  temporaryFolder,
  tsugi,
  writeFiles,
} from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";

const native = join(projectRoot, "test", "fixtures", "native");
const { arch } = process;

/** Runs code in the packed application, with the packed Node. */
async function inRelease(tree: string, node: string, code: string): Promise<string> {
  const binary = join(tree, "runtime", `node-${node}-linux-${arch}`, "bin", "node");
  return (await mustRun(binary, ["-p", code], { cwd: join(tree, "lib/small-1.0.0") })).stdout;
}

describe("packages with prebuilt addons", () => {
  const builds = new Releasing("release-prebuilt");

  before(async () => {
    if (existsSync(join(native, "node_modules", ".package-lock.json"))) return;
    await mustRun("npm", ["ci", "--ignore-scripts"], { cwd: native, timeoutMs: 600_000 });
  });

  /** bcrypt has prebuilds of all platforms, sharp an optional package for each. */
  const project = () => {
    writeFiles(builds.folder, {
      "package.json": {
        name: "small",
        version: "1.0.0",
        type: "module",
        dependencies: { bcrypt: "*", sharp: "*" },
      },
      "src/server.ts": 'import "bcrypt";\nimport "sharp";\n',
      ".node-version": TEST_NODE,
    });
    cpSync(join(native, "node_modules"), join(builds.folder, "node_modules"), { recursive: true });
  };

  // With the machine's cache: its runtime is there, and compressed.
  const refused = async (words: RegExp) => {
    const { status, stderr } = await tsugi(["release"], builds.folder);
    assert.match(stderr, /error TSUGI_ADDON_UNFIT/);
    assert.match(stderr, words);
    assert.equal(status, 1);
  };

  test("bcrypt and sharp are packed for the release's platform, and run", async () => {
    project();
    await mustTsugi(["release"], builds.folder);
    const code = 'require("bcrypt").hashSync("x", 4).length + require("sharp").format.png.id';
    assert.equal(await inRelease(builds.tree, TEST_NODE, code), "60png\n");
  });

  test("sharp that was installed on another platform", async () => {
    project();
    const images = join(builds.folder, "node_modules", "@img");
    const foreign = { name: "@img/sharp-darwin-arm64", version: "1.0.0" };
    for (const name of [`sharp-linux-${arch}`, `sharp-libvips-linux-${arch}`]) {
      rmSync(join(images, name), { recursive: true });
    }
    writeFiles(images, {
      "sharp-darwin-arm64/package.json": { ...foreign, os: ["darwin"], cpu: ["arm64"] },
    });
    const words = `sharp: has @img/sharp-darwin-arm64 and nothing for linux-${arch}`;
    await refused(new RegExp(words));
  });

  test("bcrypt whose prebuilds are all for others", async () => {
    project();
    rmSync(join(builds.folder, "node_modules/bcrypt/prebuilds", `linux-${arch}`), {
      recursive: true,
    });
    await refused(/bcrypt: prebuilds\/.* more, none of which fits/);
  });
});

describe("packages that are compiled where they are installed", () => {
  const { folder: base, remove } = temporaryFolder("release-compiled");
  const project = join(base, "project");
  /** Of another ABI than what has compiled them. */
  const other = process.versions.modules === "137" ? "22.23.0" : TEST_NODE;

  before(async () => {
    const module = (init: string) => `#include <node.h>\n${init}`;
    const set = `exports->Set(context, v8::String::NewFromUtf8Literal(context->GetIsolate(), "answer"),
        v8::Number::New(context->GetIsolate(), 42)).Check();`;
    const sources: Record<string, string> = {
      // Its ABI stands in the name of a symbol …
      newer: module(`NODE_MODULE_INIT() { ${set} }`),
      // … and here in a variable: only loading it tells.
      older: module(
        `void Init(v8::Local<v8::Object> exports) {
          auto context = exports->GetCreationContext().ToLocalChecked(); ${set} }
        NODE_MODULE(older, Init)`,
      ),
    };
    const dependencies: Record<string, string> = {};
    for (const [name, source] of Object.entries(sources)) {
      writeFiles(join(base, name), {
        "package.json": { name, version: "1.0.0", main: `build/Release/${name}.node` },
        "binding.gyp": { targets: [{ target_name: name, sources: ["addon.cc"] }] },
        "addon.cc": source,
      });
      await mustRun("npm", ["pack", "--pack-destination", base], { cwd: join(base, name) });
      dependencies[name] = `file:../${name}-1.0.0.tgz`;
    }
    writeFiles(project, {
      "package.json": { name: "small", version: "1.0.0", type: "module", dependencies },
      "src/server.ts": 'import "newer";\nimport "older";\n',
    });
    await mustRun("npm", ["install", "--no-audit"], { cwd: project, timeoutMs: 300_000 });
  });
  after(remove);

  const refused = async (words: RegExp[], ...args: string[]) => {
    const { status, stderr, output } = await tsugi(["release", ...args], project);
    assert.equal(status, 1, output);
    assert.match(stderr, /error TSUGI_ADDON_UNFIT/);
    for (const each of words) assert.match(stderr, each);
    assert.ok(!existsSync(buildsIn(project)));
  };

  test("for another ABI: refused, with the command that helps", async () => {
    const was = `was compiled for Node ${process.versions.node.split(".")[0]} \\(ABI ${process.versions.modules}\\), the release carries Node ${other}`;
    await refused(
      [
        new RegExp(`newer: build/Release/newer\\.node ${was}`),
        new RegExp(`older: build/Release/older\\.node ${was}`),
        new RegExp(`→ .*PATH=".*node-${other}-linux.*/bin:\\$PATH" npm rebuild newer older`),
        /tsugi release --node/,
      ],
      "--node",
      other,
    );
  });

  test("for this one: packed without what lay on the way", async () => {
    const application = readProject(project);
    const { files, packages } = collectPackages(application, ALL_DEPENDENCIES, silentLog);
    // The release itself would have to compress another 100 MB of Node: its other steps know no addons.
    const runtime = {
      node: process.execPath,
      version: process.versions.node,
      platform: thisPlatform(),
      dir: "",
      group: { files: [], entries: [], stable: false },
    };
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (text: string) => warnings.push(text) };
    await refuseUnfitAddons({ files, packages }, runtime, "npm", log);
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      files.map(({ path }) => path).filter((path) => path.includes("/build/")),
      ["newer", "older"].map((name) => `node_modules/${name}/build/Release/${name}.node`),
    );
  });

  test("for another machine: refused by the file's header, nothing is run", async () => {
    const file = join(project, "node_modules/newer/build/Release/newer.node");
    const own = readFileSync(file);
    try {
      const foreign = Buffer.from(own);
      const [machine, name] = arch === "arm64" ? [62, "x64"] : [183, "arm64"];
      foreign.writeUInt16LE(machine, 18);
      writeFileSync(file, foreign);
      const words = `newer\\.node is for linux-${name}, the release for linux-${arch}`;
      await refused([new RegExp(words)], "--node", process.versions.node);
    } finally {
      writeFileSync(file, own);
    }
  });

  test("in the project itself", async () => {
    const folder = smallProject(join(base, "own-addon"), {
      "src/server.ts": 'export default new URL("./own.node", import.meta.url);\n',
    });
    const file = join(project, "node_modules/newer/build/Release/newer.node");
    cpSync(file, join(folder, "src/own.node"));
    rmSync(join(folder, "tsugi.config.json"));
    const refusal = await tsugi(["release", "--node", other], folder);
    assert.match(refusal.stderr, /the project: src\/own\.node was compiled for/);
  });
});
