/** What the cache says is believed for a build, and not for one that is signed. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { groupPackages } from "../../../src/assemble/packageGroup.ts";
import { obtainRuntime } from "../../../src/assemble/runtime.ts";
import { fileAt, seenAt } from "../../../src/pack/fileSet.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { sha256 } from "../../../src/release/manifest.ts";
import { temporaryFolder, useCache } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("signed-cache");
after(remove);
after(useCache(join(folder, "cache")));
const cached = (...parts: string[]) => join(folder, "cache", ...parts);

test("packages are hashed anew", async () => {
  const file = join(folder, "index.js");
  writeFileSync(file, "module.exports = 1;\n");
  const tree = { files: [fileAt("node_modules/ms/index.js", file)], packages: [] };
  const honest = await groupPackages(tree);
  const [name] = readdirSync(cached("packages"));
  const kept = cached("packages", name!);
  const lie = readFileSync(kept, "utf8").replaceAll(
    sha256("module.exports = 1;\n"),
    sha256("evil"),
  );
  writeFileSync(kept, lie);
  assert.notEqual((await groupPackages(tree))?.hash, honest?.hash);
  assert.equal((await groupPackages(tree, true))?.hash, honest?.hash);
});

test("a runtime is held against its SHA-256, whatever its times say", async () => {
  const from = join(folder, "node");
  writeFileSync(from, "node itself", { mode: 0o755 });
  const wanted = { version: "24.21.0", platform: "linux-x64", from };
  const { node } = await obtainRuntime(wanted, folder, silentLog);
  const [name] = readdirSync(cached("runtimes"));
  const record = cached("runtimes", name!, "recorded.json");
  writeFileSync(node, "evil itself");
  const recorded = JSON.parse(readFileSync(record, "utf8"));
  recorded.files[0].seen = seenAt(node);
  writeFileSync(record, JSON.stringify(recorded));
  const packed = async (isSigned: boolean) =>
    readFileSync((await obtainRuntime({ ...wanted, isSigned }, folder, silentLog)).node, "utf8");
  assert.equal(await packed(false), "evil itself");
  assert.equal(await packed(true), "node itself");
});
