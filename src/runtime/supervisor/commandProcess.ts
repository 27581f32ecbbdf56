/** A command that is run to its end, its lines passed on: a step of an appup, or who is to be told. */
import { LineSplitter } from "./log/lines.ts";
import { type Output, spawnWithOutput } from "./spawning.ts";

/** After SIGTERM, before SIGKILL. */
const TERM_GRACE_MS = 5_000;

export interface CommandProcess {
  words: string[];
  cwd: string;
  env: Record<string, string>;
  timeoutMs: number;
  /** The supervisor is to end. */
  stop: AbortSignal;
  /** For its stdin; without, there is none. */
  input?: string;
  onLine: (pid: number, line: string) => void;
}

export interface Ended {
  exitCode: number | null;
  /** Undefined where it went well. */
  problem: string | undefined;
}

/** In a process group of its own: a time-out ends what it has started, too. Never throws. */
export function runCommand(what: CommandProcess): Promise<Ended> {
  const [command, ...args] = what.words as [string, ...string[]];
  const { cwd, env, timeoutMs, stop, input } = what;
  const { child, output } = spawnWithOutput(command, args, { cwd, env, detached: true, input });
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
