/** What a comment or a page about the inside calls by its path is there. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "../helpers/example.ts";

const COMMENTS = /\/\*[\s\S]*?\*\/|\/\/.*|^%+.*/gm;
const PATH = /(?<![\w/.<>@*-])(?:[\w-]+\/)+[\w.-]+\.(?:ts|erl|md)\b/g;
/** Of an application that is spoken of. */
const EXAMPLES = /^(src\/(a|mail|lib\/views)|backend\/.*)\.ts$/;

const below = (place: string) =>
  readdirSync(join(projectRoot, place), { recursive: true, encoding: "utf8" }).map(
    (path) => `${place}/${path}`,
  );

function pathsIn(file: string): string[] {
  const text = readFileSync(join(projectRoot, file), "utf8");
  const spoken = file.endsWith(".md") ? [text] : (text.match(COMMENTS) ?? []);
  return spoken.flatMap((part) => part.match(PATH) ?? []);
}

test("nothing refers to a file that is not there", () => {
  const sources = below("src").filter((file) => /\.(ts|erl)$/.test(file));
  const pages = ["ARCHITECTURE.md", "CONTRIBUTING.md", ...below("docs/internals")];
  const there = ["src", "test", "docs", "scripts"].flatMap(below);
  const isThere = (path: string) => there.some((one) => one === path || one.endsWith(`/${path}`));
  const lost = [...sources, ...pages].flatMap((file) =>
    pathsIn(file)
      .filter((path) => !EXAMPLES.test(path) && !isThere(path))
      .map((path) => `${file}: ${path}`),
  );
  assert.ok(sources.length > 500);
  assert.deepEqual(lost, []);
});
