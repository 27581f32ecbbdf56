/** What waits, what is lost, and that each lost line is counted and told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Log } from "../../../../src/runtime/supervisor/log/log.ts";
import type { LogTarget } from "../../../../src/runtime/supervisor/log/queue.ts";
import { until } from "../../../helpers/installed.ts";

/** Takes what the test lets it take. */
class Fake implements LogTarget {
  readonly batchBytes = 64 * 1024;
  text = "";
  attempts = 0;
  answer: (bytes: Buffer) => number | Error = (bytes) => bytes.length;

  async write(bytes: Buffer): Promise<number> {
    this.attempts += 1;
    const taken = this.answer(bytes);
    if (taken instanceof Error) throw taken;
    this.text += bytes.toString("utf8", 0, taken);
    return taken;
  }

  async close(): Promise<void> {}

  get lines(): string[] {
    return this.text.split("\n").filter((line) => line !== "");
  }
}

const errno = (code: string) => Object.assign(new Error(`${code}: no`), { code });
const line = (text: string) => ({ version: "1.0.0", pid: 1, text });

function logTo(target: Fake): Log {
  return new Log(target, { format: "raw" });
}

/** Printed = in the log + lost, and the log itself says how many are missing. */
function assertAccounts(log: Log, target: Fake, printed: number): void {
  const told = target.lines.flatMap(
    (one) => / (\d+) log lines? (?:is|are) missing here/.exec(one)?.[1] ?? [],
  );
  const written = target.lines.length - told.length;
  assert.equal(written + log.dropped, printed);
  assert.equal(
    told.map(Number).reduce((sum, count) => sum + count, 0),
    log.dropped,
  );
}

test("a target that takes a few bytes at a time gets every line whole", async () => {
  const target = new Fake();
  let turn = 0;
  target.answer = (bytes) => Math.min(bytes.length, turn++ % 4 === 0 ? 0 : 7);
  const log = logTo(target);
  for (let number = 0; number < 40; number += 1) log.line(line(`line ${number}`));
  await log.flush();
  assert.deepEqual(
    target.lines,
    Array.from({ length: 40 }, (_, number) => `line ${number}`),
  );
  assert.equal(log.dropped, 0);
});

test("while the disk is full lines wait; those beyond the room for it are counted and told", async () => {
  const target = new Fake();
  target.answer = () => errno("ENOSPC");
  const log = logTo(target);
  for (let number = 0; number < 200; number += 1) log.line(line("x".repeat(60_000)));
  await until("it is noticed", () => log.problem !== undefined);
  assert.ok(log.dropped > 100, `${log.dropped} dropped`);
  target.answer = (bytes) => bytes.length;
  await until("the rest is written", () => target.lines.some((one) => one.includes("missing")));
  log.line(line("after"));
  await log.flush();
  assertAccounts(log, target, 201);
  assert.match(target.text, /missing here: ENOSPC: no\nafter\n$/);
  assert.equal(log.problem, undefined);
});

test("a reader that has gone costs every line at once, and no time", async () => {
  const target = new Fake();
  target.answer = () => errno("EPIPE");
  const log = logTo(target);
  for (let number = 0; number < 10; number += 1) {
    log.line(line(`line ${number}`));
    await log.flush();
  }
  assert.equal(log.dropped, 10);
  assert.ok(target.attempts <= 10, `${target.attempts} attempts`);
});

test("lines that were lost in a worker are counted and told like our own", async () => {
  const target = new Fake();
  const log = logTo(target);
  log.line(line("before"));
  log.lose(3, "1.0.0 42 was not read");
  await log.flush();
  assert.match(
    target.text,
    /^before\n\S+ tsugi \d+ 3 log lines are missing here: 1.0.0 42 was not read\n$/,
  );
  assert.equal(log.dropped, 3);
});

for (const [what, answer] of [
  ["full", () => errno("ENOSPC")],
  ["not taking anything", () => 0],
] as const) {
  test(`it is closed within a second while the target is ${what}`, async () => {
    const target = new Fake();
    target.answer = answer;
    const log = logTo(target);
    for (let number = 0; number < 10; number += 1) log.line(line("x"));
    const began = performance.now();
    await log.close();
    assert.ok(performance.now() - began < 1_000);
    assert.equal(log.dropped, 10);
    log.line(line("after the end"));
    assert.equal(log.dropped, 11);
  });
}

test("a write that never comes back does not hold up the end", async () => {
  const target = new Fake();
  target.write = () => new Promise(() => {});
  const log = logTo(target);
  log.line(line("x"));
  const began = performance.now();
  await log.close();
  assert.ok(performance.now() - began < 1_200);
  assert.equal(log.dropped, 1);
});

test("a log that can't be written keeps no processor busy", async () => {
  const target = new Fake();
  target.answer = () => errno("ENOSPC");
  const log = logTo(target);
  log.line(line("x"));
  await until("some attempts", () => target.attempts >= 3);
  const before = target.attempts;
  const began = performance.now();
  await until("more of them", () => target.attempts >= before + 2);
  assert.ok(performance.now() - began > 300);
  await log.close();
});
