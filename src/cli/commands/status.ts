import type { ToolOptions } from "../../contract/commands/tool.ts";
import { describeEnd } from "../../control/lastEnd.ts";
import { ageText, type HostStatus, lockText, readHostStatus } from "../../deploy/index.ts";
import { table } from "../../protocol/columns.ts";
import type { FleetStatus } from "../documents.ts";
import { withFleet } from "../fleet.ts";
import { hostProblem, printResult } from "../output.ts";

export async function statusCommand(name: string | undefined, options: ToolOptions<"status">) {
  await withFleet(name, options, async (hosts, environment) => {
    if (options.watch) return (await import("../fleetWatch.ts")).watchFleet(hosts);
    const statuses = await Promise.all(hosts.map(readHostStatus));
    printResult<FleetStatus>(
      { environment: environment.name, hosts: statuses },
      describe(statuses),
    );
    // For a script: 0 only where all is as it should be.
    if (statuses.some(({ health }) => health === "unreachable")) process.exitCode = 1;
    else if (statuses.some(({ since }) => since === null)) process.exitCode = 3;
    else if (statuses.some(({ health }) => health === "unhealthy")) process.exitCode = 1;
  });
}

function describe(statuses: HostStatus[]): string[] {
  const rows = statuses.map((status) => {
    const { host, version, since, health, lastUpgrade } = status;
    const pause = lastUpgrade === null ? "" : `${Math.round(lastUpgrade.pauseMs)} ms`;
    const age = since === null ? "" : ageText(since, Date.now());
    return [host, version ?? "", health, age, pause];
  });
  const lines = table([["host", "version", "health", "since", "last pause"], ...rows]);
  return [...lines, ...statuses.flatMap(remarks)];
}

function remarks({ host, pending, lastEnd, lock, error, lastDeploy }: HostStatus): string[] {
  const now = Date.now();
  const isWell = lastDeploy === null || /^(done|unchanged|rolled back)$/.test(lastDeploy.result);
  return [
    ...(error === undefined ? [] : [hostProblem(host, error)]),
    ...(lock === null ? [] : [lockText(host, lock)]),
    ...(lastEnd === undefined ? [] : [`${host}: ${describeEnd(lastEnd)}`]),
    ...pending.map((what) => `${host}: ${what}`),
    ...(isWell ? [] : [`${host}: ${lastText(lastDeploy, now)}`]),
  ];
}

function lastText(last: NonNullable<HostStatus["lastDeploy"]>, now: number): string {
  const what = last.action === "rollback" ? "the rollback to" : "the deploy of";
  return `${what} ${last.to} by ${last.by}, ${ageText(last.at, now)}: ${last.result}`;
}
