/** `npm run guards` takes minutes; that it could run takes none. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { projectRoot } from "../helpers/example.ts";
import { BUGS, PROMISES, planted } from "../helpers/guards/bugs.ts";

for (const bug of BUGS) {
  test(`can still be planted: ${bug.bug}`, () => {
    assert.notEqual(planted(bug, projectRoot), readFileSync(join(projectRoot, bug.file), "utf8"));
    const guards = readFileSync(join(projectRoot, bug.guard.file), "utf8");
    // Some names begin with one of a list: their end is in the source.
    const end = bug.guard.test.replace(/^at \w+: /, "");
    assert.ok(guards.includes(end), `${bug.guard.file} has no test "${bug.guard.test}"`);
  });
}

test("every promise has a bug planted", () => {
  const promised = new Set(BUGS.map(({ promise }) => String(promise)));
  assert.deepEqual([...promised], Object.keys(PROMISES));
});
