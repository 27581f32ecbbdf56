/** What became of a BEAM root after it was struck, held against promises 1 to 3. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Status } from "../../../src/protocol/report.ts";
import type { ReleaseList } from "../../../src/release/status.ts";
import { until } from "../installed.ts";
import { accepts } from "../ports.ts";
import { processesOf, type Run, vmOf } from "./run.ts";
import { OLD } from "./scenarios.ts";

const REST_MS = 60_000;
const RECORD_MS = 10_000;
const LOOK_MS = 100;
/** What the next start writes anew, or reads. */
const IN_RUN_AFTER_STOP =
  /^(boot|keeper\.settings|node\.args|restarts|tmp|lock\.start|log\.dropped)$/;

export interface Settled {
  version: string;
  startedAgain: boolean;
  /** Another VM than in the beginning. */
  restarted: boolean;
  count: number;
  problems: string[];
}

export async function settle(run: Run): Promise<Settled> {
  const { host } = run;
  let status = await atRest(run);
  run.disk.relieve();
  run.faults.disarm();
  const startedAgain = status === undefined;
  const named = permanentOf(host.root);
  if (startedAgain) {
    const started = await host.app("start");
    if (started.status !== 0) throw new Error(`start does not boot: ${started.output}`);
    status = await atRest(run);
    if (status === undefined) throw new Error("it is gone again after the start");
  }
  const problems: string[] = [];
  // Under the other Elixir runs the same code.
  const { restarts } = run.scenario;
  const version: string = restarts ? status!.version : await host.get("/version");
  if (status!.version !== version || status!.status !== "permanent") {
    problems.push(`${version} answers; status: ${status!.version} is ${status!.status}`);
  }
  if (startedAgain && named !== undefined && named !== version) {
    problems.push(`start_erl.data named ${named}, a start boots ${version}`);
  }
  problems.push(...(await registryProblems(run, version)));
  // The node goes on with what a command that was killed has asked for.
  const isTidy = () => temporaryFiles(host.root).length === 0;
  await until("nothing half-written is there", isTidy, RECORD_MS).catch(() =>
    problems.push(`left over: ${temporaryFiles(host.root).join(", ")}`),
  );
  const restarted = run.vm !== 0 && vmOf(host.root) !== run.vm;
  return { version, startedAgain, restarted, count: await countOf(run), problems };
}

const countOf = async ({ host }: Run) => Number(await host.get("/count"));

/** A VM answers and no upgrade is under way: also while the disk is full. Undefined: no process is left. */
async function atRest({ host }: Run): Promise<Status | undefined> {
  const deadline = performance.now() + REST_MS;
  let last = "";
  for (;;) {
    const processes = processesOf(host.root).filter(({ command }) => !/\bepmd\b/.test(command));
    if (processes.length === 0) return undefined;
    const { status, stdout, output } = await host.app("status", "--json");
    const report = status === 0 ? (JSON.parse(stdout) as Status) : undefined;
    // Asked to boot another release, a VM answers until it stops.
    const willBootAgain = existsSync(join(host.root, "run", "again"));
    if (report?.upgrade === null && !willBootAgain) {
      const answer = await host.get("/version").catch(() => undefined);
      if (answer !== undefined) return report;
    }
    last = `${output.slice(0, 600)}\n${processes.map(({ command }) => command.slice(0, 80)).join("\n")}`;
    if (performance.now() > deadline) throw new Error(`it does not come to rest: ${last}`);
    await delay(LOOK_MS);
  }
}

function permanentOf(root: string): string | undefined {
  const path = join(root, "releases", "start_erl.data");
  return existsSync(path) ? readFileSync(path, "utf8").trim().split(" ")[1] : undefined;
}

/** OTP's two files, and the view of them, name what serves as the permanent one, and nothing else. */
async function registryProblems({ host }: Run, version: string): Promise<string[]> {
  const problems: string[] = [];
  const named = permanentOf(host.root);
  if (named !== version) problems.push(`${version} serves, start_erl.data names ${named}`);
  // Where the disk was full, both come later.
  const isAgreed = () => agrees(recordsOf(host.root), version);
  await until("RELEASES agrees", isAgreed, RECORD_MS).catch(() =>
    problems.push(`RELEASES has ${recordsOf(host.root).join(", ")}`),
  );
  const view = join(host.root, "releases", "RELEASES.json");
  const isRight = () => {
    if (!existsSync(view)) return false;
    const { releases } = JSON.parse(readFileSync(view, "utf8")) as ReleaseList;
    const given = releases.filter(({ status }) => status === "permanent" || status === "current");
    return given.map((one) => `${one.version} ${one.status}`).join() === `${version} permanent`;
  };
  await until("RELEASES.json agrees", isRight, RECORD_MS).catch(() =>
    problems.push(`RELEASES.json: ${existsSync(view) ? readFileSync(view, "utf8") : "none"}`),
  );
  return problems;
}

/** Such as `0.0.1 permanent`. */
function recordsOf(root: string): string[] {
  const records = readFileSync(join(root, "releases", "RELEASES"), "utf8");
  return [...records.matchAll(/\{release,"[^"]*","([^"]*)"[\s\S]*?\],\s*(\w+)\}/g)].map(
    ([, vsn, status]) => `${vsn} ${status}`,
  );
}

const agrees = (records: string[], version: string): boolean =>
  records.filter((one) => one.endsWith(" permanent")).join() === `${version} permanent` &&
  !records.some((one) => one.endsWith(" current"));

function temporaryFiles(root: string): string[] {
  return ["releases", "run", "log", "bin", "etc"].flatMap((place) =>
    namesBelow(join(root, place))
      .filter((path) => /\.tmp$|\.staging\/[^/]+$|^plan\.|^rehearse/.test(path))
      .map((path) => `${place}/${path}`),
  );
}

/** Folders that are being removed meanwhile are looked at again. */
function namesBelow(folder: string): string[] {
  for (;;) {
    if (!existsSync(folder)) return [];
    try {
      return readdirSync(folder, { recursive: true, encoding: "utf8" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** The next upgrade succeeds and keeps the state; the stop leaves nothing. */
export async function goOn(run: Run, before: Settled): Promise<string[]> {
  const { host, scenario } = run;
  const problems: string[] = [];
  const isOld = before.version === OLD;
  const target = isOld ? scenario.to : OLD;
  const args = [isOld ? "upgrade" : "downgrade", target, ...scenario.options, "--json"];
  const { status, output } = await host.app(...args);
  if (status !== 0) problems.push(`the next ${args.join(" ")} ends with ${status}: ${output}`);
  const version = await host.get("/version");
  if (!scenario.restarts && version !== target) problems.push(`after it ${version} answers`);
  if (!scenario.restarts && (await countOf(run)) < before.count) {
    problems.push("the next upgrade has gone back in the state");
  }
  const lines = readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8").trimEnd();
  const last = lines.slice(lines.lastIndexOf("\n") + 1);
  if (status === 0 && !last.includes(`"to":"${target}"`)) {
    problems.push(`upgrades.jsonl ends with ${last.slice(0, 200)}`);
  }
  await run.load?.stop();
  const stopped = await host.app("stop");
  if (stopped.status !== 0) problems.push(`stop ends with ${stopped.status}: ${stopped.output}`);
  const left = () => processesOf(host.root);
  await until("every process is gone", () => left().length === 0, REST_MS).catch(() =>
    problems.push(`still there: ${JSON.stringify(left())}`),
  );
  if (await accepts(host.port)) problems.push(`port ${host.port} is still listened on`);
  for (const path of temporaryFiles(host.root)) problems.push(`left over in the end: ${path}`);
  for (const name of readdirSync(join(host.root, "run"))) {
    if (!IN_RUN_AFTER_STOP.test(name)) problems.push(`left over in the end: run/${name}`);
  }
  return problems;
}
