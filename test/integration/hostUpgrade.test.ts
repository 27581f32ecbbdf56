/** `bin/<app> upgrade` and its relatives as a person or a script sees them: words, JSON, exit codes. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { freePort } from "../helpers/ports.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": {},
  "0.0.3": { extra: 'throw new Error("no table " + "called admirals");' },
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
  "whose supervisor is killed in the middle of an upgrade is told that it has died",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1", {
      config: { health: { path: "/", port: await freePort() }, timeouts: { probationMs: 120_000 } },
    });
    await host.must("start");
    const pid = Number((await host.must("pid")).stdout);
    const upgrade = host.app("upgrade", wall.tarball("0.0.2"));
    const isUnderWay = async () => (await json(host, "status")).value.upgrade?.step === "probation";
    await eventually("it is under way", isUnderWay);
    process.kill(pid, "SIGKILL");
    const { status, stderr } = await upgrade;
    assert.equal(status, 3, stderr);
    assert.match(stderr, /TSUGI_SUPERVISOR_DIED[\s\S]*bin\/wall start/);
    assert.doesNotMatch(stderr, /It runs/);
  },
);

test("a commit that fails says so, and by its exit code who serves", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  host.env.TSUGI_FAULT = "upgrade:commit=eio";
  await host.must("start");
  await host.must("install", wall.tarball("0.0.2"));
  const { status, value } = await json(host, "commit");
  assert.deepEqual([status, value.result], [5, "handed-back"]);
  assert.match(value.error.message, /EIO/);
  assert.equal((await get()).version, "0.0.1");
  await host.must("install", "0.0.2");
  expectEnd(await host.app("commit"), 0, /Made 0\.0\.2 permanent/);
});
