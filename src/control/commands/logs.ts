import { type FileHandle, open, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { HostOptions } from "../../contract/commands/host.ts";
import { TsugiError } from "../../contract/errors.ts";
import { exists } from "../../platform/files.ts";
import type { Context } from "../context.ts";

const POLL_MS = 200;
const CHUNK_BYTES = 64 * 1024;

/** As of `| head`: its stream says so once, and calls itself well again. */
let readerHasGone = false;

export default async function logsCommand(
  context: Context,
  { follow, lines }: HostOptions<"logs">,
) {
  process.stdout.on("error", () => {
    readerHasGone = true;
  });
  const path = context.layout.appLog;
  if (!(await exists(path))) {
    if (!follow) throw new TsugiError("TSUGI_NO_LOG", { path });
    while (!(await exists(path))) await delay(POLL_MS);
  }
  const file = await open(path);
  const end = await copy(file, await startOfLastLines(file, lines));
  if (follow) await followFrom(path, file, end);
  else await file.close();
}

/** Reads backwards: a log may be long. */
async function startOfLastLines(file: FileHandle, lines: number): Promise<number> {
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
}

/** To its end. @returns where that is */
async function copy(file: FileHandle, start: number): Promise<number> {
  for (let at = start; ; ) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    if (bytesRead === 0 || readerHasGone) return at;
    at += bytesRead;
    if (!process.stdout.write(buffer.subarray(0, bytesRead))) await drained();
  }
}

/** Or nobody reads any more. */
const drained = (): Promise<void> =>
  new Promise((resolve) => {
    for (const event of ["drain", "error"]) process.stdout.once(event, () => resolve());
  });

/**
 * The open file stays what it is when it is rotated away: it is read to its end before the new one of
 * that name is opened. A shorter file was truncated: it is read from its begin.
 */
async function followFrom(path: string, first: FileHandle, start: number): Promise<void> {
  let [file, at] = [first, start];
  while (!readerHasGone) {
    await delay(POLL_MS);
    const named = await stat(path).catch(() => undefined);
    const { ino, size } = await file.stat();
    if (size < at) at = 0;
    at = await copy(file, at);
    if (named === undefined || named.ino === ino) continue;
    const next = await open(path).catch(() => undefined);
    if (next === undefined) continue;
    await file.close();
    file = next;
    at = await copy(file, 0);
  }
  await file.close();
}
