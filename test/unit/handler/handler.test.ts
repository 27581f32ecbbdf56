import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { layoutOf, parsePermanent } from "../../../src/release/layout.ts";
import { handmadeRelease, temporaryFolder, writeTarball } from "../../helpers/handmadeRelease.ts";

/** A root with these releases unpacked, the first one permanent. */
async function host(...versions: string[]) {
  const folder = temporaryFolder();
  const root = folder.at("root");
  mkdirSync(join(root, "releases"), { recursive: true });
  const layout = layoutOf(root, "wall");
  const handler = createReleaseHandler(layout);
  for (const version of versions) {
    const source = await writeTarball(folder.at("a.tar.gz"), handmadeRelease(version));
    await handler.unpack({ source });
  }
  await handler.commit(versions[0]!);
  const statuses = async () =>
    Object.fromEntries(
      (await handler.list()).releases.map(({ version, status }) => [version, status]),
    );
  return { folder, root, layout, handler, statuses, [Symbol.dispose]: folder[Symbol.dispose] };
}

const hasCode = (code: string) => (error: unknown) =>
  error instanceof TsugiError && error.code === code;

test("a release goes from unpacked over current to permanent, and its predecessor becomes old", async () => {
  using at = await host("0.0.1", "0.0.2");
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  await at.handler.install("0.0.2");
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "current" });
  await at.handler.commit("0.0.2");
  assert.deepEqual(await at.statuses(), { "0.0.1": "old", "0.0.2": "permanent" });
  const pointer = parsePermanent(readFileSync(at.layout.permanent, "utf8"));
  assert.deepEqual(
    [pointer?.version, pointer?.runtimeDir, pointer?.tsugiDir],
    ["0.0.2", "node-20.20.0-linux-x64", "tsugi-0.1.0"],
  );
});

test("a fall back makes a current release what it was before", async () => {
  using at = await host("0.0.1", "0.0.2");
  await at.handler.install("0.0.2");
  await at.handler.fallBack("0.0.2");
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  await at.handler.install("0.0.2");
  await at.handler.commit("0.0.2");
  await at.handler.install("0.0.1");
  await at.handler.fallBack("0.0.1");
  assert.deepEqual(await at.statuses(), { "0.0.1": "old", "0.0.2": "permanent" });
});

test("what merely lies unpacked can't be committed", async () => {
  using at = await host("0.0.1", "0.0.2");
  await assert.rejects(at.handler.commit("0.0.2"), hasCode("TSUGI_STATUS_REFUSED"));
});

test("a rollback goes to the release that was permanent before, and back again", async () => {
  using at = await host("0.0.1", "0.0.2", "0.0.3");
  await assert.rejects(at.handler.rollbackTarget(), hasCode("TSUGI_NOTHING_TO_ROLL_BACK_TO"));
  for (const version of ["0.0.2", "0.0.3"]) {
    await at.handler.install(version);
    await at.handler.commit(version);
  }
  assert.equal(await at.handler.rollbackTarget(), "0.0.2");
  await at.handler.install("0.0.2");
  await at.handler.commit("0.0.2");
  assert.equal(await at.handler.rollbackTarget(), "0.0.3");
});

test("a release that was rolled back from is no target of the next rollback, until it is permanent again", async () => {
  using at = await host("0.0.1", "0.0.2", "0.0.3", "0.0.4");
  const go = async (version: string, how?: { rollback: boolean }) => {
    await at.handler.install(version);
    await at.handler.commit(version, how);
  };
  await go("0.0.2");
  await go("0.0.3");
  await go("0.0.2", { rollback: true });
  assert.equal(await at.handler.rollbackTarget(), "0.0.1");
  await go("0.0.1", { rollback: true });
  await assert.rejects(at.handler.rollbackTarget(), hasCode("TSUGI_NOTHING_TO_ROLL_BACK_TO"));
  await go("0.0.4");
  assert.equal(await at.handler.rollbackTarget(), "0.0.1");
  await go("0.0.3");
  await go("0.0.4");
  assert.equal(await at.handler.rollbackTarget(), "0.0.3");
});

test("after a crash with a current release the registry says permanent and unpacked", async () => {
  using at = await host("0.0.1", "0.0.2");
  await at.handler.install("0.0.2");
  await at.handler.recover();
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "unpacked" });
});

test("a crash between the rename of permanent and the registry is made good", async () => {
  using at = await host("0.0.1", "0.0.2");
  await at.handler.install("0.0.2");
  const before = readFileSync(at.layout.releaseList);
  await at.handler.commit("0.0.2");
  writeFileSync(at.layout.releaseList, before);
  writeFileSync(`${at.layout.releaseList}.123.tmp`, "{ half");
  await at.handler.recover();
  assert.deepEqual(await at.statuses(), { "0.0.1": "old", "0.0.2": "permanent" });
  assert.ok(!existsSync(`${at.layout.releaseList}.123.tmp`));
  assert.equal(await at.handler.rollbackTarget(), "0.0.1");
});

test("a registry that is missing or torn is made up from what lies there", async () => {
  using at = await host("0.0.1", "0.0.2");
  writeFileSync(at.layout.releaseList, '{ "format": 1, "rel');
  await at.handler.recover();
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "unpacked" });
});

test("permanent, current and used releases can't be removed", async () => {
  using at = await host("0.0.1", "0.0.2", "0.0.3");
  await at.handler.install("0.0.2");
  await assert.rejects(at.handler.remove("0.0.1"), hasCode("TSUGI_STATUS_REFUSED"));
  await assert.rejects(at.handler.remove("0.0.2"), hasCode("TSUGI_STATUS_REFUSED"));
  await assert.rejects(at.handler.remove("0.0.3", ["0.0.3"]), hasCode("TSUGI_STATUS_REFUSED"));
  await assert.rejects(at.handler.remove("9.9.9"), hasCode("TSUGI_RELEASE_NOT_FOUND"));
  await at.handler.remove("0.0.3");
  assert.deepEqual(await at.statuses(), { "0.0.1": "permanent", "0.0.2": "current" });
});

test("the only release of a root can't be removed, though it was never started: bin/<app> is run from it", async () => {
  using folder = temporaryFolder();
  mkdirSync(folder.at("root/releases"), { recursive: true });
  const handler = createReleaseHandler(layoutOf(folder.at("root"), "wall"));
  const source = await writeTarball(folder.at("a.tar.gz"), handmadeRelease("0.0.1"));
  await handler.unpack({ source });
  await assert.rejects(handler.remove("0.0.1"), hasCode("TSUGI_STATUS_REFUSED"));
});

test("with a release go the folders that no other one names, and only those", async () => {
  using at = await host("0.0.1", "0.0.2");
  mkdirSync(join(at.root, "lib/by-hand"));
  await at.handler.remove("0.0.2");
  assert.ok(!existsSync(join(at.root, "lib/wall-0.0.2")));
  assert.ok(!existsSync(join(at.root, "releases/0.0.2")));
  for (const folder of ["lib/wall-0.0.1", "lib/packages-0a0b0c0d", "lib/by-hand"]) {
    assert.ok(existsSync(join(at.root, folder)), folder);
  }
  await at.handler.verify("0.0.1", true);
});

test("what a release has brought under names of its own goes with it, and nothing beside it", async () => {
  using at = await host("0.0.1");
  const extra = {
    "lib/extra/deep/a.mjs": { bytes: "a" },
    "lib/extra/link": { link: "deep/a.mjs" },
    "lib/both/shared.mjs": { bytes: "shared" },
    "lib/mixed/a.mjs": { bytes: "a" },
  };
  const { "lib/both/shared.mjs": both } = extra;
  for (const [version, files] of [
    ["0.0.2", extra],
    ["0.0.3", { "lib/both/shared.mjs": both }],
  ] as const) {
    const source = await writeTarball(
      at.folder.at("a.tar.gz"),
      handmadeRelease(version, { ...files }),
    );
    await at.handler.unpack({ source });
  }
  writeFileSync(join(at.root, "lib/mixed/of-a-person.txt"), "mine");
  await at.handler.remove("0.0.2");
  assert.ok(!existsSync(join(at.root, "lib/extra")));
  assert.ok(!existsSync(join(at.root, "lib/mixed/a.mjs")));
  assert.ok(existsSync(join(at.root, "lib/mixed/of-a-person.txt")));
  assert.ok(existsSync(join(at.root, "lib/both/shared.mjs")));
  await at.handler.verify("0.0.3", true);
  await at.handler.remove("0.0.3");
  assert.ok(!existsSync(join(at.root, "lib/both")));
});

test("what lies behind a link in such a place is not the release's", async () => {
  using at = await host("0.0.1");
  const release = handmadeRelease("0.0.2", { "lib/extra/a.mjs": { bytes: "a" } });
  await at.handler.unpack({ source: await writeTarball(at.folder.at("a.tar.gz"), release) });
  const elsewhere = at.folder.at("elsewhere");
  renameSync(join(at.root, "lib/extra"), elsewhere);
  symlinkSync(elsewhere, join(at.root, "lib/extra"));
  await at.handler.remove("0.0.2");
  assert.ok(existsSync(join(elsewhere, "a.mjs")));
});

test("a prune keeps the newest, and always permanent, rollback target and what is in use", async () => {
  using at = await host("0.0.1", "0.0.2", "0.0.3", "0.0.4", "0.0.5");
  await at.handler.install("0.0.2");
  await at.handler.commit("0.0.2");
  assert.deepEqual(await at.handler.prune(5, []), []);
  assert.deepEqual(await at.handler.prune(4, []), ["0.0.3"]);
  assert.deepEqual(await at.handler.prune(1, ["0.0.4"]), ["0.0.5"]);
  assert.deepEqual(Object.keys(await at.statuses()).sort(), ["0.0.1", "0.0.2", "0.0.4"]);
});

test("what is written at the same time undoes nothing of each other", async () => {
  using at = await host("0.0.1", "0.0.2");
  await at.handler.install("0.0.2");
  const verified = ["0.0.1", "0.0.2", "0.0.1"].map((version) => at.handler.verify(version, true));
  await Promise.all([...verified, at.handler.commit("0.0.2", { rollback: true })]);
  const { releases } = await at.handler.list();
  assert.deepEqual(
    releases.map(({ version, status, verified, rolledBack }) => ({
      ...{ version, status, verified, rolledBack },
    })),
    [
      { version: "0.0.1", status: "old", verified: true, rolledBack: true },
      { version: "0.0.2", status: "permanent", verified: true, rolledBack: undefined },
    ],
  );
});

test("a registry of an unknown format is refused, not overwritten", async () => {
  using at = await host("0.0.1");
  writeFileSync(at.layout.releaseList, '{ "format": 7, "releases": [] }');
  await assert.rejects(at.handler.recover(), hasCode("TSUGI_FORMAT_UNKNOWN"));
});
