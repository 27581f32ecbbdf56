/** A child process with streamed stdin and stdout: what the transports have in common. */
import type { ChildProcess } from "node:child_process";
import { Readable, type Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { spawnChild } from "../platform/spawn.ts";
import type { RunOptions, RunResult } from "./transport.ts";

export interface ChildOptions extends RunOptions {
  /** What its output goes through. Where both end by themselves, no more is waited for. */
  through?: { stdout: Transform; stderr: Transform; isWhole: () => boolean };
  /** At every sign of life: something was taken from its stdin's source, or came from it. */
  onLife?: () => void;
  /** One that nobody waits for any more goes on by itself, as over a connection that was cut. */
  leave?: boolean;
}

/**
 * In a process group of its own: Ctrl-C is for tsugi, which then decides what becomes of it.
 * @throws what spawn says, the error of the stdin source, the reason of `signal`; at once
 */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<RunResult> {
  const { stdin, signal, through } = options;
  signal?.throwIfAborted();
  const child = spawnChild(command, args, {
    detached: true,
    stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  const failed = new Promise<never>((_, reject) => {
    child.once("error", reject);
    if (stdin !== undefined) feed(child, stdin, options).catch(reject);
  });
  const closed = new Promise<number>((resolve) => {
    child.once("close", (code) => resolve(code ?? 255));
  });
  try {
    const flow = (name: "stdout" | "stderr"): Readable =>
      through === undefined ? child[name]! : child[name]!.pipe(through[name]);
    const output = collect({ stdout: flow("stdout"), stderr: flow("stderr") }, options);
    await orAborted(Promise.race([failed, output.ended]), signal);
    const isWhole = through?.isWhole() === true;
    const exitCode = isWhole ? 0 : await orAborted(Promise.race([failed, closed]), signal);
    return { exitCode, ...output.collected };
  } finally {
    letGo(child, options.leave === true);
  }
}

export function letGo(child: ChildProcess, leave: boolean): void {
  if (child.exitCode === null && child.signalCode === null && !leave) child.kill();
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
}

/** A command may end without having read all: its exit code says more than our broken pipe. */
async function feed(
  child: ChildProcess,
  stdin: NonNullable<RunOptions["stdin"]>,
  { onLife }: ChildOptions,
): Promise<void> {
  let sourceError: unknown;
  const watched = async function* () {
    const source = typeof stdin === "string" || stdin instanceof Uint8Array ? [stdin] : stdin;
    try {
      for await (const chunk of source) {
        onLife?.();
        yield chunk;
      }
    } catch (error) {
      sourceError = error;
      throw error;
    }
  };
  // A broken pipe is thrown into what is read: into this generator, and no further.
  const chunks = async function* () {
    for await (const chunk of watched()) yield chunk;
  };
  await pipeline(Readable.from(chunks()), child.stdin!).catch(() => {});
  if (sourceError !== undefined) throw sourceError;
}

/** Lets `signal` end the wait, and leaves nothing at it: a signal outlives many waits. */
export async function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted();
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

export function collect(
  output: { stdout: Readable; stderr: Readable },
  options: Pick<ChildOptions, "onStdout" | "onStderr" | "stdout" | "onLife">,
) {
  const collected = { stdout: "", stderr: "" };
  const listeners = { stdout: options.onStdout, stderr: options.onStderr };
  const streams = (["stdout", "stderr"] as const).map((name) => {
    const stream = output[name];
    const ended = new Promise<void>((resolve) => stream.once("end", resolve));
    if (name === "stdout" && options.stdout !== undefined) {
      stream.on("data", () => options.onLife?.()).pipe(options.stdout);
      return ended;
    }
    const listener =
      listeners[name] ??
      ((text: string) => {
        collected[name] += text;
      });
    stream.setEncoding("utf8").on("data", (text: string) => {
      listener(text);
      options.onLife?.();
    });
    return ended;
  });
  return { collected, ended: Promise.all(streams) };
}
