/** What is done to the service: each operation says how it has to end, and looks that it did. */
import assert from "node:assert/strict";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { livingOf } from "../../../src/platform/processes.ts";
import type { UpgradeReport } from "../../../src/protocol/report.ts";
import type { BuiltRelease } from "../fixtureReleases.ts";
import { type Installed, until } from "../installed.ts";
import { oneOf, type Random } from "../random.ts";
import { HttpConnection } from "../traffic/http1.ts";
import type { Accounts } from "./accounts.ts";
import { LOG_TROUBLE, logTroubles } from "./logTrouble.ts";
import { FAILURES, type FailureKind, type SoakReleases } from "./releases.ts";

export interface Soaked {
  host: Installed;
  releases: SoakReleases;
  accounts: Accounts;
  below: Random;
  /** Serves. */
  version: string;
  /** Were permanent once: what a downgrade may go to. */
  installed: Set<string>;
  /** Resolves when every kind of client has had more answers. */
  answers: (count: number) => Promise<void>;
}

export interface Outcome {
  /** For the log: versions, strategy, what became of it. */
  text: string;
  report?: UpgradeReport;
}

type Operation = (soaked: Soaked) => Promise<Outcome>;

/** How often each comes in a deck; the deck is shuffled anew when it is used up. */
export const OPERATIONS: Record<string, { times: number; run: Operation }> = {
  upgrade: { times: 9, run: (soaked) => change(soaked, "upgrade", another(soaked)) },
  downgrade: { times: 2, run: downgrade },
  rollback: { times: 2, run: rollback },
  reload: { times: 2, run: reload },
  "install, commit": { times: 1, run: (soaked) => install(soaked, "commit") },
  "install, rollback": { times: 1, run: (soaked) => install(soaked, "rollback") },
  check: { times: 1, run: check },
  "does not load": { times: 1, run: (soaked) => failing(soaked, "load") },
  "can't prepare": { times: 1, run: (soaked) => failing(soaked, "prepare") },
  "can't migrate": { times: 1, run: (soaked) => failing(soaked, "migration") },
  unhealthy: { times: 1, run: (soaked) => failing(soaked, "health") },
  "held by a request": { times: 1, run: held },
  "worker killed": { times: 1, run: (soaked) => killWorker(soaked, servingPid(soaked)) },
  "killed in an upgrade": { times: 2, run: killDuringUpgrade },
  "a log in trouble": { times: 2, run: logInTrouble },
};

/** Half of the time one with the same Node, where there is one: else most would be a replace. */
function another({ releases, version, below }: Soaked): BuiltRelease {
  const { node } = releases.good.find((release) => release.version === version)!;
  const others = releases.good.filter((release) => release.version !== version);
  const near = others.filter((release) => release.node === node);
  return oneOf(near.length > 0 && below(2) === 0 ? near : others, below);
}

const told = ({ from, to, strategy, result, pauseMs, connections }: UpgradeReport) => {
  const { carried, drained, lost } = connections;
  return `${from} → ${to} ${strategy}: ${result}, pause ${pauseMs} ms, carried ${carried}, drained ${drained}, lost ${lost}`;
};

/** Must be committed, with nothing lost and nothing left. */
async function change(soaked: Soaked, verb: string, to?: BuiltRelease): Promise<Outcome> {
  const args = to === undefined ? [verb] : [verb, to.version];
  const { status, report } = await soaked.host.report(...args);
  assert.equal(status, 0, `${args.join(" ")}: ${JSON.stringify(report)}`);
  committed(soaked, report);
  return { text: told(report), report };
}

function committed(soaked: Soaked, report: UpgradeReport): void {
  assert.equal(report.result, "committed", JSON.stringify(report));
  assert.equal(report.connections.lost, 0, JSON.stringify(report));
  assert.deepEqual(report.leftovers, []);
  soaked.installed.add(soaked.version);
  soaked.version = report.to;
}

/** Must go back, with that exit code and everything as before. */
function wentBack(
  soaked: Soaked,
  { status, report }: { status: number | null; report: UpgradeReport },
  exitCode: number,
  result: UpgradeReport["result"],
): Outcome {
  assert.equal(status, exitCode, JSON.stringify(report));
  assert.equal(report.result, result, JSON.stringify(report));
  assert.equal(report.connections.lost, 0, JSON.stringify(report));
  assert.equal(report.stateAsOf, undefined, JSON.stringify(report));
  assert.notEqual(report.to, soaked.version);
  return { text: `${told(report)} (${report.error?.code})`, report };
}

async function downgrade(soaked: Soaked): Promise<Outcome> {
  const { installed, version, releases, below } = soaked;
  const earlier = releases.good.filter(
    (one) => one.version !== version && installed.has(one.version),
  );
  if (earlier.length === 0) return change(soaked, "upgrade", another(soaked));
  return change(soaked, "downgrade", oneOf(earlier, below));
}

async function rollback(soaked: Soaked): Promise<Outcome> {
  if (soaked.installed.size === 0) return change(soaked, "upgrade", another(soaked));
  return change(soaked, "rollback");
}

let reloads = 0;

async function reload(soaked: Soaked): Promise<Outcome> {
  const { host } = soaked;
  const round = String(++reloads);
  appendFileSync(join(host.root, "etc", "env"), `SOAK_ROUND=${round}\n`);
  const { status, report } = await host.report("reload");
  assert.equal(status, 0, JSON.stringify(report));
  committed(soaked, report);
  assert.match((await host.host.must("rpc", "process.env.SOAK_ROUND")).stdout, RegExp(round));
  return { text: told(report), report };
}

async function install(soaked: Soaked, decision: "commit" | "rollback"): Promise<Outcome> {
  const { host } = soaked;
  const { version } = another(soaked);
  await host.host.must("install", version);
  await soaked.answers(1);
  if (decision === "rollback") {
    const { status, output } = await host.host.app("rollback", "--json");
    assert.equal(status, 0, output);
    return { text: `${soaked.version} → ${version}: installed, given up` };
  }
  await host.host.must("commit");
  soaked.installed.add(soaked.version);
  const text = `${soaked.version} → ${version}: installed, committed`;
  soaked.version = version;
  return { text };
}

async function check(soaked: Soaked): Promise<Outcome> {
  const { version } = another(soaked);
  const { status, report } = await soaked.host.report("check", version);
  assert.equal(status, 0, JSON.stringify(report));
  assert.equal(report.result, "checked");
  return { text: told(report), report };
}

async function failing(soaked: Soaked, kind: FailureKind): Promise<Outcome> {
  const release = soaked.releases.failing[kind]!;
  const { exitCode } = FAILURES[kind];
  const result = exitCode === 5 ? "handed-back" : "refused";
  return wentBack(soaked, await soaked.host.report("upgrade", release.version), exitCode, result);
}

/** A request that does not end in time: the freeze runs out, the old version goes on. */
async function held(soaked: Soaked): Promise<Outcome> {
  const { host } = soaked;
  const connection = await HttpConnection.open({ host: "127.0.0.1", port: host.port });
  try {
    const answer = connection.exchange({ method: "GET", path: "/hold" }, 60_000);
    answer.catch(() => {});
    const upgraded = await host.report("upgrade", another(soaked).version);
    const outcome = wentBack(soaked, upgraded, 4, "thawed");
    await fetch(`http://127.0.0.1:${host.port}/let-go`, { headers: { connection: "close" } });
    assert.equal((await answer).status, 200);
    return outcome;
  } finally {
    await connection.close();
  }
}

async function servingPid({ host }: Soaked): Promise<number> {
  const { processes } = await host.status();
  return processes[0]!.slots[0]!.pid;
}

async function killWorker(soaked: Soaked, whose: Promise<number>): Promise<Outcome> {
  const pid = await whose;
  await kill(soaked, pid);
  await recovered(soaked);
  return { text: `${soaked.version}: pid ${pid}` };
}

const LONGEST_WAIT_MS = 1_500;

/** It prints, and is upgraded, while nothing can be written as ever. */
async function logInTrouble(soaked: Soaked): Promise<Outcome> {
  const { host, below } = soaked;
  const name = oneOf(logTroubles(), below);
  const trouble = LOG_TROUBLE[name]!;
  const path = join(host.root, "log", `${host.host.name}.log`);
  trouble.spoil(path);
  try {
    await host.host.must("rpc", 'console.log("into a log in trouble"), 1');
    const { text, report } = await change(soaked, "upgrade", another(soaked));
    return { text: `${name}: ${text}`, ...(report ? { report } : {}) };
  } finally {
    trouble.mend(path);
  }
}

/** Whichever worker is there at some moment of an upgrade: old, new or a rehearsal's. */
async function killDuringUpgrade(soaked: Soaked): Promise<Outcome> {
  const { host, below } = soaked;
  const { version } = another(soaked);
  const waitMs = below(LONGEST_WAIT_MS);
  const upgrading = host.report("upgrade", version);
  await Promise.race([pause(waitMs), upgrading]);
  const pids = recordedWorkers(host);
  const pid = pids[below(Math.max(1, pids.length))];
  if (pid !== undefined) await kill(soaked, pid);
  const { status, report } = await upgrading;
  const killed = `killed ${pid} of ${pids} after ${waitMs} ms`;
  assert.ok([0, 4, 5].includes(status ?? -1), `${killed}: ${JSON.stringify(report)}`);
  if (report.result === "committed") {
    soaked.installed.add(soaked.version);
    soaked.version = version;
  }
  await recovered(soaked);
  const text = `${told(report)} (exit ${status}; ${killed})`;
  return { text, report };
}

/** What the next start would end, should the supervisor be killed. */
export function recordedWorkers(host: Installed): number[] {
  const text = readFileSync(join(host.root, "run", "workers"), "utf8");
  return livingOf(text).map(({ pid }) => pid);
}

async function kill(soaked: Soaked, pid: number): Promise<void> {
  soaked.accounts.kills(pid);
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It had just ended by itself.
  }
}

/** Restarted, healthy, and every kind of client is served again. */
async function recovered(soaked: Soaked): Promise<void> {
  const { host } = soaked;
  await until(
    "a healthy worker after the kill",
    async () => {
      const { processes, upgrade } = await host.status();
      return (
        upgrade === null && processes.every(({ slots }) => slots.every((slot) => slot.healthy))
      );
    },
    60_000,
  );
  await soaked.answers(8);
  soaked.accounts.recovered();
}
