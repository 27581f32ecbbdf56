import { cpSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../../test/helpers/host.ts";

/** What the benchmarks read of a report (protocol/report.ts). */
export interface Report {
  strategy: string;
  reasons: string[];
  steps: { name: string; ms: number }[];
  pauseMs: number;
  quietMs: { p50: number; p99: number; max: number };
  connections: { carried: number; drained: number; lost: number };
  states: { bytes: number; migrateMs: number }[];
  result: string;
}

/** Puts a tarball into the drop box, upgrades to it, and returns the report of the upgrade. */
export async function upgradeTo(host: Host, version: string, tarball: string): Promise<Report> {
  mkdirSync(join(host.root, "releases", version), { recursive: true });
  cpSync(tarball, join(host.root, "releases", version, `${host.name}.tar.gz`));
  await host.must("upgrade", version, "--wait");
  const lines = readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8")
    .trim()
    .split("\n");
  return JSON.parse(lines.at(-1)!);
}

export const stepMs = (report: Report, name: string) =>
  report.steps.filter((step) => step.name === name).reduce((sum, step) => sum + step.ms, 0);
