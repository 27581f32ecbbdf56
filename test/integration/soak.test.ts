/** The short form of `npm run long -- soak --minutes N`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { broken, runMix } from "../helpers/soakMix/mix.ts";

test("a mix of upgrades and kills, seed 11, loses only what the kills took", async () => {
  const result = await runMix({
    seed: 11,
    atLeast: 6,
    nodes: ["24.21.0", "22.23.0"],
    // The versions that fail are left to the long form: each has a test of its own.
    failing: [],
    operations: ["upgrade", "rollback", "killed in an upgrade"],
    traffic: {
      newConnection: 2,
      keepAlive: 4,
      pipelining: 2,
      slowUploads: 2,
      streams: 2,
      webSockets: 30,
      compress: true,
      pauseMs: 20,
    },
  });
  const problems = result.tallies.flatMap((tally) => tally.problems).join("; ");
  for (const [what, count] of Object.entries(broken(result))) {
    assert.equal(count, 0, `${what}: ${problems}`);
  }
  assert.ok(result.killed > 0);
  assert.ok(result.verdict.lives <= 1 + result.killed);
});
