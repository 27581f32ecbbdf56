/**
 * The headline test, of any length: upgrades in a row over several Nodes and two shapes of state,
 * under a load of every kind of client, and the server's journal held against what they saw.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpgradeReport } from "../../src/protocol/report.ts";
import { projectRoot } from "./example.ts";
import { type BuiltRelease, buildVariant } from "./fixtureReleases.ts";
import { Installed } from "./installed.ts";
import {
  startTraffic,
  type Tally,
  type Traffic,
  type TrafficOptions,
  type Workload,
} from "./traffic/index.ts";

export const SOAK_NODES = ["20.20.0", "22.23.0", "24.21.0", "26.10.0"];

/** Every kind of client, and not so many that two processors have no time for anything else. */
export const LIGHT_TRAFFIC = {
  newConnection: 3,
  keepAlive: 6,
  pipelining: 3,
  slowUploads: 3,
  streams: 3,
  webSockets: 60,
  compress: true,
  pauseMs: 20,
};

export interface SoakOptions {
  nodes: string[];
  /** The application accepts to be swapped in place: with one Node, every upgrade is a swap. */
  accepts?: boolean;
  /** The same service with Express. */
  express?: boolean;
  upgrades: number;
  traffic: TrafficOptions;
  onUpgrade?: (report: UpgradeReport, count: number, failures: number) => void;
}

export interface SoakResult {
  reports: UpgradeReport[];
  tallies: Tally[];
  /** Requests that the server counted, and those that it counted twice. */
  journal: { total: number; twice: number };
  /** Of the first worker, after the tenth upgrade and after the last: nothing grows with swaps. */
  heapBytes: { afterTenth: number; afterLast: number };
  /** What clients were told was counted, and the sum in memory at the end. */
  acknowledged: number;
  sum: number;
}

/** Every request counts one; its answer is the acknowledgement. */
class Increments implements Workload {
  acknowledged = 0;

  request(id: string) {
    const body = JSON.stringify({ id, padding: "x".repeat(2_000) });
    return { method: "POST", path: "/increment", headers: { "x-request-id": id }, body };
  }

  check(id: string, response: { status: number; headers: Record<string, string | undefined> }) {
    if (response.status !== 200) throw new Error(`status ${response.status}`);
    if (response.headers["x-request-id"] !== id) throw new Error("another request's answer");
    this.acknowledged += 1;
    return response.headers["x-version"] ?? "?";
  }
}

/** What was sent was answered, once; what was acknowledged is in the state; nothing is left over. */
export function assertNothingLost({ tallies, journal, sum, acknowledged, reports }: SoakResult) {
  for (const tally of tallies) {
    assert.equal(tally.failures, 0, `${tally.kind}: ${tally.problems.join("; ")}`);
    assert.equal(tally.counts.reconnected, 0, `${tally.kind} had to connect again`);
    assert.equal(tally.counts.answered, tally.counts.sent, tally.kind);
  }
  assert.equal(journal.twice, 0);
  assert.equal(journal.total, acknowledged);
  assert.equal(sum, acknowledged);
  for (const { leftovers, connections } of reports) {
    assert.deepEqual(leftovers, []);
    assert.equal(connections.lost, 0);
  }
}

export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-soak-"));
  let host: Installed | undefined;
  try {
    const releases = await buildReleases(folder, options);
    // Hundreds of swaps: each is proven as often as ever, in less time.
    const health = options.accepts ? { health: { intervalMs: 100 } } : {};
    const config = { keepReleases: releases.length, ...health };
    host = await Installed.start(releases[0]!, { config });
    for (const release of releases.slice(1)) {
      host.drop(release);
      await host.host.must("unpack", release.version);
    }
    return await soak(host, releases, options);
  } finally {
    await host?.remove();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** For each Node one release with each shape of the state: neighbours differ in one or in both. */
async function buildReleases(
  folder: string,
  { nodes, accepts = false, express = false }: SoakOptions,
): Promise<BuiltRelease[]> {
  const releases: BuiltRelease[] = [];
  for (const [index, node] of nodes.entries()) {
    for (const shape of index % 2 === 0 ? [1, 2] : [2, 1]) {
      const version = `${releases.length + 1}.0.0`;
      const prepare = (project: string) => {
        makeSoakProject(project, shape, express);
        if (accepts) appendFileSync(join(project, "src/state.ts"), "\nhot.accept();\n");
      };
      const variant = { fixture: "soak-1.0.0", version, node, prepare };
      releases.push(await buildVariant(join(folder, version), variant));
    }
  }
  return releases;
}

/** The copied fixture with that shape of the state, and with Express if so. */
export function makeSoakProject(project: string, shape: number, express: boolean): void {
  if (shape === 2) renameSync(join(project, "src/state.v2.ts"), join(project, "src/state.ts"));
  if (express) addExpress(project);
}

function addExpress(project: string): void {
  const overlay = join(projectRoot, "test", "fixtures", "apps", "soak-express");
  const read = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const { dependencies } = read(overlay);
  const manifest = { ...read(project), dependencies };
  cpSync(overlay, project, { recursive: true });
  writeFileSync(join(project, "package.json"), JSON.stringify(manifest));
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status } = spawnSync("npm", args, { cwd: project, stdio: "inherit" });
  if (status !== 0) throw new Error("npm ci failed");
}

const HEAP_LOOKS = 5;
const COLLECTED_HEAP = `(async () => {
  process.getBuiltinModule("v8").setFlagsFromString("--expose-gc");
  process.getBuiltinModule("vm").runInNewContext("gc")();
  await new Promise((resolve) => setTimeout(resolve, 100));
  process.getBuiltinModule("vm").runInNewContext("gc")();
  return process.memoryUsage().heapUsed;
})()`;

/** What is left after a collection; the least of several looks, for requests are under way. */
async function collectedHeap(host: Installed): Promise<number> {
  const looks: number[] = [];
  for (let look = 0; look < HEAP_LOOKS; look++) {
    looks.push(Number((await host.host.must("rpc", COLLECTED_HEAP)).stdout));
  }
  return Math.min(...looks);
}

async function soak(
  host: Installed,
  releases: BuiltRelease[],
  options: SoakOptions,
): Promise<SoakResult> {
  const increments = new Increments();
  const target = { host: "127.0.0.1", port: host.port };
  const traffic = await startTraffic(target, increments, options.traffic);
  const reports: UpgradeReport[] = [];
  const heapBytes = { afterTenth: 0, afterLast: 0 };
  try {
    while (reports.length < options.upgrades) {
      await upgradeOnce(host, releases, traffic, reports);
      const failures = traffic.tallies.reduce((sum, tally) => sum + tally.failures, 0);
      options.onUpgrade?.(reports.at(-1)!, reports.length, failures);
      if (reports.length === 10) heapBytes.afterTenth = await collectedHeap(host);
    }
    heapBytes.afterLast = await collectedHeap(host);
  } finally {
    await traffic.stop();
  }
  const ids = readFileSync(join(host.root, "var", "journal"), "utf8")
    .trimEnd()
    .split("\n");
  const { sum } = await host.get<{ sum: number }>("/");
  return {
    reports,
    tallies: traffic.tallies,
    journal: { total: ids.length, twice: ids.length - new Set(ids).size },
    heapBytes,
    acknowledged: increments.acknowledged,
    sum,
  };
}

async function upgradeOnce(
  host: Installed,
  releases: BuiltRelease[],
  traffic: Traffic,
  reports: UpgradeReport[],
): Promise<void> {
  const at = (reports.length + 1) % releases.length;
  const { version } = releases[at]!;
  const { status, report } = await host.report("upgrade", version);
  reports.push(report);
  if (status !== 0) throw new Error(`upgrade to ${version}: ${JSON.stringify(report)}`);
  await traffic.answers(1);
}
