/** The metrics of this moment. Loaded where somebody asks for them. */
import { rssBytesOf } from "../../../platform/processes.ts";
import { metricsText } from "../../../protocol/metrics.ts";
import { statusOf } from "../status.ts";
import type { Supervisor } from "../supervisor.ts";
import type { Upgrades } from "../upgrades.ts";
import { ReportReader } from "./reportReader.ts";

const reader = new ReportReader();

export async function currentMetrics(supervisor: Supervisor, upgrades: Upgrades): Promise<string> {
  const { layout, tsugiVersion } = supervisor.parts;
  const status = await statusOf(supervisor, upgrades, true);
  const tally = await reader.read(layout.upgradesLog);
  return metricsText({ status, tally, tsugiVersion, supervisorRssBytes: rssBytesOf(process.pid) });
}
