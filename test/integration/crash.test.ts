/**
 * A crash at any instant leaves one whole version (promise 3), and what led to that being tested so:
 * the cells of the crash sweep that once failed, and a few more. All of them: `npm run long -- crash`.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { labelsOfSources } from "../helpers/crash/labels.ts";
import { nameOf } from "../helpers/crash/outcome.ts";
import { SCENARIOS } from "../helpers/crash/scenarios.ts";
import type { Survey } from "../helpers/crash/survey.ts";
import { allCells, cellOf, Sweep, sampleOf } from "../helpers/crash/sweep.ts";

/** Label → why no scenario passes it. */
const NOT_PASSED: Record<string, string> = {
  "share.file:rename": "of a first start beside another root of the same user, who is not root",
  "share.file:renamed": "as above: the same bytes under the same name, before and after",
  "unpack.signature:write": "of a signed release; the same writes as those of its manifest",
  "unpack.signature:rename": "as above",
  "unpack.signature:renamed": "as above",
};

/** Each showed something that was wrong. */
const ONCE_FAILED = new Set([
  "handoff permanent:renamed × eio",
  "handoff releases:write#3 × full-disk",
  "handoff remove:renamed × supervisor",
  "handoff report:append × torn",
  "handoff unpack.manifest:rename × supervisor",
  "handoff unpack.manifest:renamed × supervisor",
  "swap upgrade:activate × eio",
  "replace releases:rename#2 × full-disk",
  "replace report:append × eio",
  "replace permanent:write × successor",
  "replace takeOver:lock × eio",
  "replace takeOver:lock × supervisor",
  "replace upgrade:takeOver × new-worker",
  "hand-back releases:write#2 × full-disk",
  "hand-back upgrade:connections × new-worker",
]);
const SEED = 8;
const SAMPLE = 1;

const sweep = new Sweep(1);
let surveys: Survey[] = [];

describe("a crash at any instant", () => {
  before(async () => {
    surveys = await sweep.survey(SCENARIOS);
  });
  after(() => sweep.end());

  test("every label of the sources is passed by some scenario, and every other one by none", () => {
    const passed = new Set(surveys.flatMap(({ instants }) => instants.map(({ label }) => label)));
    const wanted = labelsOfSources();
    const missing = [...wanted].filter((label) => !passed.has(label));
    assert.deepEqual(missing.sort(), Object.keys(NOT_PASSED).sort());
    assert.deepEqual(
      [...passed].filter((label) => !wanted.has(label)),
      [],
    );
  });

  test("what once failed, and a sample, holds the promises", async (t) => {
    const all = allCells(surveys);
    const isOnceFailed = (cell: (typeof all)[number]) => ONCE_FAILED.has(nameOf(cellOf(cell)));
    const once = all.filter(isOnceFailed);
    assert.equal(once.length, ONCE_FAILED.size, "a cell that once failed is there no more");
    const others = all.filter((cell) => !isOnceFailed(cell));
    for (const cell of [...once, ...sampleOf(others, SAMPLE, SEED)]) {
      await t.test(nameOf(cellOf(cell)), async () => {
        const [outcome] = await sweep.run([cell], () => {});
        assert.deepEqual(outcome?.problems, []);
      });
    }
  });
});
