/** Asks the hosts for what the page shows. Reads only. */

import { jsonIn } from "../contract/checks.ts";
import { errorToJson } from "../contract/errors.ts";
import type { DeployRecord } from "../deploy/audit.ts";
import { type HostFacts, readFacts } from "../deploy/facts.ts";
import { statusOf } from "../deploy/fleetStatus.ts";
import type { Host } from "../deploy/host.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import type { ViewHost } from "./facts.ts";

/** $1 lines of each file; what is not there is empty. */
const LAST_LINES = `
tail -n "$1" -- "$2" 2>/dev/null
printf '\\0'
tail -n "$1" -- "$3" 2>/dev/null
:`;

export interface Gathered {
  host: ViewHost;
  facts: HostFacts | undefined;
}

export async function gather(host: Host, most: number): Promise<Gathered> {
  try {
    const facts = await readFacts(host.transport, host.layout, host.environment);
    const { upgradesLog, deploysLog } = host.layout;
    const argv = ["sh", "-c", LAST_LINES, "tsugi", String(most), upgradesLog, deploysLog];
    const { stdout } = await host.must("reading its history", argv, { readOnly: true });
    const [upgrades = "", deploys = ""] = stdout.split("\0");
    const status = statusOf(host.name, facts);
    return {
      facts,
      host: {
        ...status,
        running: facts.status,
        upgrades: documents<UpgradeReport>(upgrades),
        deploys: documents<DeployRecord>(deploys),
      },
    };
  } catch (error) {
    return { facts: undefined, host: unreachable(host.name, errorToJson(error)) };
  }
}

/** A line that a crash has cut is nobody's report. */
function documents<T>(lines: string): T[] {
  return lines.split("\n").flatMap((line) => jsonIn<T>(line) ?? []);
}

const unreachable = (host: string, error: ViewHost["error"]): ViewHost => ({
  host,
  version: null,
  since: null,
  health: "unreachable",
  pending: [],
  lastUpgrade: null,
  lastDeploy: null,
  lock: null,
  ...(error && { error }),
  running: undefined,
  upgrades: [],
  deploys: [],
});
