import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FileSink, LineSplitter, Log } from "../../../src/runtime/supervisor/logWriter.ts";

function inFolder(run: (folder: string) => Promise<void>) {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "tsugi-log-"));
    try {
      await run(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

test(
  "a line has time, version and pid",
  inFolder(async (folder) => {
    const log = new Log(new FileSink(join(folder, "wall.log"), 1_000_000, 3));
    log.line("1.0.0", 42, "hello");
    await log.close();
    const text = readFileSync(join(folder, "wall.log"), "utf8");
    assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z 1\.0\.0 42 hello\n$/);
  }),
);

test(
  "the log rotates by size and keeps so many files",
  inFolder(async (folder) => {
    const sink = new FileSink(join(folder, "wall.log"), 100, 2);
    for (let number = 0; number < 10; number += 1) {
      sink.write(`${number} ${"x".repeat(60)}\n`);
      await sink.flush();
    }
    assert.deepEqual(readdirSync(folder).sort(), ["wall.log", "wall.log.1", "wall.log.2"]);
    assert.match(readFileSync(join(folder, "wall.log"), "utf8"), /^9 /);
    assert.match(readFileSync(join(folder, "wall.log.2"), "utf8"), /^7 /);
    await sink.close();
  }),
);

test(
  "a log that can't be written costs lines, which are counted",
  inFolder(async (folder) => {
    const log = new Log(new FileSink(join(folder, "missing", "wall.log"), 1_000_000, 2));
    for (let number = 0; number < 200; number += 1) log.line("1.0.0", 1, "x".repeat(60_000));
    assert.ok(log.dropped > 100, `${log.dropped} dropped`);
  }),
);

test("lines are put together across chunks and characters cut in two", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  const bytes = Buffer.from("grüße\nzwei");
  for (const byte of bytes) splitter.push(Buffer.from([byte]));
  splitter.end();
  assert.deepEqual(lines, ["grüße", "zwei"]);
});
