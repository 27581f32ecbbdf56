/**
 * Real pipes for what a child prints. Node gives its children socket pairs: nobody can open
 * `/dev/stdout` on one, and it is full after some hundred short writes.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";

export interface OutputPipe {
  /** For the child; to be closed once it has been spawned. */
  fd: number;
  stream: Socket;
}

let made = 0;

/**
 * Two of them, for stdout and stderr. There is no pipe(2) in Node, so they are made as FIFOs in the
 * working directory (a supervisor's is `run/`) that lose their names at once. Undefined where that
 * can't be done: then a socket pair has to do.
 */
export function outputPipes(): [OutputPipe, OutputPipe] | undefined {
  made += 1;
  const paths = [1, 2].map((fd) => `output.${process.pid}.${made}.${fd}`);
  const opened: number[] = [];
  try {
    if (spawnSync("mkfifo", ["-m", "600", ...paths], { stdio: "ignore" }).status !== 0) {
      return undefined;
    }
    // Reading first: whoever opens a FIFO for writing waits for a reader.
    const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
    const ends = paths.map((path) => {
      const read = openSync(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
      opened.push(read);
      const fd = openSync(path, O_WRONLY | O_NOFOLLOW);
      opened.push(fd);
      return { read, fd };
    });
    const pipes = ends.map(({ read, fd }) => ({ fd, stream: readable(read) }));
    return pipes as [OutputPipe, OutputPipe];
  } catch {
    for (const fd of opened) closeSync(fd);
    return undefined;
  } finally {
    for (const path of paths) rmSync(path, { force: true });
  }
}

const readable = (fd: number): Socket => new Socket({ fd, readable: true, writable: false });
