/** How long an old worker has for what its own SIGTERM handler still finishes: a job, say. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { UpgradeReport } from "../../src/protocol/report.ts";
import { buildWall } from "../helpers/wall.ts";

/** Longer than the five seconds that every worker has. */
const JOB_MS = 6_000;
const extra = `
process.on("SIGTERM", () => setTimeout(() => { console.log("the job is done"); process.exit(0); }, ${JOB_MS}));
`;
const config = {
  timeouts: { stopMs: 20_000, drainMs: 20_000, probationMs: 100, readyMs: 10_000 },
};
const wall = await buildWall({ "0.0.1": { extra, config } });
after(() => wall.dispose());

test("a job of an old worker is finished in what drainMs leaves, in a stop in stopMs", async (t) => {
  const { host } = await wall.host(t, "0.0.1", { config });
  await host.must("start");
  const { stdout } = await host.must("reload", "--wait", "--json");
  const report = JSON.parse(stdout) as UpgradeReport;
  assert.equal(report.result, "committed");
  assert.deepEqual(report.ended ?? [], []);
  const { output } = await host.must("stop");
  assert.doesNotMatch(output, /killed/);
  assert.equal((await host.must("logs")).stdout.match(/the job is done/g)?.length, 2);
});
