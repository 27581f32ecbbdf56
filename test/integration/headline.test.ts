/** The short form of `npm run long -- soak --upgrades N`: upgrades across Nodes under every kind of load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNothingLost, LIGHT_TRAFFIC, runSoak, SOAK_NODES } from "../helpers/soak.ts";

test("upgrades in a row over Node 20, 22, 24 and 26 lose nothing and answer nothing twice", async () => {
  const result = await runSoak({
    nodes: SOAK_NODES,
    upgrades: 8,
    traffic: LIGHT_TRAFFIC,
  });
  assertNothingLost(result);
  for (const tally of result.tallies) {
    assert.ok(tally.byVersion.size > 4, `${tally.kind} saw ${[...tally.byVersion.keys()]}`);
  }
  assert.ok(result.reports.some((report) => report.strategy === "replace"));
  assert.ok(result.reports.some((report) => report.strategy === "handoff"));
});
