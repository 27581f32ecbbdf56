/** The report of an upgrade before anything has happened. */
import { isoNow } from "../../platform/clock.ts";
import { REPORT_FORMAT, type UpgradeReport } from "../../protocol/report.ts";
import type { Plan } from "../../relup/index.ts";

export function emptyReport(plan: Plan): UpgradeReport {
  return {
    format: REPORT_FORMAT,
    from: plan.from,
    to: plan.to,
    strategy: plan.strategy,
    reasons: plan.reasons,
    at: isoNow(),
    steps: [],
    pauseMs: 0,
    quietMs: { p50: 0, p99: 0, max: 0 },
    requests: { waited: 0, underWay: 0 },
    connections: { carried: 0, drained: 0, lost: 0 },
    states: [],
    leftovers: [],
    result: "refused",
  };
}
