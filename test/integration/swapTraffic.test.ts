/** The short form of `npm run soak -- --upgrades N --swap`: swaps in a row under every kind of load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSoak } from "../helpers/soak.ts";

test("swaps in a row lose nothing, answer nothing twice, and leave the heap as large as it was", async () => {
  const result = await runSoak({
    nodes: ["24.21.0"],
    accepts: true,
    upgrades: 12,
    traffic: {
      newConnection: 3,
      keepAlive: 6,
      pipelining: 3,
      slowUploads: 3,
      streams: 3,
      webSockets: 60,
      compress: true,
      pauseMs: 20,
    },
  });
  for (const tally of result.tallies) {
    assert.equal(tally.failures, 0, `${tally.kind}: ${tally.problems.join("; ")}`);
    assert.equal(tally.counts.reconnected, 0, `${tally.kind} had to connect again`);
    assert.equal(tally.counts.answered, tally.counts.sent, tally.kind);
  }
  assert.equal(result.journal.twice, 0);
  assert.equal(result.journal.total, result.acknowledged);
  assert.equal(result.sum, result.acknowledged);
  for (const report of result.reports) {
    assert.equal(report.strategy, "swap", report.reasons.join());
    assert.deepEqual(report.leftovers, []);
    assert.equal(report.connections.lost, 0);
    assert.equal(report.connections.drained, 0);
  }
  const { afterTenth, afterLast } = result.heapBytes;
  assert.ok(afterLast < afterTenth * 1.1, `${afterTenth} → ${afterLast} bytes`);
});
