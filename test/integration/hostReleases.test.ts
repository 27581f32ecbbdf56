/** Unpacking on a Node host whose disk fails, or that is killed on the way. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: "/* another version */" },
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

for (const label of ["unpack.folder:rename", "unpack.release:rename", "unpack.manifest:rename"]) {
  test(`an unpack that the disk fails at ${label} leaves nothing behind`, QUICK, async (t) => {
    const { host } = await wall.host(t);
    const before = listing(host);
    const env = { ...host.env, TSUGI_FAULT: `${label}=enospc` };
    const failed = await host.run(host.bin, ["unpack", wall.tarball("0.0.2")], { env });
    expectEnd(failed, 4, /TSUGI_UNPACK_FAILED[\s\S]*ENOSPC/);
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

test("who follows tries again what a full disk has kept out", { timeout: 60_000 }, async (t) => {
  const { host } = await wall.host(t);
  const faults = mkdtempSync(join(wall.folder, "faults-"));
  host.env.TSUGI_FAULT = faults;
  await host.must("start");
  writeFileSync(join(faults, "armed"), "unpack.folder:rename#1=enospc");
  const wanted = join(host.root, "wanted");
  writeFileSync(wanted, wall.tarball("0.0.2"));
  let said = "";
  const child = spawn(host.bin, ["follow", wanted, "--every", "1"], { env: host.env });
  t.after(() => child.kill());
  child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  await eventually("it is there", () => /0\.0\.2 runs, as is wanted/.test(said), 40_000);
  assert.match(said, /TSUGI_UNPACK_FAILED[\s\S]*ENOSPC[\s\S]*tried again later/);
});

/** Files below lib/ and releases/, less what any write leaves there. */
const listing = (host: Host): string[] =>
  ["lib", "releases", "runtime"]
    .flatMap((place) => readdirSync(join(host.root, place), { recursive: true }).map(String))
    .filter((path) => !/RELEASES|staging|permanent/.test(path))
    .sort();
