/** `bin/<app> upgrade` and its relatives as a person or a script sees them: words, JSON, exit codes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": {},
  "0.0.3": { extra: 'throw new Error("no table " + "called admirals");' },
  "0.0.4": {
    extra: "globalThis.unhealthy = true;",
    config: { health: { path: "/healthz", intervalMs: 50, healthyAfter: 2 } },
  },
});
after(() => wall.dispose());

const QUICK = { timeout: 60_000 };

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

test(
  "upgrade from the drop box: the steps that exrm's users know, then the report",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const dropBox = join(host.root, "releases", "0.0.2");
    mkdirSync(dropBox);
    copyFileSync(wall.tarball("0.0.2"), join(dropBox, "wall.tar.gz"));
    const { stdout, stderr } = expectEnd(await host.app("upgrade", "0.0.2"), 0);
    const order = [
      "Release 0.0.2 not found, unpacking releases/0.0.2/wall.tar.gz",
      "Unpacked 0.0.2",
      "Config generated from releases/0.0.2 and etc/",
      "  load ",
      "  install ",
      "  activate ",
      "  probation ",
      "  commit ",
    ].map((line) => stderr.indexOf(line));
    assert.deepEqual(
      [...order].sort((a, b) => a - b),
      order,
      stderr,
    );
    assert.ok(!order.includes(-1), stderr);
    assert.match(stdout, /^Upgraded 0\.0\.1 → 0\.0\.2 by handoff in /);
    for (const row of ["strategy", "steps", "pause", "requests", "connections", "left of old"]) {
      assert.match(stdout, new RegExp(`^  ${row} `, "m"));
    }
    const tooLong = stdout.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(tooLong, []);
    assert.equal((await get()).version, "0.0.2");
    assert.deepEqual(await statuses(host), { "0.0.1": "old", "0.0.2": "permanent" });
  },
);

test(
  "upgrade, downgrade and rollback report as JSON and change what a boot starts",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    expectEnd(await host.app("rollback"), 4, /TSUGI_NOTHING_TO_ROLL_BACK_TO/);
    const up = await json(host, "upgrade", wall.tarball("0.0.2"));
    assert.deepEqual([up.status, up.value.result, up.value.to], [0, "committed", "0.0.2"]);
    assert.deepEqual(up.value.leftovers, []);
    const down = await json(host, "downgrade", "0.0.1");
    assert.deepEqual([down.status, down.value.result, down.value.to], [0, "committed", "0.0.1"]);
    assert.equal((await get()).version, "0.0.1");
    const back = await json(host, "rollback");
    assert.deepEqual([back.status, back.value.to], [0, "0.0.2"]);
    await host.must("restart");
    assert.equal((await get()).version, "0.0.2");
    const { value } = await json(host, "describe", "0.0.2");
    assert.equal(value.upgrades.length, 3);
  },
);

test("an upgrade to what runs already does nothing", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  expectEnd(await host.app("upgrade", "0.0.1"), 0, /Nothing to do: 0\.0\.1 runs already/);
  assert.equal((await json(host, "upgrade", "0.0.1")).value.strategy, "none");
});

test("a downgrade to a stranger is refused and names upgrade", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  expectEnd(await host.app("downgrade", "0.0.2"), 4, /TSUGI_RELEASE_NOT_FOUND/);
  await host.must("unpack", wall.tarball("0.0.2"));
  expectEnd(await host.app("downgrade", "0.0.2"), 4, /TSUGI_NEVER_INSTALLED[\s\S]*upgrade 0\.0\.2/);
});

test("what is not there, or can't be unpacked, is refused with 4", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  expectEnd(await host.app("upgrade", "0.0.9"), 4, /TSUGI_RELEASE_NOT_FOUND/);
  const bad = join(host.root, "bad.tar.gz");
  writeFileSync(bad, "no tarball");
  const { status, value } = await json(host, "upgrade", bad);
  assert.deepEqual([status, value.error.code], [4, "TSUGI_UNPACK_REFUSED"]);
  assert.equal((await get()).version, "0.0.1");
});

for (const command of ["upgrade", "install", "check"]) {
  test(`${command}: a version that does not load exits with 4, saying why`, QUICK, async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const { pid } = await get();
    const source = wall.tarball("0.0.3");
    const boot = command === "check" ? ["--boot"] : [];
    expectEnd(await host.app(command, source, ...boot), 4, /no table called admirals/);
    const { status, value } = await json(host, command, "0.0.3", ...boot);
    assert.equal(status, 4);
    assert.match((value.error ?? value).message, /no table called admirals/);
    const now = await get();
    assert.deepEqual([now.version, now.pid], ["0.0.1", pid]);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.3": "unpacked" });
  });
}

test(
  "a version that is unhealthy is handed back with 5, and the report says so",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const { pid } = await get();
    const { status, value } = await json(host, "upgrade", wall.tarball("0.0.4"));
    assert.deepEqual(
      [status, value.result, value.error.code],
      [5, "handed-back", "TSUGI_UNHEALTHY"],
    );
    const now = await get();
    assert.deepEqual([now.version, now.pid], ["0.0.1", pid]);
    expectEnd(await host.app("upgrade", "0.0.4"), 5, /Handed back: 0\.0\.1 serves again/);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.4": "unpacked" });
  },
);

test("check throws everything away; the same process serves on", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const { pid } = await get();
  const { stdout } = expectEnd(await host.app("check", wall.tarball("0.0.2")), 0);
  assert.match(stdout, /^Checked 0\.0\.1 → 0\.0\.2: it would go by handoff/);
  assert.equal((await json(host, "check", "0.0.2")).status, 0);
  assert.equal((await get()).pid, pid);
  assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
});

test("install makes current; commit makes permanent", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  expectEnd(await host.app("commit"), 1, /TSUGI_NOTHING_TO_COMMIT/);
  expectEnd(await host.app("install", wall.tarball("0.0.2")), 0, /current, not permanent/);
  assert.equal((await get()).version, "0.0.2");
  assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "current" });
  assert.equal((await json(host, "status")).value.status, "current");
  expectEnd(await host.app("upgrade", "0.0.1"), 4, /TSUGI_UPGRADE_UNDER_WAY/);
  assert.equal((await json(host, "commit")).value.version, "0.0.2");
  assert.deepEqual(await statuses(host), { "0.0.1": "old", "0.0.2": "permanent" });
});

test("rollback gives up what is current and not permanent", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  await host.must("install", wall.tarball("0.0.2"));
  expectEnd(await host.app("rollback"), 0, /0\.0\.2 is given up, 0\.0\.1 serves again/);
  assert.equal((await get()).version, "0.0.1");
  assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
});

test("what was current when the system died is not what the next start boots", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  await host.must("install", wall.tarball("0.0.2"));
  process.kill(Number((await host.must("pid")).stdout), "SIGKILL");
  await eventually("it is noticed", async () => (await host.app("ping")).status === 3);
  await host.must("start");
  assert.equal((await get()).version, "0.0.1");
  assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
});

test(
  "an upgrade goes on when its terminal goes away, and the same command attaches to it",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1", {
      config: { timeouts: { probationMs: 15_000 }, health: { intervalMs: 1000, healthyAfter: 3 } },
    });
    await host.must("start");
    await host.must("unpack", wall.tarball("0.0.2"));
    const first = spawn(host.bin, ["upgrade", "0.0.2"], {
      env: host.env,
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    first.stderr.on("data", (data) => {
      output += data;
    });
    await eventually("it serves", () => output.includes("  activate "));
    first.kill("SIGHUP");
    first.kill("SIGKILL");
    await once(first, "close");
    const status = (await json(host, "status")).value;
    assert.equal(status.upgrade?.to, "0.0.2");
    const attached = await host.app("upgrade", "0.0.2");
    expectEnd(attached, 0, /Upgraded 0\.0\.1 → 0\.0\.2/);
    assert.match(attached.stderr, / {2}load /, "it is told what has happened so far");
    assert.equal((await get()).version, "0.0.2");
  },
);

test(
  "reload applies a changed etc/, a removed variable is gone, and a bad etc/ is refused",
  QUICK,
  async (t) => {
    const { host, port, get } = await wall.host(t, "0.0.1", { env: { COLOUR: "red" } });
    await host.must("start");
    assert.equal((await get()).colour, "red");
    const env = join(host.root, "etc", "env");
    writeFileSync(env, `PORT=${port}\nwhat is this\n`);
    assert.equal((await json(host, "status")).value.etcChanged, true);
    expectEnd(await host.app("reload"), 4, /TSUGI_SETTINGS_INVALID[\s\S]*line 2/);
    assert.equal((await get()).colour, "red");
    writeFileSync(env, `PORT=${port}\n`);
    const { status, value } = await json(host, "reload");
    assert.deepEqual([status, value.result], [0, "committed"]);
    assert.equal((await get()).colour, null);
    assert.equal((await json(host, "status")).value.etcChanged, false);
    expectEnd(await host.app("reload"), 0, /^Reloaded 0\.0\.1 in /m);
  },
);
