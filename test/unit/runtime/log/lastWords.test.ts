import assert from "node:assert/strict";
import { test } from "node:test";
import { headlineOf, LastWords } from "../../../../src/runtime/supervisor/log/lastWords.ts";

function said(...lines: string[]) {
  const words = new LastWords();
  for (const line of lines) words.push(line);
  return words.told({ text: (line) => line.replaceAll("secret", "***") });
}

test("what Node prints of an exception is told from the error on", () => {
  const stack = Array.from({ length: 10 }, (_, at) => `    at frame${at} (file:///app.js:${at}:1)`);
  const lines = said(
    ...["listening", "file:///app.js:3", 'throw new TypeError("boom");', "^", ""],
    ...["TypeError [ERR_X]: boom", ...stack, "", "Node.js v24.21.0"],
  );
  assert.equal(lines[0], "TypeError [ERR_X]: boom");
  assert.equal(lines.length, 10);
  assert.equal(headlineOf(lines), "TypeError [ERR_X]: boom");
});

test("an error that was logged before is not the last one, a cause is none of its own", () => {
  const lines = said("Error: handled", "Error: the end", "    at x", "  [cause]: Error: why");
  assert.deepEqual(lines, ["Error: the end", "    at x", "  [cause]: Error: why"]);
});

test("without an error: the last ten lines, and the last of them is the headline", () => {
  const lines = said(...Array.from({ length: 40 }, (_, at) => `line ${at}`));
  assert.equal(lines.length, 10);
  assert.equal(headlineOf(lines), "line 39");
});

test("of an error that a logger has put words before, its message is told, not the end of its stack", () => {
  const stack = Array.from({ length: 15 }, (_, at) => `    at frame${at} (/app.js:${at}:1)`);
  const message = ["error: Failed to lift: Error: no session key", "Add it in session.js", ""];
  const lines = said("listening", ...message, ...stack);
  assert.equal(lines[0], message[0]);
  assert.equal(headlineOf(lines), message[0]);
  // Without a word that says "error", what stands above the stack.
  assert.equal(headlineOf(said("listening", "it broke", ...stack)), "it broke");
  // A stack that something was said after is not what it has ended of.
  assert.equal(headlineOf(said(...message, ...stack, "port 80 is taken")), "port 80 is taken");
});

test("a secret is masked before a line is cut", () => {
  const [line] = said(`${"x".repeat(397)}secret`);
  assert.equal(line, `${"x".repeat(397)}***`);
});

test("nothing was said: no headline", () => {
  assert.deepEqual(said("", "  "), []);
  assert.equal(headlineOf([]), undefined);
});

test("at most 2 kB, long lines cut, nothing that drives a terminal", () => {
  const long = said(...Array.from({ length: 10 }, (_, at) => `${at}${"é".repeat(10_000)}`));
  assert.ok(Buffer.byteLength(long.join("\n")) <= 2_048, `${long.join("\n").length}`);
  assert.ok(long.at(-1)!.startsWith("9"));
  assert.deepEqual(said("\u001b[31mred\u001b[0m\u0007\rover\u0000"), ["redover"]);
});
