/** `tsugi deploy` to all of them, measured while it runs: its own time, memory, processes and open files. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { DeployResult, StepName } from "../../../src/deploy/index.ts";
import { tsugiCli } from "../example.ts";
import type { Played } from "./documents.ts";
import type { SshHosts } from "./sshHosts.ts";

export interface Peak {
  processes: number;
  files: number;
  rssMb: number;
  /** Of tsugi itself, without the processes that it has started. */
  cpuSeconds: number;
}

export interface Deployed {
  exitCode: number | null;
  seconds: number;
  /** From the first host's begin to the last one's end. */
  phases: Partial<Record<StepName, number>>;
  /** Hosts by what became of them, as tsugi says. */
  results: Record<string, number>;
  /** Hosts whose bin/<app> was told to upgrade; those of them that handed back; that were rolled back. */
  tried: number;
  handedBack: number;
  rolledBack: number;
  waves: number[];
  questions: number;
  /** What it printed on stderr beside its lines. */
  stderr: string;
  error?: string;
  peak: Peak;
}

export interface Rollout {
  canary: number;
  batch: number | string;
  onFailure: "stop" | "rollback";
}

const SAMPLE_MS = 100;

interface Line {
  at: string;
  event: string;
  step?: StepName;
  state?: string;
  number?: number;
  hosts?: unknown;
  error?: { message: string };
}

export async function deployTo(
  hosts: SshHosts,
  folder: string,
  { tarball, version }: Played,
  rollout: Rollout,
  skip: string[] = [],
): Promise<Deployed> {
  const listed = hosts.hosts.map(({ name, root }) => ({ host: name, root }));
  const config = { name: "wall", environments: { production: { hosts: listed, rollout } } };
  writeFileSync(join(folder, "tsugi.config.json"), JSON.stringify(config));
  const before = hosts.hosts.map((host) => hosts.triedBy(host).length);
  const skipped = skip.length > 0 ? ["--skip", skip.join(",")] : [];
  const args = [tsugiCli, "deploy", "production", tarball, "--yes", "--json", ...skipped];
  const begin = performance.now();
  const child = spawn(process.execPath, args, {
    ...{ cwd: folder, env: hosts.env, stdio: ["ignore", "pipe", "pipe"] as const },
  });
  const peak: Peak = { processes: 0, files: 0, rssMb: 0, cpuSeconds: 0 };
  const sampling = setInterval(() => sample(child.pid!, peak), SAMPLE_MS);
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearInterval(sampling);
  const seconds = (performance.now() - begin) / 1000;
  const lines = stdout
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [JSON.parse(line)])) as Line[];
  const last = lines.at(-1);
  const result = last?.event === "result" ? (last as unknown as DeployResult) : undefined;
  const did = hosts.hosts.map((host, index) => hosts.triedBy(host).slice(before[index]));
  const have = (test: (tried: string[]) => boolean) => did.filter(test).length;
  const went = (tried: string[]) => tried.some((one) => one.startsWith("back to"));
  const runsOld = (at: number) => hosts.runs(hosts.hosts[at]!) !== version;
  return {
    exitCode,
    seconds,
    phases: phasesOf(lines),
    results: countBy(result?.hosts ?? [], ({ result }) => result),
    tried: have((tried) => tried.includes(version)),
    handedBack: did.filter((tried, at) => tried.includes(version) && !went(tried) && runsOld(at))
      .length,
    rolledBack: have(went),
    waves: lines.flatMap(({ event, hosts }) =>
      event === "wave" ? [(hosts as string[]).length] : [],
    ),
    questions: lines.filter(({ event, state }) => event === "step" && state === "begin").length,
    stderr,
    ...(last?.error === undefined ? {} : { error: last.error.message }),
    peak,
  };
}

function phasesOf(lines: Line[]): Deployed["phases"] {
  const spans = new Map<StepName, { from: number; to: number }>();
  for (const { at, event, step, state } of lines) {
    if (event !== "step" || step === undefined) continue;
    const now = Date.parse(at);
    const span = spans.get(step) ?? { from: now, to: now };
    if (state !== "begin") span.to = now;
    spans.set(step, span);
  }
  return Object.fromEntries([...spans].map(([step, { from, to }]) => [step, (to - from) / 1000]));
}

export function countBy<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[keyOf(item)] = (counts[keyOf(item)] ?? 0) + 1;
  return counts;
}

/** Of one process, as the kernel tells; undefined of one that is ending. */
export function usedBy(pid: number): { rssMb: number; cpuSeconds: number } | undefined {
  const peakKb = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  if (peakKb === undefined) return undefined;
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { rssMb: Number(peakKb) / 1024, cpuSeconds: ticks / 100 };
}

function sample(pid: number, peak: Peak): void {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    peak.processes = Math.max(peak.processes, children === "" ? 0 : children.split(" ").length);
    peak.files = Math.max(peak.files, readdirSync(`/proc/${pid}/fd`).length);
    const used = usedBy(pid);
    if (used !== undefined) Object.assign(peak, used);
  } catch {
    // It has ended in this moment.
  }
}
