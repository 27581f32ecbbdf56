/** What all the reports of upgrades.jsonl come to: counters that outlive the supervisors that count. */
import { BUCKETS_SECONDS } from "../contract/metrics.ts";
import type { UpgradeReport } from "./report.ts";

export interface Histogram {
  /** Beside each of BUCKETS_SECONDS: how many were at most that long. */
  counts: number[];
  count: number;
  sumSeconds: number;
}

export interface UpgradeTally {
  /** By strategy, result and whether it was a reload. */
  upgrades: Map<string, { labels: Record<string, string>; count: number }>;
  pause: Histogram;
  quiet: Histogram;
  connections: { carried: number; drained: number; lost: number };
  requestsWaited: number;
  /** When each was carried last. */
  stateBytes: Map<string, number>;
  lastAt: string | undefined;
}

export const emptyTally = (): UpgradeTally => ({
  upgrades: new Map(),
  pause: emptyHistogram(),
  quiet: emptyHistogram(),
  connections: { carried: 0, drained: 0, lost: 0 },
  requestsWaited: 0,
  stateBytes: new Map(),
  lastAt: undefined,
});

const emptyHistogram = (): Histogram => ({
  counts: BUCKETS_SECONDS.map(() => 0),
  count: 0,
  sumSeconds: 0,
});

export function addReport(tally: UpgradeTally, report: UpgradeReport): void {
  const { from, to, strategy, result, connections } = report;
  const labels = { kind: from === to ? "reload" : "upgrade", strategy, result };
  const key = Object.values(labels).join(" ");
  const known = tally.upgrades.get(key) ?? { labels, count: 0 };
  tally.upgrades.set(key, { labels, count: known.count + 1 });
  tally.lastAt = report.at;
  if (result !== "refused") observe(tally.pause, report.pauseMs / 1000);
  if (connections.carried > 0) observe(tally.quiet, report.quietMs.max / 1000);
  tally.connections.carried += connections.carried;
  tally.connections.drained += connections.drained;
  tally.connections.lost += connections.lost;
  tally.requestsWaited += report.requests.waited;
  for (const { name, bytes } of report.states) tally.stateBytes.set(name, bytes);
}

function observe(histogram: Histogram, seconds: number): void {
  histogram.count += 1;
  histogram.sumSeconds += seconds;
  BUCKETS_SECONDS.forEach((most, at) => {
    if (seconds <= most) histogram.counts[at]! += 1;
  });
}
