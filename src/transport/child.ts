/** A child process with streamed stdin and stdout: what the transports have in common. */
import { type ChildProcess, spawn } from "node:child_process";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { RunOptions, RunResult } from "./transport.ts";

export interface ChildResult extends RunResult {
  /** What ended it, if not its own exit. */
  killedBy: NodeJS.Signals | null;
}

export interface ChildOptions extends RunOptions {
  cwd?: string;
}

/**
 * In a process group of its own: Ctrl-C is for tsugi, which then decides what becomes of it.
 * @throws what spawn says, the error of the stdin source, the reason of `signal`
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<ChildResult> {
  const { stdin, signal, cwd } = options;
  signal?.throwIfAborted();
  const child = spawn(command, args, {
    cwd,
    detached: true,
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const stop = () => {
    // Its pipes may be held open by another process: a shared ssh connection passes them on.
    child.once("exit", () => {
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
    });
    child.kill();
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const fed = stdin === undefined ? undefined : feed(child, stdin, stop);
    const [result] = await Promise.allSettled([collect(child, options), fed]);
    signal?.throwIfAborted();
    await fed;
    if (result.status === "rejected") throw result.reason;
    return result.value;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** A command may end without having read all: its exit code says more than our broken pipe. */
async function feed(
  child: ChildProcess,
  stdin: NonNullable<RunOptions["stdin"]>,
  stop: () => void,
): Promise<void> {
  let sourceError: unknown;
  const watched = async function* () {
    const source = typeof stdin === "string" || stdin instanceof Uint8Array ? [stdin] : stdin;
    try {
      yield* source;
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  // A broken pipe is thrown into what is read: into this generator, and no further.
  const chunks = async function* () {
    for await (const chunk of watched()) yield chunk;
  };
  await pipeline(Readable.from(chunks()), child.stdin!).catch(() => {
    if (sourceError !== undefined) stop();
  });
  if (sourceError !== undefined) throw sourceError;
}

function collect(child: ChildProcess, options: RunOptions): Promise<ChildResult> {
  const collected = { stdout: "", stderr: "" };
  const listeners = { stdout: options.onStdout, stderr: options.onStderr };
  if (options.stdout !== undefined) child.stdout!.pipe(options.stdout);
  for (const name of ["stdout", "stderr"] as const) {
    if (name === "stdout" && options.stdout !== undefined) continue;
    const listener =
      listeners[name] ??
      ((text: string) => {
        collected[name] += text;
      });
    child[name]!.setEncoding("utf8").on("data", listener);
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, killedBy) => {
      resolve({ exitCode: code ?? 255, killedBy, ...collected });
    });
  });
}
