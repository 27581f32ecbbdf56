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
import { bootVersion, type HostFacts } from "./facts.ts";

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
  const told = deploy && { at: deploy.at, by: deploy.by, to: deploy.to };
  const plan: UndoPlan = { hosts: [], refusals: [], ...defined({ deploy: told }) };
  for (const { host, facts } of asked) {
    const runs = facts.status?.version ?? null;
    try {
      const { to, why } =
        deploy === undefined ? goingTo(version!, facts) : undoing(deploy, host, facts, environment);
      if (to !== null) refuseImpossible(host, facts, to, environment);
      const isStarted = to !== null && runs === null;
      const reason = isStarted ? `${why}; nothing runs there: it is started` : why;
      plan.hosts.push({ host: host.name, runs, to, why: reason });
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

/** A deploy: one run of it, or several, where it was done again until it had come to its end. */
interface Deploy {
  at: string;
  by: string;
  to: string;
  runs: Set<string>;
}

function lastDeployOf(asked: Asked[], environment: string): Deploy {
  const all = deploysOf(asked);
  const last = all.findLast((deploy) => !isUndone(deploy, asked));
  if (last !== undefined) return last;
  const problem =
    all.length > 0
      ? "every deploy that is written down there was undone already"
      : "no deploy that brought another version is written down there (log/deploys.jsonl)";
  throw new TsugiError("TSUGI_NOTHING_TO_UNDO", { problem, environment });
}

/** Of all hosts, the newest last. Runs that bring the same version are one deploy, but for a rollback between them. */
function deploysOf(asked: Asked[]): Deploy[] {
  const records = asked.flatMap(({ facts: { deploys } }) => [
    ...notUndone(deploys).filter(isOfVersion),
    ...deploys.filter((record) => isRollback(record) && record.undoes !== undefined),
  ]);
  const all: Deploy[] = [];
  let isNext = true;
  for (const record of records.sort((a, b) => (a.at < b.at ? -1 : 1))) {
    const { at, by, to } = record;
    const last = all.at(-1);
    if (isRollback(record)) isNext = true;
    else if (isNext || last?.to !== to) {
      all.push({ at, by, to, runs: new Set([keyOf(record)]) });
      isNext = false;
    } else {
      Object.assign(last, { at, by });
      last.runs.add(keyOf(record));
    }
  }
  return all;
}

/** On each host that it had changed. */
function isUndone(deploy: Deploy, asked: Asked[]): boolean {
  const all = asked.map(({ facts }) => changeBy(deploy, facts));
  return all.includes(UNDONE) && !all.some((change) => typeof change !== "string");
}

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
  deploy: Deploy,
  { name: host }: HostSpec,
  facts: HostFacts,
  environment: string,
): { to: string | null; why: string } {
  const runs = bootVersion(facts);
  const change = changeBy(deploy, facts);
  if (typeof change === "string") return nothing(change);
  if (runs !== undefined && runs !== change.to) return nothing(`runs ${runs} since then`);
  if (change.from !== null) return { to: change.from, why: "what it ran before" };
  throw new TsugiError("TSUGI_HOST_REFUSED", {
    host,
    problem: `${deploy.to} was the first release there`,
    next: `Another version: tsugi deploy ${environment} <app>@<version> --host ${host} · or without this host: --skip ${host}`,
  });
}

type Change = { from: string | null; to: string };

const UNDONE = "it was undone there already";

/** @returns what it did there, or why that is nothing */
function changeBy({ runs, to }: Deploy, facts: HostFacts): Change | string {
  const { deploys } = facts;
  const undoes = ({ undoes, result }: DeployRecord) =>
    undoes !== undefined && result === "done" && runs.has(keyOf(undoes));
  if (deploys.some(undoes)) return UNDONE;
  const records = deploys.filter((record) => !isRollback(record) && runs.has(keyOf(record)));
  const changes = records.map(changeIn);
  const change = changes.find((one) => typeof one !== "string");
  if (change !== undefined) return change;
  // Of a run that is not written down there, the deployer may have lost it in the middle.
  const isCutOff = records.length < runs.size;
  const last = changes.at(-1) ?? "that deploy changed nothing there";
  return (isCutOff && changeByItself(to, facts)) || last;
}

/** @returns what it did, or why that is nothing */
function changeIn({ result, from, to, report }: DeployRecord): Change | string {
  if (from === to) return "that deploy changed no version there";
  if (result === "done") return { from, to };
  if (report?.result === "committed" && result !== "rolled back") return { from, to };
  const words: Record<string, string> = {
    "not reached": "that deploy did not come to it",
    "rolled back": "that deploy went back there by itself",
    unchanged: "ran it before",
  };
  return words[result] ?? "that deploy failed there, and it kept what it ran";
}

/** It went on without its deployer: no account tells of its last upgrade. */
function changeByItself(to: string, { upgrades, deploys }: HostFacts): Change | undefined {
  const last = upgrades.findLast((one) => one.result === "committed" && one.from !== one.to);
  const isTold = deploys.some(({ report }) => report !== undefined && report.at === last?.at);
  return last === undefined || last.to !== to || isTold ? undefined : { from: last.from, to };
}

function goingTo(version: string, facts: HostFacts): { to: string | null; why: string } {
  return facts.status?.version === version
    ? nothing("runs it already")
    : { to: version, why: "asked for" };
}

function refuseImpossible(
  { name: host, root }: HostSpec,
  { releases, status, systemd }: HostFacts,
  to: string,
  environment: string,
): void {
  const there = releases.find(({ version }) => version === to);
  const refuse = (problem: string, next: string) => {
    throw new TsugiError("TSUGI_HOST_REFUSED", { host, problem, next });
  };
  if (status === undefined && systemd.hasUnit) {
    refuse(
      `nothing runs in ${root}, and it is systemd's to start`,
      `There: stop the unit · bin/<app> start --version ${to} · bin/<app> stop · start the unit`,
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
