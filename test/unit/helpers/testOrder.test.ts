import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { inOrder, LONGEST } from "../../../scripts/lib/testOrder.ts";
import { projectRoot } from "../../helpers/example.ts";

test("every test file that is said to take long is there", () => {
  const gone = LONGEST.filter((file) => !existsSync(join(projectRoot, file)));
  assert.deepEqual(gone, []);
});

test("unit tests come first, unless they need a program; then the longest", () => {
  const unit = join(projectRoot, "test/unit/relup/plan.test.ts");
  const needs = join(projectRoot, "test/unit/deploy/programs.test.ts");
  const long = join(projectRoot, LONGEST[0]!);
  assert.deepEqual(inOrder([needs, long, unit]), [unit, long, needs]);
});
