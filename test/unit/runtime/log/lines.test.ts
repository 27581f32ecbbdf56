import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatLine } from "../../../../src/runtime/supervisor/log/format.ts";
import { LineSplitter, MAX_LINE_BYTES } from "../../../../src/runtime/supervisor/log/lines.ts";

function split(...chunks: Buffer[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return lines;
}

describe("lines", () => {
  test("are put together across chunks and characters cut in two", () => {
    const bytes = [...Buffer.from("grüße\n\nzwei")].map((byte) => Buffer.from([byte]));
    assert.deepEqual(split(...bytes), ["grüße", "", "zwei"]);
  });

  test("of up to a megabyte stay one; a longer one is cut between characters", () => {
    const long = "ü".repeat(MAX_LINE_BYTES / 2);
    assert.deepEqual(split(Buffer.from(`${long}\nshort\n`)), [long, "short"]);
    const chunks = Array.from({ length: 40 }, () => Buffer.from("€".repeat(20_000)));
    const pieces = split(...chunks, Buffer.from("\n"));
    assert.equal(pieces.join(""), "€".repeat(800_000));
    assert.ok(pieces.length > 1 && pieces.every((piece) => !piece.includes("\ufffd")));
  });

  test("that come byte by byte cost each byte once", () => {
    const began = performance.now();
    const one = Buffer.from("x");
    const splitter = new LineSplitter(() => {});
    for (let count = 0; count < 900_000; count += 1) splitter.push(one);
    splitter.end();
    assert.ok(performance.now() - began < 5_000);
  });
});

describe("a line in the log", () => {
  const now = new Date("2026-01-02T03:04:05.678Z");
  const line = (text: string) => ({ version: "1.0.0", pid: 42, text });

  test("plain: time, version and pid stand before it", () => {
    assert.equal(
      formatLine("plain", line("hello"), now),
      "2026-01-02T03:04:05.678Z 1.0.0 42 hello\n",
    );
  });

  test("raw: as it was printed; what tsugi says itself is known by its name", () => {
    assert.equal(formatLine("raw", line('{"a":1}'), now), '{"a":1}\n');
    const own = { ...line("ready"), version: "tsugi-0.1.0", own: true };
    assert.equal(formatLine("raw", own, now), "2026-01-02T03:04:05.678Z tsugi-0.1.0 42 ready\n");
  });

  test("json: fields are added to an object, to the last digit; what it has itself stays", () => {
    const of = (text: string) => formatLine("json", line(text), now).trimEnd();
    const time = '"time":"2026-01-02T03:04:05.678Z"';
    assert.equal(
      of('{"level":30,"id":12345678901234567890}'),
      `{${time},"version":"1.0.0","pid":42,"level":30,"id":12345678901234567890}`,
    );
    assert.equal(of(' { "time": 1, "pid": 7 } '), '{"version":"1.0.0","time": 1, "pid": 7 }');
    assert.equal(of('{"time":1,"version":2,"pid":3}'), '{"time":1,"version":2,"pid":3}');
    assert.equal(of("{}"), `{${time},"version":"1.0.0","pid":42}`);
  });

  test("json: what is no object becomes a message", () => {
    for (const text of ["plain words", "[1]", "{broken", '"text"', "", "{ü}"]) {
      const found = JSON.parse(formatLine("json", { ...line(text), stream: "stderr" }, now));
      assert.deepEqual(found, {
        time: now.toISOString(),
        version: "1.0.0",
        pid: 42,
        stream: "stderr",
        message: text,
      });
    }
  });
});
