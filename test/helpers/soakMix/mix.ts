/**
 * The mixed soak: upgrades of every kind, versions that fail, workers that are killed, in an order
 * that a seed decides, under every kind of traffic. Nothing may be lost that a kill has not taken.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Stopped } from "../../../src/protocol/documents.ts";
import { Installed, until } from "../installed.ts";
import { random, shuffled } from "../random.ts";
import { startTraffic, type Tally, type TrafficOptions } from "../traffic/index.ts";
import { Accounts, type Acknowledgement, type Verdict } from "./accounts.ts";
import { LOG_TROUBLE } from "./logTrouble.ts";
import { OPERATIONS, type Outcome, recordedWorkers, type Soaked } from "./operations.ts";
import { type Reading, read } from "./readings.ts";
import { buildSoakReleases, FAILURES, type FailureKind } from "./releases.ts";

export interface MixOptions {
  seed: number;
  /** Goes on until both are reached. */
  minutes?: number;
  atLeast?: number;
  nodes: string[];
  /** Left out: every way to fail. */
  failing?: FailureKind[];
  express?: boolean;
  traffic: TrafficOptions;
  /** Left out: all of them. */
  operations?: string[];
  onOperation?: (count: number, name: string, outcome: Outcome, failures: number) => void;
}

export interface MixResult {
  operations: Map<string, number>;
  strategies: Map<string, number>;
  tallies: Tally[];
  killed: number;
  verdict: Verdict;
  /** Requests that the server counted, those that it counted twice, and those nobody was told of. */
  journal: { total: number; twice: number; untold: number };
  readings: Reading[];
  wholeMs: number;
}

/** Far more than a stop takes, on a machine that is busy. */
const STOPPED_MS = 10_000;

/** Many crashes and failures, and none of them is to be the last. */
const CONFIG = {
  restarts: { max: 10_000 },
  timeouts: { probationMs: 4_000 },
  health: { intervalMs: 100 },
};

export async function runMix(options: MixOptions): Promise<MixResult> {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-soak-"));
  let host: Installed | undefined;
  try {
    const kinds = options.failing ?? (Object.keys(FAILURES) as FailureKind[]);
    const releases = await buildSoakReleases(
      folder,
      options.nodes,
      kinds,
      options.express ?? false,
    );
    const all = [...releases.good, ...Object.values(releases.failing)];
    const config = { ...CONFIG, keepReleases: all.length };
    host = await Installed.start(releases.good[0]!, { config });
    for (const release of all.slice(1)) {
      host.drop(release);
      await host.host.must("unpack", release.version);
    }
    const result = await soak(host, releases, options);
    await leavesNothing(host);
    return result;
  } finally {
    await host?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function soak(
  host: Installed,
  releases: Soaked["releases"],
  options: MixOptions,
): Promise<MixResult> {
  const accounts = new Accounts();
  const target = { host: "127.0.0.1", port: host.port };
  const traffic = await startTraffic(target, accounts, options.traffic);
  const { tallies } = traffic;
  for (const tally of tallies) tally.excuse = (...what) => accounts.excuses(...what);
  const soaked: Soaked = {
    host,
    releases,
    accounts,
    below: random(options.seed),
    version: releases.good[0]!.version,
    installed: new Set(),
    answers: (count) => traffic.answers(count, 60_000),
  };
  const result: MixResult = {
    operations: new Map(),
    strategies: new Map(),
    tallies,
    killed: 0,
    verdict: { acknowledged: 0, lives: 0, doubled: 0, lost: 0 },
    journal: { total: 0, twice: 0, untold: 0 },
    readings: [],
    wholeMs: 0,
  };
  try {
    await operate(soaked, options, result);
  } finally {
    await traffic.stop();
  }
  result.killed = accounts.killed;
  result.verdict = accounts.close(await host.get<Acknowledgement>("/"));
  result.journal = readJournal(host, accounts.acknowledged);
  return result;
}

async function operate(soaked: Soaked, options: MixOptions, result: MixResult): Promise<void> {
  const begun = performance.now();
  const { minutes = 0, atLeast = 0 } = options;
  const wanted = options.operations ?? Object.keys(OPERATIONS);
  const deckOf = () => wanted.flatMap((name) => Array<string>(OPERATIONS[name]!.times).fill(name));
  let deck: string[] = [];
  let count = 0;
  const add = (to: Map<string, number>, name: string) => to.set(name, (to.get(name) ?? 0) + 1);
  while (count < atLeast || performance.now() - begun < minutes * 60_000) {
    if (deck.length === 0) deck = shuffled(deckOf(), soaked.below);
    const name = deck.pop()!;
    const outcome = await OPERATIONS[name]!.run(soaked).catch((error: Error) => {
      const where = `operation ${count + 1}, ${name}, from ${soaked.version}, seed ${options.seed}`;
      throw new Error(`${where}: ${error.message}\n${soaked.host.log.slice(-3000)}`, {
        cause: error,
      });
    });
    count += 1;
    add(result.operations, name);
    if (outcome.report) add(result.strategies, outcome.report.strategy);
    await soaked.answers(1);
    await servesAlone(soaked);
    result.wholeMs = performance.now() - begun;
    result.readings.push(await read(soaked.host, result.wholeMs));
    const failures = result.tallies.reduce((sum, tally) => sum + tally.failures, 0);
    options.onOperation?.(count, name, outcome, failures);
  }
}

/** One worker, of the version that should be, and no other process of this root but the supervisor. */
async function servesAlone({ host, version }: Soaked): Promise<void> {
  const { version: serving, processes, leftovers } = await host.status();
  assert.equal(serving, version);
  assert.deepEqual(leftovers, []);
  const workers = processes.flatMap(({ slots }) => slots.map(({ pid }) => pid));
  const pids = [host.supervisorPid, ...workers];
  await until(`no process but ${pids} below ${host.root}`, () => {
    const strangers = processesBelow(host.root).filter((pid) => !pids.includes(pid));
    return strangers.length === 0;
  });
  const isRecorded = () => String(recordedWorkers(host)) === String(workers);
  await until(`run/workers names ${workers} and nothing else`, isRecorded).catch((error) => {
    throw new Error(
      `${error.message}; it names ${recordedWorkers(host)}\n${host.log.slice(-2000)}`,
    );
  });
}

/** Nobody is served any more: the application ends at once, and a full log keeps nobody from it. */
async function leavesNothing(host: Installed): Promise<void> {
  const log = join(host.root, "log", `${host.host.name}.log`);
  LOG_TROUBLE.full!.spoil(log);
  await host.host.must("rpc", 'console.log("into a full log"), 1');
  const { stdout } = await host.host.must("stop", "--json");
  LOG_TROUBLE.full!.mend(log);
  const { ms, killed } = JSON.parse(stdout) as Stopped;
  assert.ok(!killed && ms < STOPPED_MS, stdout);
  assert.deepEqual(processesBelow(host.root), []);
  const left = readdirSync(join(host.root, "run")).filter((name) => name !== "boot.err");
  assert.deepEqual(left, [], "run/ after the stop");
}

/** Supervisors and workers; a control program has another folder. */
function processesBelow(root: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const folder = readlinkSync(`/proc/${pid}/cwd`);
        return folder === join(root, "run") || folder === join(root, "var");
      } catch {
        return false;
      }
    });
}

function readJournal(host: Installed, acknowledged: number): MixResult["journal"] {
  const text = readFileSync(join(host.root, "var", "journal"), "utf8");
  const ids = text.trimEnd().split("\n");
  const twice = ids.length - new Set(ids).size;
  return { total: ids.length, twice, untold: ids.length - acknowledged };
}

/** What must be zero, by name. `untold`: handled, and the kill came before the answer. */
export function broken({ tallies, verdict, journal }: MixResult): Record<string, number> {
  const sum = (pick: (tally: Tally) => number) =>
    tallies.reduce((total, tally) => total + pick(tally), 0);
  const excused = sum(({ counts }) => counts.excused);
  return {
    "failed requests": sum((tally) => tally.failures),
    "connections dropped": sum(({ counts }) => counts.reconnected),
    "acknowledged and lost": verdict.lost,
    "sums given twice": verdict.doubled,
    "requests handled twice": journal.twice,
    "handled, never answered": journal.untold < 0 || journal.untold > excused ? 1 : 0,
  };
}
