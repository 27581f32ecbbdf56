import assert from "node:assert/strict";
import { test } from "node:test";
import { wrapLines } from "../../../src/protocol/wrap.ts";

test("a code frame is not wrapped, the words around it are", () => {
  const frame = `  5 │ const answer = ${"x".repeat(30)} ${"y ".repeat(30)}`;
  const text = `${"word ".repeat(20).trim()}\n${frame}\n    ╰── here`;
  const lines = wrapLines(text, 60).split("\n");
  assert.ok(lines.includes(frame));
  assert.ok(lines.every((line) => line === frame || line.length <= 60));
});
