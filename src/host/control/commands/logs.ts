import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { TsugiError } from "../../../errors.ts";
import { exists } from "../../../platform/files.ts";
import { wholeNumber } from "../arguments.ts";
import type { Register } from "../program.ts";

const POLL_MS = 200;
const CHUNK_BYTES = 64 * 1024;

const register: Register = (program, context) => {
  program
    .command("logs")
    .description("the last lines of the log; -f goes on as they come, through rotations")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --lines <count>", "how many of the last lines", wholeNumber, 100)
    .action(async ({ follow, lines }: { follow?: boolean; lines: number }) => {
      const path = context.layout.appLog;
      if (!(await exists(path))) {
        if (!follow) throw new TsugiError("TSUGI_NO_LOG", { path });
        while (!(await exists(path))) await delay(POLL_MS);
      }
      const from = await startOfLastLines(path, lines);
      const end = await copy(path, from);
      if (follow) await followFrom(path, end);
    });
};
export default register;

/** Reads backwards: a log may be long. */
async function startOfLastLines(path: string, lines: number): Promise<number> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    let wanted = lines + 1; // the line break at the very end counts too
    for (let end = size; end > 0; ) {
      const start = Math.max(0, end - CHUNK_BYTES);
      const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
      for (let at = buffer.length - 1; at >= 0; at -= 1) {
        if (buffer[at] !== 0x0a) continue;
        wanted -= 1;
        if (wanted === 0) return start + at + 1;
      }
      end = start;
    }
    return 0;
  } finally {
    await file.close();
  }
}

async function copy(path: string, start: number): Promise<number> {
  let at = start;
  for await (const chunk of createReadStream(path, { start })) {
    at += (chunk as Buffer).length;
    if (!process.stdout.write(chunk as Buffer) && !process.stdout.destroyed) {
      await new Promise((resolve) => process.stdout.once("drain", resolve));
    }
  }
  return at;
}

/** Another inode, or a shorter file, is a new log: it is read from its begin. */
async function followFrom(path: string, start: number): Promise<void> {
  let at = start;
  let inode = (await stat(path)).ino;
  while (!process.stdout.destroyed) {
    await delay(POLL_MS);
    const now = await stat(path).catch(() => undefined);
    if (now === undefined) continue;
    if (now.ino !== inode || now.size < at) {
      const rotated = `${path}.1`;
      const previous = await stat(rotated).catch(() => undefined);
      if (previous?.ino === inode) await copy(rotated, at);
      [at, inode] = [0, now.ino];
    }
    if (now.size > at) at = await copy(path, at);
  }
}
