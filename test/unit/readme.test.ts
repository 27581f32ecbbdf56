/** Whoever reads the README from its top knows each word when it is used. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "../helpers/example.ts";

const readme = readFileSync(join(projectRoot, "README.md"), "utf8");

/** As it begins. */
const INTRODUCED = [
  ...["relup", "state", "rehears", "handoff", "swap", "registered", "pause", "carried", "drained"],
  ...["frozen", "probation", "permanent", "processes", "slot", "generation"],
];

for (const word of INTRODUCED) {
  test(`${word} is introduced where it stands first`, () => {
    const at = readme.search(new RegExp(`\\b${word}`));
    assert.match(
      readme.slice(at - 1),
      new RegExp(`^\\*${word}\\w*\\*`),
      readme.slice(at - 60, at + 30),
    );
  });
}

test("what only those meet who look for it is in no need of a word there", () => {
  assert.doesNotMatch(readme, /appup|drop box|hand-back/);
});
