/** How long clients hear nothing while a version is swapped in place, by the size of what it has. */
import { renameSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../lib/bench.ts";
import { type Case, type Measured, measureQuiet } from "../lib/quiet.ts";
import type { Result } from "../lib/result.ts";
import { median } from "../lib/statistics.ts";
import type { Report } from "../lib/upgradeTo.ts";

const AIM_MS = 20;
const AIM_RATIO = 2;
const AIM_BEYOND = 1.1;
const ASKERS = 20;
const LARGE_MEGABYTES = 1_000;
const MIGRATED_MEGABYTES = 100;

export async function swap(bench: Bench): Promise<Result[]> {
  const tarballs = await buildAll(bench);
  const run = (one: Partial<Case>) =>
    measureQuiet(bench, tarballs, {
      kind: "map",
      megabytes: 1,
      webSockets: ASKERS,
      versions: ["1.0.1", "1.0.0"],
      strategy: "swap",
      ...one,
    });
  return [
    ...(await bySize("map", run)),
    ...(await bySize("array", run)),
    ...(await byConnections(run)),
    ...(await migrated(run)),
  ];
}

type Run = (one: Partial<Case>) => Promise<Measured>;

async function buildAll(bench: Bench): Promise<Record<string, string>> {
  const project = await bench.projectWithPackages("live");
  const tarballs: Record<string, string> = {};
  for (const version of ["1.0.0", "1.0.1", "2.0.0"]) {
    if (version === "2.0.0") renameSync(join(project, "state.v2.js"), join(project, "state.js"));
    tarballs[version] = await bench.release(project, "live", version);
  }
  return tarballs;
}

async function bySize(kind: Case["kind"], run: Run): Promise<Result[]> {
  const name = kind === "map" ? "Map of records" : "Uint8Array";
  const small = median((await run({ kind, megabytes: 1 })).quietMs);
  const large = median((await run({ kind, megabytes: LARGE_MEGABYTES })).quietMs);
  const ratio = large / small;
  return [
    quietRow(`1 MB, ${name}`, small),
    quietRow(`${LARGE_MEGABYTES} MB, ${name}`, large),
    {
      what: "the one against the other",
      tsugi: "",
      against: "",
      outcome: `× ${ratio.toFixed(2)}`,
      aim: `<= ${AIM_RATIO}`,
      reached: ratio <= AIM_RATIO,
    },
  ];
}

async function byConnections(run: Run): Promise<Result[]> {
  const results: Result[] = [];
  for (const webSockets of [100, 500, 5_000]) {
    const { quietMs, closed } = await run({ webSockets });
    const row = quietRow(`${webSockets} WebSockets`, median(quietMs));
    results.push({ ...row, outcome: `${closed} closed`, reached: row.reached! && closed === 0 });
  }
  return results;
}

/** The pause is what the application's own step takes, and next to nothing besides. */
async function migrated(run: Run): Promise<Result[]> {
  const { reports } = await run({
    megabytes: MIGRATED_MEGABYTES,
    versions: ["2.0.0", "1.0.0"],
  });
  const stepMs = ({ states }: Report) => states.reduce((sum, { migrateMs }) => sum + migrateMs, 0);
  const ratio = median(reports.map((report) => report.pauseMs / stepMs(report)));
  return [
    {
      what: `${MIGRATED_MEGABYTES} MB, migrated: pause, and the migration alone`,
      tsugi: `${median(reports.map(({ pauseMs }) => pauseMs)).toFixed(0)} ms`,
      against: `${median(reports.map(stepMs)).toFixed(0)} ms`,
      outcome: `× ${ratio.toFixed(2)}`,
      aim: `<= ${AIM_BEYOND}`,
      reached: ratio <= AIM_BEYOND,
    },
  ];
}

const quietRow = (what: string, quietMs: number): Result => ({
  what: `${what}: longest quiet time`,
  tsugi: `${quietMs.toFixed(1)} ms`,
  against: "",
  outcome: "",
  aim: `<= ${AIM_MS} ms`,
  reached: quietMs <= AIM_MS,
});
