/**
 * What a rollback of an environment does, from what its hosts say: the last deploy that brought another
 * version is undone, on the hosts that it changed; or, with a version, every host goes there. Pure.
 *
 *   deploys.jsonl on a host    deploy A   deploy B   rollback (undoes B)   deploy C
 *                                                                          └─ the last: C, then A
 */

import { defined } from "../contract/checks.ts";
import { type ErrorJson, errorToJson, TsugiError } from "../contract/errors.ts";
import type { DeployRecord } from "./audit.ts";
import type { HostSpec } from "./environment.ts";
import type { HostFacts } from "./facts.ts";

export interface HostUndo {
  host: string;
  runs: string | null;
  /** Null where nothing is to be done, for the reason in `why`. */
  to: string | null;
  why: string;
}

export interface UndoPlan {
  /** The deploy that is undone; absent where a version was named. */
  deploy?: { at: string; by: string; to: string };
  hosts: HostUndo[];
  refusals: { host: string; error: ErrorJson }[];
}

interface Asked {
  host: HostSpec;
  facts: HostFacts;
}

/** @throws TSUGI_NOTHING_TO_UNDO */
export function planUndo(asked: Asked[], environment: string, version?: string): UndoPlan {
  const deploy = version === undefined ? lastDeployOf(asked, environment) : undefined;
  const plan: UndoPlan = { hosts: [], refusals: [], ...defined({ deploy }) };
  for (const { host, facts } of asked) {
    const runs = runningVersion(facts);
    try {
      const { to, why } =
        deploy === undefined ? goingTo(version!, facts) : undoing(deploy, host, facts, environment);
      if (to !== null) refuseImpossible(host, facts, to, environment);
      plan.hosts.push({ host: host.name, runs, to, why });
    } catch (error) {
      plan.refusals.push({ host: host.name, error: errorToJson(error) });
    }
  }
  const isNothing = plan.refusals.length === 0 && plan.hosts.every(({ to }) => to === null);
  if (deploy === undefined || !isNothing) return plan;
  const reasons = plan.hosts.map(({ host, why }) => `${host}: ${why}`).join("; ");
  const problem = `the last deploy (of ${deploy.to}, by ${deploy.by}) has left nothing to undo: ${reasons}`;
  throw new TsugiError("TSUGI_NOTHING_TO_UNDO", { problem, environment });
}

const keyOf = ({ at, by }: { at: string; by: string }): string => `${at} ${by}`;
const isRollback = ({ action }: DeployRecord): boolean => action === "rollback";
/** It may have brought another version, or has tried to. */
const isOfVersion = ({ action, result, from, to }: DeployRecord): boolean =>
  !isRollback({ action } as DeployRecord) && from !== to && result !== "unchanged";

const runningVersion = ({ status }: HostFacts): string | null => status?.version ?? null;

function lastDeployOf(asked: Asked[], environment: string): NonNullable<UndoPlan["deploy"]> {
  const open = asked.flatMap(({ facts }) => notUndone(facts.deploys)).filter(isOfVersion);
  const undone = new Set(asked.flatMap(({ facts }) => undoneBy(facts.deploys)));
  const left = open.filter((record) => !undone.has(keyOf(record)));
  const last = left.sort((a, b) => (a.at < b.at ? 1 : -1))[0];
  if (last !== undefined) return { at: last.at, by: last.by, to: last.to };
  const problem =
    undone.size > 0
      ? "every deploy that is written down there was undone already"
      : "no deploy that brought another version is written down there (log/deploys.jsonl)";
  throw new TsugiError("TSUGI_NOTHING_TO_UNDO", { problem, environment });
}

/** Keys of the deploys that rollbacks on this host say they have undone. */
const undoneBy = (records: DeployRecord[]): string[] =>
  records.flatMap(({ undoes, result }) =>
    undoes !== undefined && result === "done" ? [keyOf(undoes)] : [],
  );

/** A rollback that does not say what it undoes, as of an older tsugi, undoes the one before it. */
function notUndone(records: DeployRecord[]): DeployRecord[] {
  const left: DeployRecord[] = [];
  for (const record of records) {
    if (!isRollback(record)) left.push(record);
    else if (record.result === "done" && record.undoes === undefined) left.pop();
  }
  return left;
}

const nothing = (why: string) => ({ to: null, why });

function undoing(
  deploy: { at: string; by: string; to: string },
  { name: host }: HostSpec,
  facts: HostFacts,
  environment: string,
): { to: string | null; why: string } {
  const runs = runningVersion(facts);
  const record = facts.deploys.find(
    (one) => !isRollback(one) && one.at === deploy.at && one.by === deploy.by,
  );
  const change = record === undefined ? cutOffChange(deploy.to, facts) : changeIn(record);
  if (typeof change === "string") return nothing(change);
  if (runs !== null && runs !== change.to) return nothing(`runs ${runs} since then`);
  if (change.from !== null) return { to: change.from, why: "what it ran before" };
  throw new TsugiError("TSUGI_HOST_REFUSED", {
    host,
    problem: `${deploy.to} was the first release there`,
    next: `Another version: tsugi deploy ${environment} <app>@<version> --host ${host} · or without this host: --skip ${host}`,
  });
}

/** @returns what it did, or why that is nothing */
function changeIn(record: DeployRecord): { from: string | null; to: string } | string {
  const { result, from, to } = record;
  if (from === to) return "that deploy changed no version there";
  if (result === "done" || record.report?.result === "committed") {
    return result === "rolled back" ? "that deploy went back there by itself" : { from, to };
  }
  const words: Record<string, string> = {
    "not reached": "that deploy did not come to it",
    "rolled back": "that deploy went back there by itself",
    unchanged: "ran it before",
  };
  return words[result] ?? "that deploy failed there, and it kept what it ran";
}

/** The deployer lost it in the middle, and it went on by itself. */
function cutOffChange(to: string, { lastUpgrade, deploys }: HostFacts) {
  const isTold = deploys.some((record) => record.to === to && record.result === "done");
  if (lastUpgrade?.to !== to || lastUpgrade.result !== "committed" || isTold) {
    return "that deploy changed nothing there";
  }
  return { from: lastUpgrade.from, to };
}

function goingTo(version: string, facts: HostFacts): { to: string | null; why: string } {
  return runningVersion(facts) === version
    ? nothing("runs it already")
    : { to: version, why: "asked for" };
}

function refuseImpossible(
  { name: host, root }: HostSpec,
  { status, releases }: HostFacts,
  to: string,
  environment: string,
): void {
  const there = releases.find(({ version }) => version === to);
  const refuse = (problem: string, next: string) => {
    throw new TsugiError("TSUGI_HOST_REFUSED", { host, problem, next });
  };
  if (status === undefined) {
    refuse(
      `nothing runs in ${root}`,
      `What it has: tsugi exec ${environment} --host ${host} -- ls releases · tsugi status ${environment}`,
    );
  }
  if (there?.committed === undefined) {
    const ran = releases.filter(({ committed }) => committed !== undefined);
    const names = ran.map(({ version }) => version).join(", ");
    refuse(
      `it has no ${to} that ran there before (but ${names || "none"})`,
      `Deploy it: tsugi deploy ${environment} <app>@${to} · or without this host: --skip ${host}`,
    );
  }
}
