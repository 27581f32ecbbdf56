import assert from "node:assert/strict";
import { test } from "node:test";
import { type ManifestFile, sha256 } from "../../../src/release/manifest.ts";
import { cutIntoRuns } from "../../../src/release/stored.ts";

const file = (path: string, content: string, size = 1000): ManifestFile => ({
  path,
  mode: 0o644,
  size,
  sha256: sha256(content),
});

const packages = (hash: string, change: Record<number, string> = {}) =>
  Array.from({ length: 2000 }, (_, index) =>
    file(`lib/packages-${hash}/node_modules/p${index}/index.js`, change[index] ?? String(index)),
  );

test("every file with content is in one run, in order; links and empty files in none", () => {
  const link = { ...file("lib/a/link", "x", 0), link: "b" };
  const files = [file("bin/a", "a"), file("lib/a/empty", "", 0), link, ...packages("0")];
  const runs = cutIntoRuns(files);
  const inRuns = runs.flatMap((run) => run.files);
  assert.deepEqual(inRuns, [files[0], ...packages("0")]);
});

test("a changed file changes the run that it is in, and under another folder none", () => {
  const before = new Set(cutIntoRuns(packages("0000")).map(({ blob }) => blob));
  assert.ok(before.size > 60 && before.size < 250, String(before.size));
  const fresh = (files: ManifestFile[]) =>
    cutIntoRuns(files).filter(({ blob }) => !before.has(blob)).length;
  assert.equal(fresh(packages("1111")), 0);
  assert.ok(fresh(packages("1111", { 700: "changed" })) <= 2);
  const [first, ...others] = packages("2222");
  assert.ok(fresh([first!, file("lib/packages-2222/new", "new"), ...others]) <= 2);
});

test("a large file stands alone, and no run grows without end", () => {
  const large = file("lib/a/large", "large", 100_000);
  const runs = cutIntoRuns([file("lib/a/b", "b"), large, file("lib/a/z", "z")]);
  assert.deepEqual(
    runs.map(({ files }) => files.map(({ path }) => path)),
    [["lib/a/b"], ["lib/a/large"], ["lib/a/z"]],
  );
  const many = Array.from({ length: 500 }, (_, n) =>
    file(`lib/a/${n}`, "never ends a run", 60_000),
  );
  for (const run of cutIntoRuns(many)) assert.ok(run.files.length <= 9);
});
