import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { compileGlob } from "../../../src/pack/glob.ts";

describe("a glob", () => {
  const cases: [string, string[], string[]][] = [
    ["public/**", ["public/a", "public/b/c.css"], ["public", "publics/a", "src/public/a"]],
    ["**/*.ejs", ["a.ejs", "x/y/a.ejs"], ["a.ejsx"]],
    ["views/*.html", ["views/a.html"], ["views/b/a.html"]],
    ["a/{b,c}/?.txt", ["a/b/1.txt", "a/c/2.txt"], ["a/d/1.txt", "a/b/12.txt"]],
    ["./data/[ab]*.json", ["data/a1.json"], ["data/c.json"]],
    ["a+b(1).txt", ["a+b(1).txt"], ["aab1.txt"]],
  ];
  for (const [glob, hits, misses] of cases) {
    test(glob, () => {
      const matches = compileGlob(glob);
      for (const path of hits) assert.ok(matches(path), path);
      for (const path of misses) assert.ok(!matches(path), path);
    });
  }
});
