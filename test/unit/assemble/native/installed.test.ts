/** The default Node is one that fits the addons that are installed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { resolveNode } from "../../../../src/assemble/nodeVersion.ts";
import { silentLog } from "../../../../src/pack/log.ts";
import { readProject } from "../../../../src/pack/project.ts";
import { temporaryFolder, writeFiles } from "../../../helpers/projects.ts";

const NOT_IN_CI = process.env.CI;

async function defaultNode(
  files: Record<string, unknown>,
): Promise<{ major: string; why: string }> {
  const { folder, remove } = temporaryFolder("installed");
  delete process.env.CI;
  try {
    const packages = { name: "x", dependencies: { one: "1" }, devDependencies: { dev: "1" } };
    writeFiles(folder, { "package.json": packages, ...files });
    let said = "";
    const guess = (_: string, __: string, why: string) => {
      said = why;
    };
    const given = { flag: undefined, config: undefined, writes: true };
    const { version } = await resolveNode(readProject(folder), given, { ...silentLog, guess });
    return { major: version.split(".")[0]!, why: said };
  } finally {
    if (NOT_IN_CI !== undefined) process.env.CI = NOT_IN_CI;
    remove();
  }
}

const compiled = (name: string, abi: number | "any", dependencies = {}) => ({
  [join("node_modules", name, "package.json")]: { name, version: "1.0.0", dependencies },
  [join("node_modules", name, "build/Release/a.node")]:
    abi === "any" ? "napi_register_module_v1" : `\0node_register_module_v${abi}\0`,
});

test("of those that were compiled for one Node, that one, if a release can have it", async () => {
  assert.deepEqual(await defaultNode(compiled("one", 127)), {
    major: "22",
    why: "what one is installed for",
  });
  const deep = { ...compiled("one", "any", { two: "1" }), ...compiled("two", 115) };
  assert.deepEqual(await defaultNode(deep), { major: "20", why: "what two is installed for" });
});

test("of those that engines.node allows", async () => {
  const engines = (node: string) => ({
    "package.json": { name: "x", dependencies: { one: "1" }, engines: { node } },
    ...compiled("one", 127),
  });
  const wide = await defaultNode(engines(">=20 <=26.x.x"));
  assert.deepEqual(wide, { major: "22", why: "what one is installed for" });
  assert.equal((await defaultNode(engines(">=24"))).major, "24");
});

test("else the newest LTS: nothing compiled, Node-API, too old, contradicting, development's", async () => {
  for (const files of [
    {},
    compiled("one", "any"),
    compiled("one", 108),
    { ...compiled("one", 127, { two: "1" }), ...compiled("two", 115) },
    compiled("dev", 127),
  ]) {
    assert.deepEqual(await defaultNode(files), { major: "24", why: "the newest LTS" });
  }
});

test("what node-gyp has noted counts where the bytes say nothing", async () => {
  const files = {
    ...compiled("one", 1),
    "node_modules/one/build/Release/a.node": "\x7fELF",
    "node_modules/one/build/config.gypi": '{ "variables": { "node_module_version": 127 } }',
  };
  assert.equal((await defaultNode(files)).major, "22");
});
