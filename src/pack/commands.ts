/** Runs other programs (npm, git) and keeps what they say for the error. */
import type { ChildProcess } from "node:child_process";
import { spawnChild } from "../platform/spawn.ts";

export interface CommandResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a clean build gives the programs that it runs, instead of this process's own environment. */
export interface Surroundings {
  env: NodeJS.ProcessEnv;
  /** What runs in them now, each in a process group of its own. */
  running: Set<ChildProcess>;
}

/** `env` is added to the environment: this process's, or that of the surroundings. */
export function runCommand(
  command: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
  surroundings?: Surroundings,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawnChild(command, args, {
      cwd,
      env: { ...(surroundings?.env ?? process.env), ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: surroundings !== undefined,
    });
    surroundings?.running.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      stderr += text;
    });
    child.on("error", (error) => {
      surroundings?.running.delete(child);
      reject(error);
    });
    child.on("close", (code) => {
      surroundings?.running.delete(child);
      resolve({ code: code ?? 1, stdout, stderr });
    });
  });
}

/** Ends what runs in these surroundings, with all that it has started. */
export function killGroups(running: Iterable<ChildProcess>): void {
  for (const { pid } of running) {
    try {
      if (pid !== undefined) process.kill(-pid, "SIGKILL");
    } catch {}
  }
}

/** The last lines of what a failed program said, for a message. */
export const tail = (text: string, lines = 15): string =>
  text.trimEnd().split("\n").slice(-lines).join("\n");
