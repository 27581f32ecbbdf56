/** Quoting, held against a real sh: what goes in has to come out as the same arguments. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, test } from "node:test";
import { quoteCommand } from "../../../src/transport/quote.ts";

/** Letters that mean something to some shell, and some that don't. */
const ALPHABET = [..." \t\n\r'\"\\$`!*?[]{}()<>|&;#~=%^-+,./:@aZ09äé漢\u00a0\x01\x7f"];

/** A generator with a seed: a failure can be repeated. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const through = (argv: string[]): string[] =>
  execFileSync("/bin/sh", ["-c", quoteCommand(argv)], { encoding: "utf8" })
    .split("\0")
    .slice(0, -1);

describe("quoteCommand", () => {
  test("brings every argument through a shell as it is", () => {
    const pick = random(20_260_101);
    const words = Array.from({ length: 2_000 }, () =>
      Array.from({ length: pick(9) }, () => ALPHABET[pick(ALPHABET.length)]).join(""),
    );
    assert.deepEqual(through(["printf", "%s\\0", ...words]), words);
  });

  test("the name of the command is no assignment, keyword or option of the shell", () => {
    for (const name of ["A=1", "if", "!", "{", "-x", "~", "a b"]) {
      const shell = `exec 2>&1; ${quoteCommand([name, "x"])}; echo $?`;
      const output = execFileSync("/bin/sh", ["-c", shell], { encoding: "utf8" });
      assert.match(output, /not found\n127\n$/, `${name}: ${output}`);
    }
  });

  test("is readable where nothing needs quotes", () => {
    assert.equal(
      quoteCommand(["/srv/wall/bin/wall", "plan", "1.2.0"]),
      "/srv/wall/bin/wall plan 1.2.0",
    );
    assert.equal(quoteCommand(["echo", "it's", ""]), `echo 'it'\\''s' ''`);
  });

  test("refuses what no argument can hold", () => {
    assert.throws(() => quoteCommand(["echo", "a\0b"]), RangeError);
  });
});
