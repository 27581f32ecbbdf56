/** The short form of `npm run long -- soak --upgrades N --swap`: swaps in a row under every kind of load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assertNothingLost, LIGHT_TRAFFIC, runSoak } from "../helpers/soak.ts";

test("swaps in a row lose nothing, answer nothing twice, and leave the heap as large as it was", async () => {
  const result = await runSoak({
    nodes: ["24.21.0"],
    accepts: true,
    upgrades: 12,
    traffic: LIGHT_TRAFFIC,
  });
  assertNothingLost(result);
  for (const report of result.reports) {
    assert.equal(report.strategy, "swap", report.reasons.join());
    assert.equal(report.connections.drained, 0);
  }
  const { afterTenth, afterLast } = result.heapBytes;
  assert.ok(afterLast < afterTenth * 1.1, `${afterTenth} → ${afterLast} bytes`);
});
