/** A write of the release handler fails: what is true afterwards. All labels: `npm run long -- crash`. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { layoutOf } from "../../../src/release/layout.ts";
import { FaultFolder } from "../../helpers/crash/faultFolder.ts";
import { handmadeRelease, temporaryFolder, writeTarball } from "../../helpers/handmadeRelease.ts";

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const faults = new FaultFolder(folder.at("faults"));
// Read when the module is loaded.
process.env.TSUGI_FAULT = faults.path;
const { createReleaseHandler } = await import("../../../src/handler/index.ts");
const { appendDurably } = await import("../../../src/platform/files.ts");

let hosts = 0;

/** 0.0.1 is permanent, 0.0.2 installed. */
async function host() {
  hosts += 1;
  const root = folder.at(`root${hosts}`);
  mkdirSync(join(root, "releases"), { recursive: true });
  const layout = layoutOf(root, "wall");
  const handler = createReleaseHandler(layout);
  for (const version of ["0.0.1", "0.0.2"]) {
    await handler.unpack({ source: await writeTarball(folder.at("a"), handmadeRelease(version)) });
  }
  await handler.commit("0.0.1");
  await handler.install("0.0.2");
  return { layout, handler };
}

const temporaries = (path: string) => readdirSync(path).filter((name) => name.endsWith(".tmp"));

for (const label of [
  "permanent:renamed",
  "releases:write",
  "releases:rename",
  "releases:renamed",
]) {
  test(`a commit whose ${label} fails is one: permanent names the release already`, async () => {
    const { layout, handler } = await host();
    faults.arm(`${label}#1=eio`);
    assert.match(String(await handler.commit("0.0.2")), /EIO/);
    assert.match(readFileSync(layout.permanent, "utf8"), /^0\.0\.2 /);
    assert.equal((await handler.entry("0.0.2")).status, "permanent");
    assert.deepEqual(temporaries(layout.releases), []);
  });
}

test("a commit whose permanent:rename fails is none, and leaves nothing", async () => {
  const { layout, handler } = await host();
  faults.arm("permanent:rename#1=eio");
  await assert.rejects(handler.commit("0.0.2"), /EIO/);
  assert.match(readFileSync(layout.permanent, "utf8"), /^0\.0\.1 /);
  assert.deepEqual(temporaries(layout.releases), []);
});

test("what is still written as current, because a fall back failed, can be installed again", async () => {
  const { handler } = await host();
  faults.arm("releases:write#1=eio");
  await assert.rejects(handler.fallBack("0.0.2"), /EIO/);
  await handler.install("0.0.2");
  await handler.commit("0.0.2");
});

test("a removal whose folder could not be synced is done all the same", async () => {
  const { layout, handler } = await host();
  await handler.fallBack("0.0.2");
  faults.arm("remove:renamed#1=eio");
  await handler.remove("0.0.2");
  assert.ok(!existsSync(layout.release("0.0.2").dir));
  assert.ok(!existsSync(layout.library("wall-0.0.2")));
});

test("a removal that a crash has cut off is ended by the next start, and by a prune", async () => {
  for (const next of ["recover", "prune"] as const) {
    const { layout, handler } = await host();
    await handler.fallBack("0.0.2");
    const { manifest, dir } = layout.release("0.0.2");
    renameSync(manifest, `${manifest}.tmp`);
    await (next === "recover" ? handler.recover() : handler.prune(5, []));
    assert.ok(!existsSync(dir), next);
    assert.ok(!existsSync(layout.library("wall-0.0.2")), next);
  }
});

test("what a crash has left of the write of a manifest is swept away", async () => {
  const { layout, handler } = await host();
  writeFileSync(`${layout.release("0.0.2").manifest}.4711.tmp`, "{");
  await handler.recover();
  assert.deepEqual(temporaries(layout.release("0.0.2").dir), []);
});

test("a line after one that was cut off is a line of its own", async () => {
  const log = folder.at("log");
  await appendDurably("report", log, "one\n");
  writeFileSync(log, "one\ntw");
  await appendDurably("report", log, "three\n");
  await appendDurably("report", log, "four\n");
  assert.equal(readFileSync(log, "utf8"), "one\ntw\nthree\nfour\n");
});
