import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeLine, LineDecoder, MAX_LINE_BYTES } from "../../../src/protocol/lines.ts";

function decode(...chunks: string[]) {
  const values: unknown[] = [];
  const problems: string[] = [];
  const decoder = new LineDecoder(
    (value) => values.push(value),
    (problem) => problems.push(problem),
  );
  for (const chunk of chunks) decoder.push(chunk);
  return { values, problems };
}

test("values come out whole, however their bytes were cut", () => {
  const text = encodeLine({ a: 1 }) + encodeLine("ü\n");
  for (let cut = 0; cut <= text.length; cut += 1) {
    assert.deepEqual(decode(text.slice(0, cut), text.slice(cut)).values, [{ a: 1 }, "ü\n"]);
  }
});

test("after a damaged line nothing more is taken", () => {
  const { values, problems } = decode("{\n1\n", "2\n");
  assert.deepEqual(values, []);
  assert.deepEqual(problems, ["a line is not JSON"]);
});

test("a line without an end is cut off at a limit", () => {
  const { problems } = decode("x".repeat(MAX_LINE_BYTES + 1));
  assert.deepEqual(problems, ["a line is too long"]);
});

test("a long line costs each of its pieces once", () => {
  const piece = "x".repeat(16 * 1024);
  const began = performance.now();
  let value: unknown;
  const decoder = new LineDecoder((one) => {
    value = one;
  }, assert.fail);
  decoder.push('"');
  for (let count = 0; count < 1000; count += 1) decoder.push(piece);
  decoder.push('"\n');
  assert.equal((value as string).length, 16_384_000);
  assert.ok(performance.now() - began < 2_000);
});
