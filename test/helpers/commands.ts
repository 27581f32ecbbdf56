import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";

// Builds of tests are not tried, but where that is the point: it takes seconds, and most carry no Node.
process.env.TSUGI_TRY ??= "0";

export interface CommandResult {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Both, as they came. */
  output: string;
}

export interface CommandOptions {
  cwd?: string;
  /** The whole environment, if given. */
  env?: NodeJS.ProcessEnv;
  onOutput?: (text: string) => void;
  timeoutMs?: number;
}

/** The children that run right now. */
const running = new Set<ChildProcess>();

/**
 * For whoever is interrupted: ends what runs, except `bin/<app>`, which is waited for: one that is
 * killed while it starts a service would leave that behind.
 */
export async function endCommands(): Promise<void> {
  await Promise.all(
    [...running].map((child) => {
      const closed = new Promise((resolve) => child.once("close", resolve));
      if (!/\/bin\/[^/]+$/.test(child.spawnfile) || !child.spawnfile.startsWith(tmpdir()))
        child.kill();
      return closed;
    }),
  );
}

/** Runs a command to its end; resolves whatever its status is. */
export function runCommand(
  command: string,
  args: string[],
  { cwd, env, onOutput, timeoutMs = 120_000 }: CommandOptions = {},
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    // Our own: that of spawn outlives a program that could not be started.
    const timer = setTimeout(() => child.kill(), timeoutMs);
    running.add(child);
    const result = { stdout: "", stderr: "", output: "" };
    const collect = (name: "stdout" | "stderr") => (text: string) => {
      result[name] += text;
      result.output += text;
      onOutput?.(text);
    };
    child.stdout.setEncoding("utf8").on("data", collect("stdout"));
    child.stderr.setEncoding("utf8").on("data", collect("stderr"));
    child.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on("close", (status) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ status, ...result });
    });
  });
}

/** Runs a command that has to end with 0; its output is in the error otherwise. */
export async function mustRun(command: string, args: string[], options?: CommandOptions) {
  const result = await runCommand(command, args, options);
  if (result.status !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${result.status}\n${result.output}`);
  }
  return result;
}

/** The first of a process's children. */
export const childOf = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ")[0]);
