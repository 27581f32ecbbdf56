import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { lockOwner, takeLock } from "../../../src/platform/lock.ts";
import { identityOf, signalAll } from "../../../src/platform/processes.ts";
import { temporaryFolder } from "../../helpers/handmadeRelease.ts";

test("a lock is held by one, and free again after its release", async () => {
  using folder = temporaryFolder();
  const path = folder.at("lock");
  const first = await takeLock(path);
  assert.ok(first.taken);
  const second = await takeLock(path);
  assert.ok(!second.taken);
  assert.equal(second.owner.pid, process.pid);
  await first.unlock();
  assert.equal(await lockOwner(path), undefined);
  assert.ok((await takeLock(path)).taken);
});

const STALE = JSON.stringify({ pid: process.pid, startTime: "1", bootId: "another boot" });

test("a lock whose pid is another process by now is seen through", async () => {
  using folder = temporaryFolder();
  writeFileSync(folder.at("lock"), STALE);
  assert.ok((await takeLock(folder.at("lock"))).taken);
});

test("a group of processes is nobody: a pid of 0 or less neither holds a lock nor is signalled", async (t) => {
  using folder = temporaryFolder();
  const kill = t.mock.method(process, "kill", () => true);
  for (const pid of [0, -1]) {
    const identity = { ...identityOf(process.pid), pid, startTime: null };
    writeFileSync(folder.at("lock"), JSON.stringify(identity));
    assert.equal(await lockOwner(folder.at("lock")), undefined);
    signalAll([identity], "SIGTERM");
  }
  assert.deepEqual(kill.mock.calls, []);
});

test("of many who find the same stale lock, in several processes, exactly one takes it", async () => {
  using folder = temporaryFolder();
  const path = folder.at("lock");
  const helper = folder.at("racer.ts");
  const lock = new URL("../../../src/platform/lock.ts", import.meta.url).href;
  writeFileSync(
    helper,
    `import { takeLock } from ${JSON.stringify(lock)};
     process.on("message", async (path) => {
       const taken = await Promise.all(Array.from({ length: 8 }, () => takeLock(path)));
       process.send(taken.filter((outcome) => outcome.taken).length);
     });
     process.send("up");`,
  );
  const racers = Array.from({ length: 3 }, () => fork(helper, { execArgv: ["--import", "tsx"] }));
  try {
    await Promise.all(racers.map((racer) => once(racer, "message")));
    for (let round = 0; round < 15; round += 1) {
      const at = `${path}${round}`;
      writeFileSync(at, STALE);
      const answers = racers.map((racer) => once(racer, "message"));
      for (const racer of racers) racer.send(at);
      const counts = (await Promise.all(answers)).map(([count]) => count as number);
      assert.equal(
        counts.reduce((sum, count) => sum + count, 0),
        1,
        `round ${round}: ${counts}`,
      );
    }
    assert.deepEqual(
      readdirSync(folder.path).filter((name) => name.includes("break")),
      [],
    );
  } finally {
    for (const racer of racers) racer.kill("SIGKILL");
  }
});
