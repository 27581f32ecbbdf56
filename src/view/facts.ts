/** What the page is made of: plain data, as it was read at one moment. */
import type { DeployRecord } from "../deploy/audit.ts";
import type { HostStatus } from "../deploy/fleetStatus.ts";
import type { Status, UpgradeReport } from "../protocol/report.ts";
import type { Plan } from "../relup/index.ts";

export interface ViewHost extends HostStatus {
  /** Undefined where nothing runs or nobody answers. */
  running: Status | undefined;
  /** Oldest first; as many as were asked for. */
  upgrades: UpgradeReport[];
  deploys: DeployRecord[];
}

export interface ViewFacts {
  app: string;
  environment: string;
  /** ISO time. */
  takenAt: string;
  hosts: ViewHost[];
  /** From what runs to what was named by `--next`. */
  next: Plan | undefined;
}

/** One upgrade on one host. */
export interface Upgraded {
  host: string;
  report: UpgradeReport;
}

/** Of all hosts, the newest first. */
const allUpgrades = ({ hosts }: ViewFacts): Upgraded[] =>
  hosts
    .flatMap(({ host, upgrades }) => upgrades.map((report) => ({ host, report })))
    .sort((a, b) => (a.report.at < b.report.at ? 1 : -1));

const DAY_MS = 24 * 60 * 60 * 1000;

/** The same step of the same app on several hosts, within a day, is told once. */
export function upgradesTogether(facts: ViewFacts): Upgraded[][] {
  const groups: Upgraded[][] = [];
  for (const upgraded of allUpgrades(facts)) {
    const group = groups.find(([first]) => first && areTogether(first, upgraded));
    if (group === undefined) groups.push([upgraded]);
    else group.push(upgraded);
  }
  return groups;
}

const areTogether = ({ report: a }: Upgraded, { report: b }: Upgraded): boolean =>
  a.from === b.from &&
  a.to === b.to &&
  a.strategy === b.strategy &&
  a.result === b.result &&
  Date.parse(a.at) - Date.parse(b.at) < DAY_MS;

/** The longest that anybody was without an answer. */
export const longestWaitMs = ({ report: { pauseMs, quietMs } }: Upgraded): number =>
  Math.max(pauseMs, quietMs.max);

/** A deploy writes one record on each host that it changed: all have the time of its begin. */
export function lastDeploy({ hosts }: ViewFacts): { host: string; record: DeployRecord }[] {
  const records = hosts.flatMap(({ host, deploys }) => deploys.map((record) => ({ host, record })));
  const latest = records
    .map(({ record }) => record.at)
    .sort()
    .at(-1);
  return records.filter(({ record }) => record.at === latest);
}

/** What the names of all hosts end with, from their first dot on: it is said once. */
export function domainOf({ hosts }: ViewFacts): string {
  const domains = new Set(hosts.map(({ host }) => host.replace(/^[^.]*/, "")));
  const [domain = ""] = domains;
  return hosts.length > 1 && domains.size === 1 ? domain : "";
}

/** Each host by its own part of its name. */
export function withoutDomain(facts: ViewFacts): ViewFacts {
  const { length } = domainOf(facts);
  if (length === 0) return facts;
  const hosts = facts.hosts.map((host) => ({ ...host, host: host.host.slice(0, -length) }));
  return { ...facts, hosts };
}
