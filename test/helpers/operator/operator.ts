/**
 * A random operator of one install root: every command, in any order, two at a time, with signals to
 * the command, the supervisor and its workers. Nothing may be wedged, and no exit code may lie:
 *
 *   of each command    its exit code is one of its row's, its document says "error" where it is not 0
 *   of one alone       what it says to have done is so; what it refuses is as before
 *   after each turn    status answers; what it says to serve, serves
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Status } from "../../../src/protocol/report.ts";
import type { BuiltRelease } from "../fixtureReleases.ts";
import { type Installed, until } from "../installed.ts";
import { oneOf, type Random } from "../random.ts";
import { attempt, type Ended, type Interruption, lieOf, nameOf } from "./attempt.ts";
import { type Typed, typeSomething, type Verb } from "./typed.ts";

const SETTLED_MS = 120_000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"] as const;
const TO_SUPERVISOR = ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGKILL"] as const;

export interface Operated {
  turns: number;
  /** Commands by their exit code, or the signal that ended them. */
  ends: Map<string, number>;
  verbs: Set<Verb>;
  lies: string[];
}

interface Operating {
  host: Installed;
  releases: readonly BuiltRelease[];
  below: Random;
  result: Operated;
  onTurn: (text: string) => void;
}

/** The version that serves, "none" where nothing runs. */
type Serving = string;

export async function operate(operating: Operating, minutes: number): Promise<void> {
  const deadline = performance.now() + minutes * 60_000;
  let before = await settled(operating.host);
  while (performance.now() < deadline) before = await turn(operating, before);
}

async function turn(operating: Operating, before: Serving): Promise<Serving> {
  const { host, releases, below, result, onTurn } = operating;
  const versions = releases.map(({ version }) => version);
  if (below(4) === 0) host.drop(oneOf(releases, below));
  const typed = Array.from({ length: 1 + Number(below(3) === 0) }, () =>
    typeSomething(versions, before !== "none", below),
  );
  const plans = typed.map((one) => [one, interruptionOf(one, below)] as const);
  const kill = below(6) === 0 ? strike(host, below) : undefined;
  const all = await Promise.all(plans.map(([one, signal]) => attempt(host.host, one, signal)));
  const struck = await kill;
  const text = [...all.map(describe), ...(struck ? [struck] : [])].join(" | ");
  result.turns += 1;
  for (const ended of all) {
    const end = ended.signal ?? String(ended.code);
    result.ends.set(end, (result.ends.get(end) ?? 0) + 1);
    result.verbs.add(ended.typed.verb);
  }
  const lies = all.map((ended) => ({ ended, lie: lieOf(ended) }));
  const said = ({ stdout, stderr }: Ended) => `\n${(stderr + stdout).slice(-1_500)}`;
  const found = lies.flatMap(({ ended, lie }) => (lie ? [`${lie}${said(ended)}`] : []));
  let after = before;
  try {
    after = await settled(host);
    const [only] = all;
    if (all.length === 1 && struck === undefined && only!.interruption === undefined) {
      const lie = await lieOfState(only!, before, after);
      if (lie) found.push(`${lie}${said(only!)}`);
    }
  } catch (error) {
    found.push(`it does not settle: ${(error as Error).message}`);
  }
  result.lies.push(...found.map((lie) => `turn ${result.turns}, ${before}: ${text}: ${lie}`));
  onTurn(
    `${result.turns}. ${before} → ${after}: ${text}${found.map((lie) => `\n  LIE ${lie}`).join("")}`,
  );
  return after;
}

function interruptionOf(typed: Typed, below: Random): Interruption | undefined {
  if (!typed.isEndless && below(5) !== 0) return undefined;
  const signal = oneOf(typed.isEndless ? SIGNALS.slice(0, 2) : SIGNALS, below);
  return { signal, afterMs: below(typed.isEndless ? 4_000 : 2_000) };
}

function describe({ typed, interruption, code, signal }: Ended): string {
  const by = interruption ? ` (${interruption.signal} after ${interruption.afterMs} ms)` : "";
  return `${nameOf(typed)}${by}: ${signal ?? code}`;
}

/** A signal to the supervisor or to a worker; undefined where there is none. */
async function strike(host: Installed, below: Random): Promise<string | undefined> {
  const isWorker = below(2) === 0;
  const [signal, waitMs] = [oneOf(TO_SUPERVISOR, below), below(2_000)];
  await new Promise((resolve) => setTimeout(resolve, waitMs));
  try {
    const pid = isWorker ? workerPid(host) : host.supervisorPid;
    process.kill(pid, isWorker ? "SIGKILL" : signal);
    return `${isWorker ? "SIGKILL to a worker" : `${signal} to the supervisor`} after ${waitMs} ms`;
  } catch {
    return undefined; // nothing runs
  }
}

function workerPid(host: Installed): number {
  const [first] = readFileSync(join(host.root, "run", "workers"), "utf8").split(/\s/);
  const pid = Number(first);
  if (!(pid > 1)) throw new Error("no worker");
  return pid;
}

/** What it says to have done is so; what it says not to have done isn't. */
async function lieOfState(
  { typed: { verb, to }, code }: Ended,
  before: Serving,
  after: Serving,
): Promise<string | undefined> {
  const changes = ["upgrade", "downgrade", "install"].includes(verb);
  if (code === 3 && before !== "none") return `3, and ${before} serves`;
  if ((code === 4 || code === 5) && before !== after) return `${code}, and ${after} serves now`;
  if (code !== 0) return undefined;
  if (verb === "stop" && after !== "none") return `stopped, and ${after} serves`;
  if (["start", "restart", "reload"].includes(verb) && after === "none")
    return "done, and nothing serves";
  if ((changes || (verb === "start" && to)) && after !== to) return `done, and ${after} serves`;
  return undefined;
}

/** No upgrade goes on, unless it waits for a commit; and what is said to serve does. */
async function settled(host: Installed): Promise<Serving> {
  let last = "";
  const found = await until(
    "status says who serves, and they do",
    async () => {
      const { status, stdout, output } = await host.host.app("status", "--json");
      last = output;
      if (status === 3) return "none";
      if (status !== 0) return undefined;
      const report = JSON.parse(stdout) as Status;
      if (report.upgrade !== null && report.upgrade.step !== "installed") return undefined;
      const answer = await host.get<{ version: string }>("/version").catch(() => undefined);
      return answer?.version === report.version ? report.version : undefined;
    },
    SETTLED_MS,
  ).catch((error: Error) => {
    throw new Error(`${error.message}: ${last}`);
  });
  return found;
}

/** At the end: what a stop has to leave. */
export async function leftAfterStop(host: Installed): Promise<string[]> {
  await host.host.app("stop");
  const left = readdirSync(join(host.root, "run"));
  return left.filter((name) => !["boot.err", "last-end"].includes(name));
}
