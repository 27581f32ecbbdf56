/**
 * One moment, on a real host: nobody in a room misses a word, hears one twice or in another order,
 * whichever way its service is upgraded. More of them, and for longer: `npm run long -- moment`.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Installed, until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { Crowd, someTalk } from "../helpers/room.ts";
import { buildRoom, type RoomReleaseOptions } from "../helpers/roomRelease.ts";

const SIZE = Number(process.env.TSUGI_TEST_ROOM ?? 40);
const ROUNDS = Number(process.env.TSUGI_TEST_ROUNDS ?? 1);

const workshop = mkdtempSync(join(tmpdir(), "tsugi-moment-"));
after(() => rmSync(workshop, { recursive: true, force: true }));

type Room = Omit<RoomReleaseOptions, "version">;

/** What one worker can send to all of them, also on a machine that is busy. */
const tickMs = Math.max(25, SIZE / 3);

const build = (name: string, version: string, room: Room) =>
  buildRoom(join(workshop, name), { version, tickMs, ...room });

async function allIsWell(crowd: Crowd): Promise<void> {
  const { faults, closed, wrongCounts, heard } = await crowd.end();
  assert.deepEqual([faults.length, faults.slice(0, 10)], [0, []]);
  assert.deepEqual(wrongCounts.slice(0, 10), []);
  assert.equal(closed, 0);
  assert.ok(heard > SIZE * 10, `${heard} words were heard`);
}

interface Way extends Pick<Room, "accept"> {
  strategy: "handoff" | "swap" | "replace";
  /** Of the second version. */
  otherNode?: string;
  /** The second version never gets well: each upgrade is handed back. */
  isSick?: true;
}

const HANDOFF: Way = { strategy: "handoff" };
const SWAP: Way = { strategy: "swap", accept: true };
const REPLACE: Way = { strategy: "replace", otherNode: "22.23.0" };
const HAND_BACK: Way = { ...HANDOFF, isSick: true };

interface Case extends Room, Way {
  what: string;
  /** Only in the long form. */
  isLong?: true;
}

const [deflate, state, tcp, isLong] = [true, true, true, true] as const;

const cases: Case[] = [
  { what: "a handoff, without state", ...HANDOFF, deflate },
  { what: "a handoff, with state", ...HANDOFF, state, find: "map", isLong },
  { what: "a swap, without state", ...SWAP, find: "map", isLong },
  { what: "a swap, with state", ...SWAP, state, deflate },
  { what: "a replace, without state", ...REPLACE, deflate, isLong },
  { what: "a replace, with state", ...REPLACE, state, isLong },
  { what: "a hand-back, without state", ...HAND_BACK },
  { what: "a hand-back, with state", ...HAND_BACK, state, deflate, isLong },
  { what: "two workers, handed off", ...HANDOFF, workers: 2 },
  { what: "plain TCP, handed off", ...HANDOFF, tcp },
  { what: "plain TCP, swapped with state", ...SWAP, tcp, state, isLong },
  { what: "plain TCP, replaced", ...REPLACE, tcp, isLong },
  { what: "plain TCP, handed back with state", ...HAND_BACK, tcp, state, isLong },
];

for (const [at, { what, isLong, ...one }] of cases.entries()) {
  test(`${what}: everybody hears everything`, { skip: isLong && ROUNDS === 1 }, () =>
    goThrough(`room-${at}`, one),
  );
}

const IMPATIENT = { timeouts: { probationMs: 600 }, health: { intervalMs: 100 } };

/** Upgrades it to and fro under a crowd, and holds what was heard and what was reported. */
async function goThrough(folder: string, { strategy, otherNode, isSick, ...room }: Room & Way) {
  const first = await build(folder, "1.0.0", room);
  const second = await build(folder, "1.1.0", {
    ...room,
    ...(otherNode ? { node: otherNode } : {}),
    ...(isSick ? { edit: (source) => `${source}\n hot.health(() => false);` } : {}),
  });
  const roomPort = room.tcp ? await freePort() : undefined;
  const env: Record<string, string> = roomPort ? { ROOM_PORT: String(roomPort) } : {};
  const host = await Installed.start(first, { env, ...(isSick ? { config: IMPATIENT } : {}) });
  const ports = { port: roomPort ?? host.port, httpPort: host.port };
  const crowd = await Crowd.gather({ size: SIZE, ...ports, ...room, apart: room.workers === 2 });
  const goes = async (...command: string[]) => {
    const { status, report, stderr } = await host.report(...command, "--wait");
    const wanted = isSick ? [5, "handed-back"] : [0, "committed"];
    assert.deepEqual([status, report.result], wanted, `${report.error?.message}\n${stderr}`);
    assert.equal(report.strategy, strategy);
    assert.equal(report.connections.lost, 0);
    const { carried } = report.connections;
    // Once each, also of those that went there and came back.
    assert.ok(carried >= SIZE && carried < 2 * SIZE, `${carried} carried`);
    assert.ok(report.pauseMs > 0);
    await someTalk(crowd);
  };
  try {
    crowd.begin();
    await someTalk(crowd);
    host.drop(second);
    for (let round = 0; round < ROUNDS; round += 1) {
      await goes("upgrade", second.version);
      if (isSick) continue;
      await goes(...(round % 2 === 0 ? ["downgrade", first.version] : ["rollback"]));
    }
    await allIsWell(crowd);
  } finally {
    crowd.leave();
    await host.remove();
  }
}

test("a worker that is just being started again, and all who come to it, go with the upgrade", async () => {
  const gate = join(workshop, "gate");
  const takesItsTime = (source: string) =>
    `${source}\nawait new Promise((done) => setTimeout(done, 3_000));`;
  const waitsAtTheGate = (source: string) =>
    `import { existsSync } from "node:fs";\n${source}\nwhile (!existsSync(${JSON.stringify(gate)})) await new Promise((done) => setTimeout(done, 20));`;
  const first = await build("restarted", "1.0.0", { edit: takesItsTime });
  const second = await build("restarted", "1.1.0", { edit: waitsAtTheGate });
  const host = await Installed.start(first);
  let crowd: Crowd | undefined;
  try {
    host.drop(second);
    const { processes } = await host.status();
    process.kill(processes[0]!.slots[0]!.pid, "SIGKILL");
    const upgrading = host.report("upgrade", second.version, "--wait");
    await until("it is begun", () => /upgrade to 1\.1\.0: begun/.test(host.log), 60_000);
    crowd = await Crowd.gather({ size: SIZE, port: host.port });
    crowd.begin();
    await someTalk(crowd);
    writeFileSync(gate, "");
    const { status, report } = await upgrading;
    assert.deepEqual([status, report.result], [0, "committed"], JSON.stringify(report));
    assert.ok(report.connections.carried >= SIZE, `${report.connections.carried} carried`);
    await someTalk(crowd);
    await allIsWell(crowd);
  } finally {
    crowd?.leave();
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
