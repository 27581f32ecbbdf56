/** What `tsugi status` tells of a host. */
import { defined } from "../contract/checks.ts";
import { type ErrorJson, errorToJson } from "../contract/errors.ts";
import type { LastEnd } from "../protocol/documents.ts";
import { bootVersion, type HostFacts, readFacts } from "./facts.ts";
import type { Host } from "./host.ts";
import type { Lock } from "./lock.ts";

export interface HostStatus {
  host: string;
  /** Null where nothing is installed. */
  version: string | null;
  /** Null where nothing runs. */
  since: string | null;
  health: "ok" | "unhealthy" | "stopped" | "not installed" | "unreachable";
  /** Of one that is stopped: how it ended, where that was not by a stop. Of Node. */
  lastEnd?: LastEnd;
  /** What waits to be done, in words. */
  pending: string[];
  /** The last upgrade on that host, by whomever. */
  lastUpgrade: { at: string; from: string; to: string; result: string; pauseMs: number } | null;
  /** `action`: what it came to there, such as `upgrade`, `reload` or `rollback`. */
  lastDeploy: { at: string; by: string; action: string; to: string; result: string } | null;
  lock: Lock | null;
  error?: ErrorJson;
}

export async function readHostStatus(host: Host): Promise<HostStatus> {
  try {
    return statusOf(host.name, await readFacts(host, host.layout, host.environment));
  } catch (error) {
    const nothing = { version: null, since: null, lastUpgrade: null, lastDeploy: null, lock: null };
    const common = { host: host.name, health: "unreachable" as const, pending: [] };
    return { ...common, ...nothing, error: errorToJson(error) };
  }
}

export function statusOf(host: string, facts: HostFacts): HostStatus {
  const { status, upgrades, lock, installed } = facts;
  const lastUpgrade = upgrades.at(-1);
  const lastDeploy = facts.deploys.at(-1);
  const slots = (status?.processes ?? []).flatMap(({ slots }) => slots);
  const running = slots.every(({ healthy }) => healthy) ? "ok" : "unhealthy";
  return {
    host,
    version: bootVersion(facts) ?? null,
    since: status?.since ?? null,
    health: status !== undefined ? running : installed ? "stopped" : "not installed",
    ...defined({ lastEnd: facts.lastEnd }),
    pending: pendingOf(facts),
    lastUpgrade:
      lastUpgrade === undefined
        ? null
        : {
            at: lastUpgrade.at,
            from: lastUpgrade.from,
            to: lastUpgrade.to,
            result: lastUpgrade.result,
            pauseMs: lastUpgrade.pauseMs,
          },
    lastDeploy:
      lastDeploy === undefined
        ? null
        : {
            at: lastDeploy.at,
            by: lastDeploy.by,
            action: lastDeploy.action,
            to: lastDeploy.to,
            result: lastDeploy.result,
          },
    lock: lock ?? null,
  };
}

function pendingOf(facts: HostFacts): string[] {
  const { status, releases, boxes, cutOff, installed, isBusy } = facts;
  const unpacked = releases.filter(({ status }) => status === "unpacked");
  const known = new Set(releases.map(({ version }) => version));
  const dropped = Object.keys(boxes).filter((version) => !known.has(version));
  return [
    ...(status?.upgrade ? [`upgrade to ${status.upgrade.to}: ${status.upgrade.step}`] : []),
    ...(status?.retiring ? [`${status.retiring.version} still answers`] : []),
    ...(status?.status === "current" ? ["not committed"] : []),
    ...(status?.etcChanged ? ["etc/ has changed"] : []),
    ...unpacked.map(({ version }) => `${version} unpacked`),
    ...dropped.map((version) => `${version} in the drop box`),
    ...(isBusy ? ["a step of a deploy goes on"] : []),
    ...(cutOff && !installed ? ["a first install was cut off"] : []),
  ];
}
