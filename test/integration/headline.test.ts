/** The short form of `npm run soak -- --upgrades N`: upgrades across Nodes under every kind of load. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runSoak, SOAK_NODES } from "../helpers/soak.ts";

test("upgrades in a row over Node 20, 22, 24 and 26 lose nothing and answer nothing twice", async () => {
  const result = await runSoak({
    nodes: SOAK_NODES,
    upgrades: 8,
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
    assert.ok(tally.byVersion.size > 4, `${tally.kind} saw ${[...tally.byVersion.keys()]}`);
  }
  assert.equal(result.journal.twice, 0);
  assert.equal(result.journal.total, result.acknowledged);
  assert.equal(result.sum, result.acknowledged);
  assert.ok(result.reports.some((report) => report.strategy === "replace"));
  assert.ok(result.reports.some((report) => report.strategy === "handoff"));
  for (const report of result.reports) {
    assert.deepEqual(report.leftovers, []);
    assert.equal(report.connections.lost, 0);
  }
});
