/** log/<app>.log and what is done to it: by size, by hand, by logrotate, by a disk that is full. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FileTarget } from "../../../../src/runtime/supervisor/log/file.ts";
import { Log } from "../../../../src/runtime/supervisor/log/log.ts";
import { until } from "../../../helpers/installed.ts";

const LIMITS = { maxBytes: 1_000_000, keep: 3 };

async function withLog(
  body: (log: Log, path: string, folder: string) => Promise<void>,
  limits = LIMITS,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-log-"));
  const path = join(folder, "log", "wall.log");
  mkdirSync(join(folder, "log"));
  const log = new Log(new FileTarget(path, limits), { format: "raw" });
  try {
    await body(log, path, folder);
  } finally {
    await log.close();
    rmSync(folder, { recursive: true });
  }
}

async function say(log: Log, ...texts: string[]): Promise<void> {
  for (const text of texts) log.line({ version: "1.0.0", pid: 42, text });
  await log.flush();
}

const read = (path: string) => readFileSync(path, "utf8");

test("it rotates by size and keeps so many files", () =>
  withLog(
    async (log, path, folder) => {
      for (let number = 0; number < 10; number += 1) await say(log, `${number} ${"x".repeat(60)}`);
      const names = readdirSync(join(folder, "log")).sort();
      assert.deepEqual(names, ["wall.log", "wall.log.1", "wall.log.2"]);
      assert.match(read(path), /^9 /);
      assert.match(read(`${path}.2`), /^7 /);
    },
    { maxBytes: 100, keep: 2 },
  ));

test("with keep: 0 it still ends at its size: what is full is thrown away", () =>
  withLog(
    async (log, path, folder) => {
      for (let number = 0; number < 10; number += 1) await say(log, `${number} ${"x".repeat(60)}`);
      assert.deepEqual(readdirSync(join(folder, "log")), ["wall.log"]);
      assert.match(read(path), /^9 x+\n$/);
    },
    { maxBytes: 100, keep: 0 },
  ));

test("many lines at once don't make a file larger than its size", () =>
  withLog(
    async (log, _path, folder) => {
      await say(log, ...Array.from({ length: 100 }, (_, number) => `${number} ${"x".repeat(60)}`));
      for (const name of readdirSync(join(folder, "log"))) {
        assert.ok(read(join(folder, "log", name)).length <= 1_000, name);
      }
    },
    { maxBytes: 1_000, keep: 3 },
  ));

test("removed, with its folder or without it, it is there again with the next line", () =>
  withLog(async (log, path, folder) => {
    await say(log, "one");
    rmSync(path);
    await say(log, "two");
    assert.equal(read(path), "two\n");
    rmSync(join(folder, "log"), { recursive: true });
    await say(log, "three");
    assert.equal(read(path), "three\n");
    assert.equal(log.dropped, 0);
  }));

test("moved away by logrotate it goes on in the new file, without a signal", () =>
  withLog(async (log, path) => {
    await say(log, "one");
    renameSync(path, `${path}.1`);
    writeFileSync(path, "");
    await say(log, "two");
    assert.deepEqual([read(`${path}.1`), read(path)], ["one\n", "two\n"]);
  }));

test("cut to nothing (copytruncate) it goes on at its begin", () =>
  withLog(async (log, path) => {
    await say(log, "one");
    truncateSync(path);
    await say(log, "two");
    assert.equal(read(path), "two\n");
  }));

test("after a reopen nobody holds the old file", { skip: !existsSync("/proc/self/fd") }, () =>
  withLog(async (log, path) => {
    await say(log, "one");
    renameSync(path, `${path}.old`);
    const held = () => readdirSync("/proc/self/fd").some((fd) => linkOf(fd).startsWith(path));
    assert.ok(held());
    log.reopen();
    await until("it is closed", () => !held());
    await say(log, "two");
    assert.equal(read(path), "two\n");
  }),
);

function linkOf(fd: string): string {
  try {
    return execFileSync("readlink", [`/proc/${process.pid}/fd/${fd}`], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

for (const [what, put] of [
  ["a folder", (path: string) => mkdirSync(path)],
  ["a FIFO that nobody reads", (path: string) => execFileSync("mkfifo", [path])],
] as const) {
  test(`replaced by ${what} it waits until that is gone, and says why`, () =>
    withLog(async (log, path) => {
      await say(log, "one");
      rmSync(path);
      put(path);
      void say(log, "two");
      await until("it is noticed", () => log.problem !== undefined);
      rmSync(path, { recursive: true });
      await log.flush();
      assert.equal(read(path), "two\n");
      assert.deepEqual([log.dropped, log.problem], [0, undefined]);
    }));
}

test("a log that can't be rotated goes on, and says why", () =>
  withLog(
    async (log, path) => {
      mkdirSync(`${path}.1/in the way`, { recursive: true });
      await say(log, "a".repeat(80));
      await say(log, "b".repeat(80));
      assert.match(read(path), /^a+\nb+\n$/);
      assert.match(log.problem ?? "", /can't be rotated/);
    },
    { maxBytes: 100, keep: 1 },
  ));

test("a line that a crash has cut off is no part of the next one", () =>
  withLog(async (log, path) => {
    appendFileSync(path, "whole\nhal");
    await say(log, "next");
    assert.equal(read(path), "whole\nhal\nnext\n");
  }));

const skip = whyNoDisk();

test("on a full disk every line is in the log or counted; with room it goes on", { skip }, () =>
  onSmallDisk(async (log, path, enlarge) => {
    const text = "x".repeat(200);
    for (let number = 0; number < 60_000; number += 1) {
      log.line({ version: "1.0.0", pid: 42, text: `${number} ${text}` });
      if (number % 1000 === 0) await new Promise(setImmediate);
    }
    await until("it is noticed", () => log.problem?.includes("ENOSPC"));
    assert.ok(log.dropped > 1_000, `${log.dropped}`);
    // Somebody makes room by removing the log itself, as people do, in the middle of a line.
    linkSync(path, `${path}.seen`);
    rmSync(path);
    enlarge();
    await log.flush();
    const before = read(`${path}.seen`).split("\n").slice(0, -1);
    const lines = [...before, ...read(path).trimEnd().split("\n")];
    const printed = lines.filter((line) => /^\d+ x{200}$/.test(line));
    const missing = lines.flatMap(
      (line) => /(\d+) log lines are missing here/.exec(line)?.[1] ?? [],
    );
    assert.equal(lines.length, printed.length + missing.length);
    assert.equal(printed.length + log.dropped, 60_000);
    assert.equal(
      missing.map(Number).reduce((sum, count) => sum + count),
      log.dropped,
    );
  }),
);

function whyNoDisk(): string | false {
  if (process.getuid?.() !== 0) return "only root can mount a small file system";
  const folder = mkdtempSync(join(tmpdir(), "tsugi-log-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", folder], { stdio: "ignore" });
    execFileSync("umount", [folder]);
    return false;
  } catch {
    return "nothing can be mounted here";
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function onSmallDisk(body: (log: Log, path: string, enlarge: () => void) => Promise<void>) {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-log-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]);
  const log = new Log(new FileTarget(join(folder, "wall.log"), { maxBytes: 1e9, keep: 1 }), {
    format: "raw",
  });
  try {
    await body(log, join(folder, "wall.log"), () => {
      execFileSync("mount", ["-o", "remount,size=32m", folder]);
    });
  } finally {
    await log.close();
    execFileSync("umount", ["-l", folder]);
    rmSync(folder, { recursive: true });
  }
}
