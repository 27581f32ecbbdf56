/**
 * What became of a root after a run was struck: waits until it has come to rest, starts it if nothing
 * serves any more, and holds everything against promises 1 to 3. Then the next upgrade, and the stop.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { livingOf } from "../../../src/platform/processes.ts";
import type { Status, UpgradeReport } from "../../../src/protocol/report.ts";
import { layoutOf, parsePermanent } from "../../../src/release/layout.ts";
import type { ReleaseEntry, ReleaseList } from "../../../src/release/status.ts";
import { until } from "../installed.ts";
import { accepts } from "../ports.ts";
import { NAME } from "./lane.ts";
import { ask, type Count } from "./load.ts";
import { processesOf } from "./processes.ts";
import type { Run } from "./run.ts";
import { versionOf } from "./scenarios.ts";
import { straysAtTheEnd, straysWhileRunning } from "./strays.ts";

const REST_MS = 30_000;
/** Workers whose supervisor was killed end by themselves; the next start ends the others. */
const ORPHANS_MS = 8_000;
const LOOK_MS = 100;
const RECORD_MS = 5_000;

export interface Settled {
  version: string;
  /** Nothing served any more: a `start` was needed. */
  startedAgain: boolean;
  count: Count;
  /** So many answers had come when the count was read. */
  answers: number;
  problems: string[];
}

/** Waits for the end of what was begun; `start`s where nothing is left. */
export async function settle(run: Run): Promise<Settled> {
  const { root } = run;
  const problems: string[] = [];
  let status = await atRest(run);
  // While the disk is full, too.
  if (status !== undefined) await ask(root.port);
  root.disk.relieve();
  root.faults.disarm();
  const startedAgain = status === undefined;
  if (startedAgain) {
    const started = await root.host.app("start");
    if (started.status !== 0) throw new Error(`start does not boot: ${started.output}`);
    status = await atRest(run);
    if (status === undefined) throw new Error("it is gone again after the start");
  }
  const answers = run.load?.acknowledged.length ?? 0;
  const count = await ask(root.port);
  const { version } = count;
  if (status!.version !== version) {
    problems.push(`status says ${status!.version}, ${version} answers`);
  }
  problems.push(...(await registryProblems(run, version)));
  problems.push(...(await recordProblems(root.path)));
  const supervisor = processesOf(root.path).find((one) => one.kind === "supervisor");
  for (const path of straysWhileRunning(root.path, supervisor?.pid ?? 0)) {
    problems.push(`left over: ${path}`);
  }
  return { version, startedAgain, count, answers, problems };
}

/** One supervisor, its workers, no upgrade under way. Undefined: no process is left. */
async function atRest({ root }: Run): Promise<Status | undefined> {
  const deadline = performance.now() + REST_MS;
  let last = "";
  let orphansSince: number | undefined;
  for (;;) {
    const processes = processesOf(root.path);
    if (processes.length === 0) return undefined;
    const count = (kind: string) => processes.filter((one) => one.kind === kind).length;
    if (count("supervisor") > 0) orphansSince = undefined;
    else orphansSince ??= performance.now();
    if (orphansSince !== undefined && performance.now() - orphansSince > ORPHANS_MS) {
      return undefined;
    }
    last = processes.map(({ pid, kind, version = "" }) => `${pid} ${kind} ${version}`).join(", ");
    if (count("supervisor") === 1 && count("control") === 0) {
      const { status, stdout } = await root.host.app("status", "--json");
      const report = status === 0 ? (JSON.parse(stdout) as Status) : undefined;
      if (
        report &&
        isWhole(
          report,
          processesOf(root.path).map(({ pid }) => pid),
        )
      )
        return report;
      last += `; status ${status}: ${stdout.replaceAll(/\s+/g, " ").slice(0, 600)}`;
    }
    if (performance.now() > deadline) throw new Error(`it does not come to rest: ${last}`);
    await delay(LOOK_MS);
  }
}

function isWhole({ upgrade, processes }: Status, pids: number[]): boolean {
  const slots = processes.flatMap((process) => process.slots);
  const areUp = slots.every(({ pid, healthy }) => healthy && pids.includes(pid));
  return upgrade === null && areUp && pids.length === slots.length + 1;
}

const isGivenUp = ({ status }: ReleaseEntry) => status === "current";

/** `permanent` names what serves, and the registry agrees. */
async function registryProblems({ root }: Run, version: string): Promise<string[]> {
  const problems: string[] = [];
  const at = (name: string) => join(root.path, "releases", name);
  const handler = createReleaseHandler(layoutOf(root.path, NAME));
  const isCurrent = async () => (await handler.list()).releases.some(isGivenUp);
  // Where the disk was full, the supervisor tries again.
  const noneIs = until("nothing is current", async () => !(await isCurrent()), RECORD_MS);
  await noneIs.catch(() =>
    problems.push("the registry has a current release, and no upgrade runs"),
  );
  const pointer = parsePermanent(readFileSync(at("permanent"), "utf8"));
  if (pointer?.version !== version) {
    problems.push(`${version} serves, releases/permanent names ${pointer?.version ?? "nothing"}`);
  }
  if (existsSync(at("RELEASES.json"))) JSON.parse(readFileSync(at("RELEASES.json"), "utf8"));
  const { releases } = await handler.list();
  for (const entry of releases) {
    const isPermanent = entry.version === pointer?.version;
    if (isPermanent !== (entry.status === "permanent")) {
      problems.push(`the registry says that ${entry.version} is ${entry.status}`);
    }
    if (isPermanent && entry.releaseId !== pointer?.releaseId) {
      problems.push(`the registry has another id for ${entry.version}`);
    }
  }
  return problems;
}

/** `run/workers` names the workers: the next `start` would have to end them. */
async function recordProblems(root: string): Promise<string[]> {
  const list = (those: { pid: number }[]) =>
    those
      .map(({ pid }) => pid)
      .sort()
      .join();
  const wanted = list(processesOf(root).filter(({ kind }) => kind === "worker"));
  const path = join(root, "run", "workers");
  // Of those that have gone since it says nothing. Where the disk was full, it comes later.
  const recorded = () => list(existsSync(path) ? livingOf(readFileSync(path, "utf8")) : []);
  const isRight = () => recorded() === wanted;
  const waiting = until("it is written", isRight, RECORD_MS).catch(() => undefined);
  return (await waiting) ? [] : [`run/workers has ${recorded()}, there are ${wanted}`];
}

/** The next upgrade succeeds and keeps the state; the stop leaves nothing. */
export async function goOn(run: Run, before: Settled): Promise<string[]> {
  const { root, scenario } = run;
  const problems: string[] = [];
  const old = versionOf(scenario.from);
  const target = before.version === old ? versionOf(scenario.next) : old;
  const verb = before.version === old ? "upgrade" : "downgrade";
  const { status, output } = await root.host.app(verb, target, "--json");
  if (status !== 0) problems.push(`the next ${verb} to ${target} ends with ${status}: ${output}`);
  const count = await ask(root.port);
  if (count.life !== before.count.life) problems.push(`the next ${verb} has lost the state`);
  if (count.sum < before.count.sum) problems.push(`the next ${verb} has gone back in the state`);
  const reports = readFileSync(join(root.path, "log", "upgrades.jsonl"), "utf8").trimEnd();
  const last = reports.slice(reports.lastIndexOf("\n") + 1);
  if (to(last) !== target) problems.push(`upgrades.jsonl ends with ${last.slice(0, 120)}`);
  await run.load?.stop();
  const stopped = await root.host.app("stop");
  if (stopped.status !== 0) problems.push(`stop ends with ${stopped.status}: ${stopped.output}`);
  await until("every process is gone", () => processesOf(root.path).length === 0, REST_MS).catch(
    () => problems.push(`still there: ${JSON.stringify(processesOf(root.path))}`),
  );
  if (await accepts(root.port)) problems.push(`port ${root.port} is still listened on`);
  const raw = readFileSync(join(root.path, "releases", "RELEASES.json"), "utf8");
  const permanent = (JSON.parse(raw) as ReleaseList).releases.filter(
    (entry) => entry.status === "permanent",
  );
  if (permanent.map((entry) => entry.version).join() !== target && status === 0) {
    problems.push(`RELEASES.json has permanent: ${JSON.stringify(permanent)}`);
  }
  for (const path of straysAtTheEnd(root.path)) problems.push(`left over in the end: ${path}`);
  return problems;
}

function to(line: string): string | undefined {
  try {
    return (JSON.parse(line) as UpgradeReport).to;
  } catch {
    return undefined;
  }
}
