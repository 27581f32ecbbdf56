/** How long clients hear nothing while a running `live` goes from one version to another and back. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Host } from "../../test/helpers/host.ts";
import { type Bench, endChild } from "./bench.ts";
import { type Report, upgradeTo } from "./upgradeTo.ts";

const ROUNDS = 3;
/** Time for a garbage collection of what building the state has left. */
const SETTLE_MS = 1_000;

export interface Measured {
  /** The longest answer beyond the ordinary one, in each round. */
  quietMs: number[];
  reports: Report[];
  closed: number;
}

export interface Case {
  kind: "map" | "array";
  megabytes: number;
  webSockets: number;
  /** The versions, in turn. */
  versions: [string, string];
  strategy: string;
}

export async function measureQuiet(
  bench: Bench,
  tarballs: Record<string, string>,
  { kind, megabytes, webSockets, versions, strategy }: Case,
): Promise<Measured> {
  const env = { STATE_KIND: kind, STATE_MEGABYTES: String(megabytes) };
  const config = { timeouts: { freezeMs: 60_000, readyMs: 120_000, probationMs: 1_000 } };
  const host = await bench.host("live", tarballs["1.0.0"]!, { env, config });
  const askers = await startAskers(bench, host, webSockets);
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const measured: Measured = { quietMs: [], reports: [], closed: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const version = versions[round % 2]!;
    await askers.count();
    const report = await upgradeTo(host, version, tarballs[version]!);
    if (report.strategy !== strategy) throw new Error(`${report.strategy}: ${report.reasons}`);
    const { longest, median: ordinary, closed } = await askers.count();
    measured.quietMs.push(longest - ordinary);
    measured.reports.push(report);
    measured.closed = closed;
  }
  await askers.end();
  await host.must("stop");
  return measured;
}

interface Counted {
  longest: number;
  median: number;
  closed: number;
}

async function startAskers(bench: Bench, { port }: Host & { port: number }, count: number) {
  const path = join(import.meta.dirname, "askers.mjs");
  const child = fork(path, [String(port), String(count)], { execArgv: [] });
  bench.onEnd(() => endChild(child));
  await once(child, "message");
  return {
    async count(): Promise<Counted> {
      const counted = once(child, "message");
      child.send("count");
      return (await counted)[0] as Counted;
    },
    end: () => endChild(child),
  };
}
