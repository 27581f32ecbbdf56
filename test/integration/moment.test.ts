/**
 * One moment, on a real host: nobody in a room misses a word, hears one twice or in another order,
 * whichever way its service is upgraded. More of them, and for longer: `npm run long -- moment`.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { BuiltRelease } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { Crowd, someTalk } from "../helpers/room.ts";
import { buildRoom, type RoomReleaseOptions } from "../helpers/roomRelease.ts";

const SIZE = Number(process.env.TSUGI_TEST_ROOM ?? 40);
const ROUNDS = Number(process.env.TSUGI_TEST_ROUNDS ?? 1);

const workshop = mkdtempSync(join(tmpdir(), "tsugi-moment-"));
after(() => rmSync(workshop, { recursive: true, force: true }));

type Room = Omit<RoomReleaseOptions, "version">;

const build = (name: string, version: string, room: Room) =>
  buildRoom(join(workshop, name), { version, ...room });

async function allIsWell(crowd: Crowd): Promise<void> {
  const { faults, closed, wrongCounts, heard } = await crowd.end();
  assert.deepEqual([faults.length, faults.slice(0, 10)], [0, []]);
  assert.deepEqual(wrongCounts.slice(0, 10), []);
  assert.equal(closed, 0);
  assert.ok(heard > SIZE * 10, `${heard} words were heard`);
}

/** Upgrades it to and fro under a crowd, and holds what was heard and what was reported. */
async function goThrough(
  first: BuiltRelease,
  second: BuiltRelease,
  strategy: string,
  { tcp = false, deflate = false, apart = false }: Room & { apart?: boolean } = {},
) {
  const roomPort = tcp ? await freePort() : undefined;
  const env: Record<string, string> = roomPort ? { ROOM_PORT: String(roomPort) } : {};
  const host = await Installed.start(first, { env });
  const port = roomPort ?? host.port;
  const crowd = await Crowd.gather({ size: SIZE, port, httpPort: host.port, tcp, deflate, apart });
  try {
    crowd.begin();
    await someTalk(crowd);
    host.drop(second);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const command of [
        ["upgrade", second.version],
        ["downgrade", first.version],
      ]) {
        const { status, report, stderr } = await host.report(...command);
        assert.deepEqual(
          [status, report.result, report.error],
          [0, "committed", undefined],
          stderr,
        );
        assert.equal(report.strategy, strategy);
        assert.equal(report.connections.lost, 0);
        assert.ok(report.connections.carried >= SIZE, `${report.connections.carried} carried`);
        assert.ok(report.pauseMs > 0);
        await someTalk(crowd);
      }
    }
    await allIsWell(crowd);
  } finally {
    crowd.leave();
    await host.remove();
  }
}

interface Case extends Room {
  what: string;
  strategy: string;
}

const cases: Case[] = [
  { what: "a handoff, without state", strategy: "handoff", deflate: true },
  { what: "a swap, with state", strategy: "swap", accept: true, state: true, deflate: true },
  { what: "plain TCP, handed off", strategy: "handoff", tcp: true },
];

for (const [at, { what, strategy, ...room }] of cases.entries()) {
  test(`${what}: everybody hears everything`, async () => {
    const first = await build(`room-${at}`, "1.0.0", room);
    await goThrough(first, await build(`room-${at}`, "1.1.0", room), strategy, room);
  });
}

test("two workers: everybody hears everything", async () => {
  const room = { workers: 2 };
  const [first, second] = [await build("two", "1.0.0", room), await build("two", "1.1.0", room)];
  await goThrough(first, second, "handoff", { apart: true });
});

test("a sick new version gives all of them back: everybody hears everything", async () => {
  const folder = "sick";
  const first = await build(folder, "1.0.0", {});
  const edit = (source: string) => `${source}\n hot.health(() => false);`;
  const sick = await build(folder, "1.1.0", { edit });
  const config = { timeouts: { probationMs: 600 }, health: { intervalMs: 100 } };
  const host = await Installed.start(first, { config });
  const crowd = await Crowd.gather({ size: SIZE, port: host.port });
  try {
    crowd.begin();
    await someTalk(crowd);
    host.drop(sick);
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.deepEqual([status, report.result], [5, "handed-back"]);
    await someTalk(crowd);
    await allIsWell(crowd);
  } finally {
    crowd.leave();
    await host.remove();
  }
});

test("an upgrade returns while the old version still answers, and the next one waits for that", async () => {
  const room = { tcp: false };
  const first = await build("slow", "1.0.0", room);
  const host = await Installed.start(first, { config: { timeouts: { drainMs: 120_000 } } });
  try {
    const to = { host: "127.0.0.1", port: host.port, method: "POST", path: "/say/h0" };
    const request = http.request({ ...to, headers: { expect: "100-continue" } });
    request.flushHeaders();
    await once(request, "continue");
    host.drop(await build("slow", "1.1.0", room));
    const { status, report, stderr } = await host.report("upgrade", "1.1.0");
    assert.deepEqual([status, report.result], [0, "committed"], stderr);
    assert.deepEqual(report.retiring, { drainMs: 120_000 });
    const now = await host.status();
    assert.deepEqual([now.version, now.status, now.upgrade], ["1.1.0", "permanent", null]);
    assert.equal(now.retiring?.version, "1.0.0");
    const { stdout } = await host.host.must("status");
    assert.match(stdout, /^1\.0\.0 still answers what it had begun/m);

    // What dies meanwhile is started again.
    const pid = now.processes[0]!.slots[0]!.pid;
    process.kill(pid, "SIGKILL");
    await until("another worker is well", async () => {
      const [slot] = (await host.status()).processes[0]!.slots;
      return slot!.pid !== pid && slot!.healthy;
    });

    const reload = host.report("reload", "--wait");
    await until("it waits", () => /reload: begins when what 1\.0\.0 still answers/.test(host.log));
    request.end();
    const [response] = await once(request, "response");
    assert.equal(JSON.parse(Buffer.concat(await response.toArray()).toString()).version, "1.0.0");
    const reloaded = await reload;
    assert.deepEqual([reloaded.status, reloaded.report.result], [0, "committed"]);
    assert.match(reloaded.stderr, /begins when what 1\.0\.0 still answers has ended/);
    assert.equal(reloaded.report.retiring, undefined);
    const history = readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8");
    const [upgrade, last] = history
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual(
      [upgrade.to, upgrade.retiring, upgrade.result],
      ["1.1.0", undefined, "committed"],
    );
    assert.ok(upgrade.overlapMs >= report.overlapMs!, "the record has all of it");
    assert.ok(upgrade.at < last.at);
    assert.equal((await host.status()).retiring, undefined);
  } finally {
    await host.remove();
  }
});
