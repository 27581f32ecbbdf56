/** One command or function of an appup as a process. */
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { APPUP_MODULE, type AppupDirection, type AppupMoment } from "../../release/appup.ts";
import type { AppliedStep } from "../../relup/index.ts";
import { LineSplitter } from "./log/lines.ts";
import { type Output, spawnWithOutput } from "./spawning.ts";
import type { WorkerSpec } from "./workerChannel.ts";

/** After SIGTERM, before SIGKILL. */
const TERM_GRACE_MS = 5_000;

export interface AppupProcess {
  words: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  /** The supervisor is to end. */
  stop: AbortSignal;
  onLine: (pid: number, line: string) => void;
}

export interface Ended {
  exitCode: number | null;
  /** Undefined where it went well. */
  problem: string | undefined;
}

/** `spec`: what a worker of the release would be started with. */
export function appupCommand(
  spec: WorkerSpec,
  moment: AppupMoment,
  step: AppliedStep,
  change: { from: string; to: string; direction: AppupDirection },
): Pick<AppupProcess, "words" | "env"> {
  const { NODE_APP_INSTANCE: _, ...env } = spec.env;
  const app = env.TSUGI_APP_DIR!;
  const folders = [dirname(spec.node), join(app, "node_modules", ".bin"), env.PATH ?? ""];
  return {
    words: step.command
      ? commandWords(step.command, app, spec)
      : functionWords(spec, moment, step.index),
    env: {
      ...env,
      PATH: folders.filter((folder) => folder !== "").join(delimiter),
      TSUGI_FROM: change.from,
      TSUGI_TO: change.to,
      TSUGI_DIRECTION: change.direction,
    },
  };
}

/**
 * `./…` is a file of the release where there is one; `node` is the release's, and what it prints
 * right before its end arrives.
 */
function commandWords(command: readonly string[], app: string, { node, preload }: WorkerSpec) {
  const words = command.map((word) => {
    const file = join(app, word);
    return word.startsWith("./") && existsSync(file) ? file : word;
  });
  if (words[0] !== "node") return words;
  const output = join(dirname(preload), "output.mjs");
  // A release that an older tsugi has built has none.
  const kept = existsSync(output) ? ["--import", pathToFileURL(output).href] : [];
  return [node, ...kept, ...words.slice(1)];
}

function functionWords({ node, nodeArgs, preload, env }: WorkerSpec, moment: string, at: number) {
  const ownArgs = nodeArgs.filter((argument) => !argument.startsWith("--inspect"));
  const runner = join(dirname(preload), "appup.mjs");
  const module = join(env.TSUGI_APP_DIR!, APPUP_MODULE);
  const imported = pathToFileURL(preload).href;
  return [node, ...ownArgs, "--import", imported, runner, module, moment, String(at)];
}

/** In a process group of its own: a time-out ends what it has started, too. Never throws. */
export function runAppupProcess(what: AppupProcess): Promise<Ended> {
  const [command, ...args] = what.words as [string, ...string[]];
  const { cwd, env, timeoutMs, stop } = what;
  const { child, output } = spawnWithOutput(command, args, { cwd, env, detached: true });
  const closed = forwardLines(output, (line) => what.onLine(child.pid ?? 0, line));
  return new Promise((resolve) => {
    let ending: string | undefined;
    let killing: NodeJS.Timeout | undefined;
    const end = (why: string) => {
      if (ending !== undefined || child.pid === undefined) return;
      ending = why;
      killGroup(child.pid, "SIGTERM");
      killing = setTimeout(() => killGroup(child.pid!, "SIGKILL"), TERM_GRACE_MS);
    };
    const onStop = () => end("ended, because the service is being stopped");
    const timer = setTimeout(() => end(`not done within ${timeoutMs} ms`), timeoutMs);
    const finish = async (ended: Ended) => {
      clearTimeout(timer);
      clearTimeout(killing);
      stop.removeEventListener("abort", onStop);
      await closed;
      resolve(ended);
    };
    stop.addEventListener("abort", onStop);
    if (stop.aborted) onStop();
    child.once("error", ({ message }) => finish({ exitCode: null, problem: message }));
    child.once("exit", (code, signal) => {
      const status = signal ? `ended by ${signal}` : `exit code ${code}`;
      const problem = ending ?? (code === 0 ? undefined : `${status}; its output is in the log`);
      finish({ exitCode: code, problem });
    });
  });
}

/** Resolves when all lines have been passed on. */
async function forwardLines(output: Output, onLine: (line: string) => void): Promise<void> {
  const lines = { stdout: new LineSplitter(onLine), stderr: new LineSplitter(onLine) };
  output.listen((stream, chunk) => lines[stream].push(chunk));
  await output.ended;
  lines.stdout.end();
  lines.stderr.end();
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {} // it has ended by itself
}
