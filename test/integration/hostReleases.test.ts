/** `bin/<app>` and the releases on a host: unpack, describe, remove, prune; with and without a system. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { formatTrustedKey } from "../../src/release/signature.ts";
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: "/* another version */" },
  "0.0.3": { extra: "/* a third one */" },
});
after(() => wall.dispose());

const QUICK = { timeout: 30_000 };

function expectEnd(result: CommandResult, status: number, pattern = /(?:)/): CommandResult {
  assert.equal(result.status, status, result.output);
  assert.match(result.output, pattern);
  return result;
}

async function json(host: Host, ...args: string[]) {
  const result = await host.app(...args, "--json");
  return { status: result.status, value: JSON.parse(result.stdout) };
}

const statuses = async (host: Host) =>
  Object.fromEntries(
    (await json(host, "releases")).value.releases.map(
      ({ version, status }: { version: string; status: string }) => [version, status],
    ),
  );

/** Puts a tarball where `unpack <vsn>` looks for it. */
function drop(host: Host, version: string): string {
  const dropBox = join(host.root, "releases", version, "wall.tar.gz");
  mkdirSync(join(host.root, "releases", version), { recursive: true });
  copyFileSync(wall.tarball(version), dropBox);
  return dropBox;
}

for (const running of [false, true]) {
  const when = running ? "while it runs" : "while nothing runs";

  test(`unpack takes a version, a tarball or a build's folder, ${when}`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    if (running) await host.must("start");
    const dropBox = drop(host, "0.0.2");
    const { stderr } = expectEnd(await host.app("unpack", "0.0.2"), 0);
    assert.match(stderr, /Release 0\.0\.2 not found, unpacking releases\/0\.0\.2\/wall\.tar\.gz/);
    assert.ok(!existsSync(dropBox));
    assert.equal((await json(host, "unpack", "0.0.2")).value.already, true);
    const unpacked = (await json(host, "unpack", wall.tree("0.0.3"))).value;
    assert.deepEqual([unpacked.version, unpacked.already], ["0.0.3", false]);
    assert.equal((await json(host, "unpack", wall.tarball("0.0.3"))).value.already, true);
    const found = await statuses(host);
    assert.deepEqual([found["0.0.2"], found["0.0.3"]], ["unpacked", "unpacked"]);
  });

  test(`what can't be unpacked exits with 4 and leaves nothing, ${when}`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    if (running) await host.must("start");
    const listing = () => readdirSync(join(host.root, "lib")).sort();
    const before = listing();
    expectEnd(await host.app("unpack", "0.0.9"), 4, /TSUGI_RELEASE_NOT_FOUND[\s\S]*0\.0\.9\/wall/);
    expectEnd(await host.app("unpack", "./none.tar.gz"), 4, /there is no/);
    const dropBox = drop(host, "0.0.2");
    truncateSync(dropBox, 20_000);
    const { status, value } = await json(host, "unpack", "0.0.2");
    assert.deepEqual([status, value.error.code], [4, "TSUGI_UNPACK_REFUSED"]);
    assert.ok(existsSync(dropBox), "the drop box is the user's until it is unpacked");
    writeFileSync(dropBox, "no tarball");
    expectEnd(await host.app("unpack", "0.0.2"), 4, /TSUGI_UNPACK_REFUSED/);
    mkdirSync(join(host.root, "etc"), { recursive: true });
    const { publicKey } = generateKeyPairSync("ed25519");
    writeFileSync(join(host.root, "etc", "trusted_keys"), formatTrustedKey(publicKey));
    expectEnd(await host.app("unpack", wall.tarball("0.0.3")), 4, /TSUGI_SIGNATURE_REFUSED/);
    assert.deepEqual(listing(), before);
  });

  test(`remove and prune spare what is needed, ${when}`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    await host.must("start");
    if (!running) await host.must("stop");
    for (const version of ["0.0.2", "0.0.3"]) await host.must("unpack", wall.tarball(version));
    expectEnd(await host.app("remove", "0.0.1"), 4, /TSUGI_(STATUS_REFUSED|RELEASE_IN_USE)/);
    expectEnd(await host.app("remove", "0.0.9"), 4, /TSUGI_RELEASE_NOT_FOUND/);
    assert.deepEqual((await json(host, "remove", "0.0.2")).value, { removed: ["0.0.2"] });
    assert.deepEqual((await json(host, "prune")).value, { keep: 5, removed: [] });
    assert.deepEqual((await json(host, "prune", "--keep", "1")).value.removed, ["0.0.3"]);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent" });
    assert.ok(!existsSync(join(host.root, "lib", "wall-0.0.3")));
  });

  test(`plan says how it would go and unpacks nothing, ${when}`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    await host.must("start");
    if (!running) await host.must("stop");
    drop(host, "0.0.2");
    const { value } = await json(host, "plan", "0.0.2");
    assert.deepEqual([value.from, value.to, value.strategy], ["0.0.1", "0.0.2", "handoff"]);
    assert.ok(value.instructions.length > 0 && value.reasons.length > 0);
    expectEnd(await host.app("plan", "0.0.2"), 0, /0\.0\.1 → 0\.0\.2: handoff\n {2}because/);
    assert.equal((await json(host, "plan", wall.tarball("0.0.3"))).value.to, "0.0.3");
    assert.equal((await json(host, "plan", "0.0.1")).value.strategy, "none");
    expectEnd(await host.app("plan", "0.0.9"), 4, /TSUGI_RELEASE_NOT_FOUND/);
    assert.deepEqual(Object.keys(await statuses(host)), ["0.0.1"]);
  });
}

test("processes that write and start at once take turns", QUICK, async (t) => {
  const { host } = await wall.host(t);
  const results = await Promise.all([
    host.app("unpack", wall.tarball("0.0.2")),
    host.app("unpack", wall.tarball("0.0.3")),
    host.app("start"),
  ]);
  for (const result of results) expectEnd(result, 0);
  const found = await statuses(host);
  assert.deepEqual([found["0.0.2"], found["0.0.3"]], ["unpacked", "unpacked"]);
});

test("the same version with other bytes is refused, and replaced by --force", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  await host.must("unpack", wall.tarball("0.0.2"));
  const manifest = join(host.root, "releases", "0.0.2", "release.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"accepts"', '"accept"'));
  const registry = join(host.root, "releases", "RELEASES.json");
  const json1 = JSON.parse(readFileSync(registry, "utf8"));
  for (const entry of json1.releases)
    if (entry.version === "0.0.2") entry.releaseId = "0".repeat(64);
  writeFileSync(registry, JSON.stringify(json1));
  const again = wall.tarball("0.0.2");
  expectEnd(await host.app("unpack", again), 4, /TSUGI_RELEASE_CONFLICT[\s\S]*--force/);
  drop(host, "0.0.2");
  expectEnd(await host.app("upgrade", "0.0.2"), 4, /TSUGI_RELEASE_CONFLICT/);
  await host.must("unpack", "--force", again);
  expectEnd(await host.app("unpack", "--force", wall.tarball("0.0.1")), 0, /already/);
});

test("releases, describe and inventory tell what is here", QUICK, async (t) => {
  const { host } = await wall.host(t);
  expectEnd(await host.app("describe"), 1, /TSUGI_NO_PERMANENT/);
  await host.must("start");
  await host.must("unpack", wall.tarball("0.0.2"));
  assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  assert.match((await host.must("releases")).stdout, /^0\.0\.1 +permanent/m);
  const described = (await json(host, "describe")).value;
  assert.deepEqual([described.version, described.verified], ["0.0.1", true]);
  assert.match((await host.must("describe", "0.0.2")).stdout, /status +unpacked/);
  expectEnd(await host.app("describe", "0.0.9"), 4, /TSUGI_RELEASE_NOT_FOUND/);
  expectEnd(await host.app("describe", "../../etc"), 4, /TSUGI_RELEASE_NOT_FOUND/);
  const inventory = (await json(host, "inventory")).value;
  const folders = inventory.folders.map(({ folder }: { folder: string }) => folder);
  for (const folder of ["lib/wall-0.0.1", "lib/wall-0.0.2"]) assert.ok(folders.includes(folder));
  const { stdout } = await host.must("inventory", "--files", "--json");
  assert.match(stdout, /"sha256": "[0-9a-f]{64}"/);
  assert.match((await host.must("inventory")).stdout, /^lib\/wall-0\.0\.2 +\d+ +\d+$/m);
});

test(
  "a registry that is torn is made up anew, and permanent is what a start boots",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t);
    await host.must("start");
    await host.must("unpack", wall.tarball("0.0.2"));
    await host.must("stop");
    writeFileSync(join(host.root, "releases", "RELEASES.json"), '{"format":1,"rele');
    const { value } = await json(host, "start");
    assert.equal(value.version, "0.0.1");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  },
);

for (const label of ["unpack.folder:rename", "unpack.release:rename", "unpack.manifest:rename"]) {
  test(`an unpack that the disk fails at ${label} leaves nothing behind`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    const before = listing(host);
    const env = { ...host.env, TSUGI_FAULT: `${label}=enospc` };
    const failed = await host.run(host.bin, ["unpack", wall.tarball("0.0.2")], { env });
    expectEnd(failed, 4, /TSUGI_UNPACK_REFUSED[\s\S]*ENOSPC/);
    assert.deepEqual(listing(host), before);
    await host.must("unpack", wall.tarball("0.0.2"));
  });

  test(`an unpack that is killed at ${label} does no harm`, QUICK, async (t) => {
    const { host, get } = await wall.host(t);
    const env = { ...host.env, TSUGI_FAULT: `${label}=kill` };
    const killed = await host.run(host.bin, ["unpack", wall.tarball("0.0.2")], { env });
    assert.notEqual(killed.status, 0);
    await host.must("start");
    assert.equal((await get()).version, "0.0.1");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent" });
    assert.ok(!existsSync(join(host.root, "lib", "wall-0.0.2")));
    await host.must("unpack", wall.tarball("0.0.2"));
  });
}

/** Files below lib/ and releases/, less what any write leaves there. */
const listing = (host: Host): string[] =>
  ["lib", "releases", "runtime"]
    .flatMap((place) => readdirSync(join(host.root, place), { recursive: true }).map(String))
    .filter((path) => !/RELEASES|staging|permanent/.test(path))
    .sort();
