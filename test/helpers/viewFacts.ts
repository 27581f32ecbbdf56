/** What `tsugi view` would have read of so many hosts: upgraded three times, in a deploy of two waves. */
import type { UpgradeReport } from "../../src/protocol/report.ts";
import type { ViewFacts, ViewHost } from "../../src/view/facts.ts";

const DAY_MS = 86_400_000;
const NOW_MS = Date.parse("2026-11-28T15:34:10Z");
const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "2.0.0"];
const STEPS = { load: 486, rehearse: 757, freeze: 2.2, carry: 4, activate: 9.5, probation: 504 };

const iso = (beforeMs: number): string => new Date(NOW_MS - beforeMs).toISOString();

/** The first is the canary, the fourth waited longest, the last can't be reached. */
export function viewFactsOf(count: number): ViewFacts {
  const hosts = Array.from({ length: count }, (_, at) => {
    const name = `web${at + 1}.eu-west.example.net`;
    return count > 1 && at === count - 1 ? unreachable(name) : wellHost(name, at);
  });
  return { app: "wall", environment: "production", takenAt: iso(0), hosts, next: undefined };
}

function wellHost(host: string, at: number): ViewHost {
  const upgrades = VERSIONS.slice(1).map((to, index) =>
    reportOf(VERSIONS[index]!, to, iso((3 - index) * 2 * DAY_MS - at * 1000), at === 3 ? 90 : 12),
  );
  const last = upgrades.at(-1)!;
  const slot = { generation: 4, node: "24.21.0", restarts: 0, rssBytes: 70e6, healthy: true };
  const since = last.at;
  const running = {
    ...{ name: "wall", version: "2.0.0", releaseId: "ab12", status: "permanent", since },
    processes: [{ name: "main", slots: [{ ...slot, pid: 4000 + at }] }],
    ...{ etcChanged: false, upgrade: null, leftovers: [], logDropped: 0 },
  };
  const { from, to, result, pauseMs } = last;
  const deploy = {
    ...{ format: 1 as const, at: iso(2 * DAY_MS), by: "you@laptop", environment: "production" },
    ...{ action: "upgrade", from, to, result: "done", ms: 30_000 },
    ...{ wave: at === 0 ? 1 : 2, hostMs: 4_000 + at },
  };
  return {
    ...{ host, version: "2.0.0", since, health: "ok", pending: [], lock: null },
    lastUpgrade: { at: last.at, from, to, result, pauseMs },
    lastDeploy: null,
    ...{ running, upgrades, deploys: [deploy] },
  };
}

const reportOf = (from: string, to: string, at: string, pauseMs: number): UpgradeReport => ({
  ...{ format: 1, from, to, strategy: "handoff", reasons: ["packages differ"], at },
  steps: Object.entries(STEPS).map(([name, ms]) => ({ name, ms })),
  pauseMs,
  quietMs: { p50: 20, p99: 55, max: 60 },
  requests: { waited: 3, underWay: 12 },
  connections: { carried: 340, drained: 6, lost: 0 },
  states: [{ name: "live", from: 1, to: 2, bytes: 48_000, migrateMs: 2.1, rehearsed: true }],
  leftovers: [],
  result: "committed",
});

const unreachable = (host: string): ViewHost => ({
  ...{ host, version: null, since: null, health: "unreachable", pending: [], lastUpgrade: null },
  ...{ lastDeploy: null, lock: null, running: undefined, upgrades: [], deploys: [] },
  error: {
    code: "TSUGI_HOST_UNREACHABLE",
    message: `${host} could not be reached: ssh: connect to host ${host} port 22: timed out`,
    hint: "",
    exitCode: 1,
  },
});
