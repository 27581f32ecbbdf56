import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { MergedLines } from "../../../src/cli/mergedLines.ts";

test("lines of several hosts come in the order of their times; a stack trace stays with its line", () => {
  let out = "";
  const stream = new Writable({
    write: (chunk, _, done) => {
      out += chunk;
      done();
    },
  });
  const lines = new MergedLines(stream);
  const [one, two] = [lines.source("app1"), lines.source("app2")];
  one.push("2026-01-01T10:00:00.000Z 1.0.0 [1] a\n    at x\n2026-01-01T10:00:02.000Z c");
  two.push('2026-01-01T10:00:01.000Z 1.0.0 [1] b\n{"level":1,"time":"2026-01-01T10:00:03.000Z"}\n');
  one.end();
  lines.flush();
  const words = out.split("\n").map((line) => `${line.slice(0, 4)} ${line.slice(-1)}`.trim());
  assert.deepEqual(words, ["app1 a", "app1 x", "app2 b", "app1 c", "app2 }", ""]);
});
