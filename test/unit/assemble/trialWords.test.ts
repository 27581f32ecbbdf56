/** What is made of a service's last words at its trial. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { nextAfter, packedWrong } from "../../../src/assemble/trialWords.ts";

describe("last words that no host can help", () => {
  const verdicts: [string, RegExp, RegExp][] = [
    ["<root>/a.js:1\nconst = ;\n\nSyntaxError: Unexpected token '='", /source/, /Correct it/],
    [
      "SyntaxError: The requested module './a.js' does not provide an export named 'b'",
      /module wants/,
      /Correct it/,
    ],
    [
      "file:///a.mjs:8\n    @mark\n    ^\n\nSyntaxError: Invalid or unexpected token",
      /decorators/,
      /experimentalDecorators/,
    ],
    ["Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'a'", /not in what was packed/, /files/],
    ["SyntaxError [ERR_INVALID_TYPESCRIPT_SYNTAX]: no", /source/, /build: "compile"/],
    ["node: bad option: --fast", /options/, /nodeArgs/],
  ];
  for (const [words, why, todo] of verdicts) {
    test(words.replaceAll("\n", " "), () => {
      const verdict = packedWrong(words);
      assert.match(verdict?.why ?? "", why);
      assert.match(verdict?.todo ?? "", todo);
    });
  }
});

test("what an app parses when it runs is no verdict, whatever its error is called", () => {
  for (const words of [
    'SyntaxError: Unexpected end of JSON input\n    at JSON.parse (<anonymous>)\n    at file:///a.js:1:6"',
    "SyntaxError: Invalid regular expression: /(/: Unterminated group\n    at new RegExp (<anonymous>)",
    "SyntaxError: Cannot convert x to a BigInt\n    at BigInt (<anonymous>)",
    "TypeError: Cannot read properties of undefined",
  ])
    assert.equal(packedWrong(words), undefined, words);
});

test("what comes next is of the words", () => {
  const path = "<root>/lib/a-1.0.0/conf/a.json";
  const missing = (name: string) => `Error: ENOENT: no such file or directory, open '${name}'`;
  for (const name of [path, "conf/a.json", "./conf/a.json"])
    assert.match(nextAfter(missing(name)), /^conf\/a\.json is not there/);
  assert.match(nextAfter(missing("/etc/ours.json")), /etc\/env/);
  assert.match(nextAfter("Error: listen EADDRINUSE: address already in use :::8080"), /port 8080/);
  assert.match(nextAfter("Error: connect ECONNREFUSED 127.0.0.1:5432"), /etc\/env/);
});
