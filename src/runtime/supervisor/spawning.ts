/** Starts a process and hears all that it prints: a worker, or a command. */
import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import type { Readable } from "node:stream";
import { outputPipes } from "../../platform/pipes.ts";
import { spawnChild } from "../../platform/spawn.ts";
import { spawnProblem } from "../../platform/spawnProblem.ts";

/** A process that it has left behind may hold its pipes for ever. */
const LAST_WORDS_MS = 400;

export interface SpawnOptions {
  cwd: string;
  env: Record<string, string>;
  /** With a channel for messages and handles. */
  ipc?: boolean;
  /** In a session of its own. */
  detached?: boolean;
  /** For its stdin; without, there is none. */
  input?: string | undefined;
}

export interface Output {
  listen(listener: (stream: "stdout" | "stderr", chunk: Buffer) => void): void;
  /** Nothing comes any more, or the process has been gone for a moment. */
  ended: Promise<void>;
}

export function spawnWithOutput(
  command: string,
  args: readonly string[],
  { cwd, env, ipc = false, detached = false, input }: SpawnOptions,
): { child: ChildProcess; output: Output } {
  const pipes = outputPipes();
  const ends = pipes ? pipes.map(({ fd }) => fd) : ["pipe" as const, "pipe" as const];
  let child: ChildProcess;
  try {
    child = spawnChild(command, args, {
      cwd,
      env,
      detached,
      stdio: [input === undefined ? "ignore" : "pipe", ...ends, ...(ipc ? ["ipc" as const] : [])],
      serialization: "advanced",
    });
  } catch (error) {
    throw spawnProblem(error, env);
  } finally {
    for (const { fd } of pipes ?? []) closeSync(fd);
  }
  // It need not read it.
  child.stdin?.on("error", () => {}).end(input);
  const streams = pipes ? pipes.map(({ stream }) => stream) : [child.stdout, child.stderr];
  const [stdout, stderr] = streams as [Readable | null, Readable | null];
  return {
    child,
    output: {
      listen(listener) {
        stdout?.on("data", (chunk) => listener("stdout", chunk));
        stderr?.on("data", (chunk) => listener("stderr", chunk));
      },
      ended: endOf(child, [stdout, stderr]),
    },
  };
}

function endOf(child: ChildProcess, streams: readonly (Readable | null)[]): Promise<void> {
  const ends = streams.map(
    (stream) =>
      new Promise<void>((resolve) => {
        if (stream === null) return resolve();
        stream.on("error", () => {});
        stream.once("close", () => resolve());
      }),
  );
  const gone = new Promise<void>((resolve) => {
    const soon = () => void setTimeout(resolve, LAST_WORDS_MS).unref();
    child.once("exit", soon);
    child.once("error", soon);
  });
  return Promise.race([Promise.all(ends).then(() => {}), gone]);
}
