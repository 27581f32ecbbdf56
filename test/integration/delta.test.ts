/** A delta from end to end: a host's inventory, `tsugi delta`, `bin/<app> unpack --delta`, an upgrade. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { mustTsugi, temporaryFolder, tsugi } from "../helpers/projects.ts";
import { buildWall } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: "/* one line more */" },
  "0.0.3": { extra: "/* a third one */" },
});
const { folder, remove } = temporaryFolder("delta");
after(() => {
  wall.dispose();
  remove();
});

type WallHost = Awaited<ReturnType<typeof wall.host>>["host"];

async function makeDelta(host: WallHost, version: string, ...more: string[]): Promise<string> {
  const inventory = join(folder, "inventory.json");
  writeFileSync(inventory, (await host.must("inventory", "--json")).stdout);
  const out = join(folder, `${version}.delta`);
  const args = ["delta", wall.tarball(version), "--inventory", inventory, "--out", out];
  await mustTsugi([...args, ...more], folder);
  return out;
}

const staged = (host: WallHost) => readdirSync(join(host.root, "releases", ".staging"));

/** `bin/wall unpack --delta -`, with the file at its stdin. */
const unpackFromStdin = (host: WallHost, file: string) =>
  runCommand("sh", ["-c", 'exec "$0" unpack --delta - --json < "$1"', host.bin, file], {
    cwd: host.root,
    env: host.environment,
  });

for (const running of [false, true]) {
  const when = running ? "while it runs" : "while nothing runs";

  test(`a release comes as a delta of a few kilobytes, ${when}`, async (t) => {
    const { host, get } = await wall.host(t);
    if (running) await host.must("start");
    const base = ["--base", wall.tarball("0.0.1")];
    const delta = await makeDelta(host, "0.0.2", ...base);
    assert.ok(statSync(delta).size < 8_000, `${statSync(delta).size} bytes`);
    const { status, stdout, output } = await unpackFromStdin(host, delta);
    assert.equal(status, 0, output);
    const verified = await mustTsugi(["verify", wall.tarball("0.0.2"), "--json"], folder);
    const { releaseId } = JSON.parse(verified.stdout);
    assert.deepEqual(JSON.parse(stdout), { version: "0.0.2", releaseId, already: false });
    assert.deepEqual(staged(host), []);
    if (!running) await host.must("start");
    await host.must("upgrade", "0.0.2");
    assert.equal((await get()).version, "0.0.2");

    const stale = await makeDelta(host, "0.0.3", "--base", wall.tarball("0.0.2"));
    await host.must("rollback");
    await host.must("remove", "0.0.2");
    const before = readdirSync(host.root, { recursive: true }).length;
    const refused = await host.app("unpack", "--delta", stale);
    assert.match(refused.stderr, /TSUGI_DELTA_STALE[\s\S]*builds on 0\.0\.2/);
    assert.equal(refused.status, 4);
    writeFileSync(stale, readFileSync(stale).subarray(0, -20));
    const cut = await unpackFromStdin(host, stale);
    assert.match(cut.stderr, /TSUGI_UNPACK_REFUSED[\s\S]*truncated/);
    assert.equal(cut.status, 4);
    assert.equal(readdirSync(host.root, { recursive: true }).length, before);
  });
}

test("on a machine that has none of the host's releases, the host's manifests say what need not travel", async (t) => {
  const { host } = await wall.host(t);
  const inventory = join(folder, "manifests.json");
  writeFileSync(inventory, (await host.must("inventory", "--json", "--manifests")).stdout);
  const out = join(folder, "unknown.delta");
  await mustTsugi(["delta", wall.tarball("0.0.2"), "--inventory", inventory, "-o", out], folder);
  assert.ok(statSync(out).size < 8_000, `${statSync(out).size} bytes`);
  await host.must("unpack", "--delta", out);
});

test("what is no inventory is said so", async () => {
  writeFileSync(join(folder, "none.json"), "{}");
  for (const file of ["none.json", "missing.json"]) {
    const args = ["delta", wall.tarball("0.0.2"), "--inventory", file, "-o", "x"];
    const result = await tsugi(args, folder);
    assert.match(result.stderr, /inventory --json/);
    assert.equal(result.status, 2);
  }
});
