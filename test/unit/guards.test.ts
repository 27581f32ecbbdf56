/** `npm run long -- guards` takes minutes; that it could run takes none. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { labelsOfSources } from "../helpers/crash/labels.ts";
import { projectRoot } from "../helpers/example.ts";
import { BUGS, PROMISES, planted } from "../helpers/guards/bugs.ts";

for (const bug of BUGS) {
  test(`can still be planted: ${bug.bug}`, () => {
    assert.notEqual(planted(bug, projectRoot), readFileSync(join(projectRoot, bug.file), "utf8"));
    if ("test" in bug.guard) {
      const { file, test: name } = bug.guard;
      const text = readFileSync(join(projectRoot, file), "utf8");
      assert.ok(text.includes(name), `${file} has no test "${name}"`);
    } else {
      assert.ok(labelsOfSources().has(bug.guard.label), bug.guard.label);
    }
  });
}

test("every promise has a bug planted", () => {
  const promised = new Set(BUGS.map(({ promise }) => String(promise)));
  assert.deepEqual([...promised], Object.keys(PROMISES));
});
