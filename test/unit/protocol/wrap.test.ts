import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, errorToJson, renderErrorJson, TsugiError } from "../../../src/contract/errors.ts";
import { wrap, wrapLines } from "../../../src/protocol/wrap.ts";

const atEighty = (error: TsugiError): string[] =>
  wrapLines(renderErrorJson(errorToJson(error)), 80).split("\n");

test("words are wrapped, continuation lines indented", () => {
  assert.equal(wrap("one two three", "  ", 8), "one two\n  three");
});

test("an error fits the terminal, and its continuation stands below its text", () => {
  const text =
    "Handed back. A loop that never calls its module by name can't be upgraded; change it";
  const error = new TsugiError("TSUGI_USAGE", { problem: "x ".repeat(60).trim(), help: text });
  const lines = atEighty(error);
  assert.ok(
    lines.every((line) => line.length <= 80),
    lines.join("\n"),
  );
  assert.match(lines.at(-1)!, /^ {4}\S/);
});

test("a command or a setting to be copied is in one piece, on a line of its own if need be", () => {
  const copied = (help: string) => atEighty(new TsugiError("TSUGI_USAGE", { problem: "", help }));
  const long = `ssh -F /home/somebody/.ssh/${"x".repeat(40)} app1.example.com true`;
  assert.deepEqual(copied(`Go there by hand once, and answer what it asks: ${long}`).slice(2), [
    "  → Go there by hand once, and answer what it asks:",
    `    ${long}`,
  ]);
  const setting = `secrets: { allow: [{ file: "config/prod.exs", reason: "no secret, a key of tests" }] }`;
  assert.ok(
    copied(`If it is none, say why: ${setting} in tsugi.config.*`).some((line) =>
      line.includes(setting),
    ),
  );
});

test("the commands of every hint stay whole, however narrow the terminal is", () => {
  const commands = /(?:\btsugi|\/srv\/wall\/bin\/wall) [a-z]+(?: --?[a-z-]+)*(?: [<{]\w+[>}])?/g;
  for (const [code, definition] of Object.entries(ERRORS)) {
    const hint = definition.hint.replaceAll("{bin}", "/srv/wall/bin/wall");
    const wrapped = wrapLines(renderErrorJson({ code, message: "", hint, exitCode: 1 }), 40);
    for (const [command] of hint.matchAll(commands)) {
      assert.ok(wrapped.includes(command), `${code}: ${command}\n${wrapped}`);
    }
  }
});

test("what is no terminal gets whole lines", () => {
  const text = `  ${"word ".repeat(50)}`;
  assert.equal(wrapLines(text, undefined), text);
});
