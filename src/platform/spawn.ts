/**
 * Node's `spawn`, for the day on which there is nothing left to make a process of. A child that could not be made
 * has no pid, and Node's own `kill` takes whatever stands in that place: 0, which is our whole process
 * group, or the number of anybody. And where descriptors are what is missing (EMFILE, ENFILE), it has no
 * streams either. Here it can't be killed, and has the streams that were asked for, empty; its `error` follows.
 */
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { PassThrough } from "node:stream";

export const spawnChild = ((command: string, args: readonly string[], options: SpawnOptions) => {
  const child = spawn(command, args, options);
  if (child.pid !== undefined) return child;
  child.kill = () => false;
  return child.stdio === undefined ? withStreams(child, options) : child;
}) as typeof spawn;

function withStreams(child: ChildProcess, { stdio = "pipe" }: SpawnOptions): ChildProcess {
  const [stdin, stdout, stderr] = [0, 1, 2].map((at) =>
    (Array.isArray(stdio) ? stdio[at] : stdio) === "pipe" ? new PassThrough() : null,
  );
  for (const output of [stdout, stderr]) output?.end();
  return Object.assign(child, { stdin, stdout, stderr, stdio: [stdin, stdout, stderr] });
}
