/**
 * `log/<app>.log`: appended to, rotated by size (`<app>.log.1` … `.keep`), and opened again when
 * somebody else has rotated, replaced or removed it. A line ends in the file that it was begun in.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf } from "../../../contract/errors.ts";
import type { LogTarget } from "./queue.ts";

const { O_APPEND, O_CREAT, O_NONBLOCK, O_WRONLY } = constants;
const BATCH_BYTES = 256 * 1024;
/** Where it can't be rotated it grows; it is not tried with every line. */
const ROTATE_AGAIN_MS = 10_000;

export class FileTarget implements LogTarget {
  readonly #path: string;
  #maxBytes: number;
  #keep: number;
  #file: FileHandle | null = null;
  #sizeBytes = 0;
  /** Somebody's line was cut off here: by a crash, or by a disk that was full. */
  #endsWithinLine = false;
  #hasFailed = false;
  #rotateAtMs = 0;
  trouble: string | undefined;

  constructor(path: string, limits: { maxBytes: number; keep: number }) {
    this.#path = path;
    this.#maxBytes = limits.maxBytes;
    this.#keep = limits.keep;
  }

  use({ maxBytes, keep }: { maxBytes: number; keep: number }): void {
    this.#maxBytes = maxBytes;
    this.#keep = keep;
  }

  get batchBytes(): number {
    return Math.min(BATCH_BYTES, this.#maxBytes);
  }

  reopen(): Promise<void> {
    return this.close();
  }

  async write(bytes: Buffer, withinLine: boolean): Promise<number | "anew"> {
    if (withinLine && this.#hasFailed && (await this.#isAnother())) {
      // A full disk, and somebody has removed the log to make room: it is free when it is closed.
      await this.close();
      return "anew";
    }
    const file = withinLine && this.#file ? this.#file : await this.#ready(bytes.length);
    this.#hasFailed = true;
    if (this.#endsWithinLine) {
      await file.write("\n");
      this.#endsWithinLine = false;
    }
    const { bytesWritten } = await file.write(bytes);
    this.#hasFailed = false;
    this.#sizeBytes += bytesWritten;
    return bytesWritten;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #ready(length: number): Promise<FileHandle> {
    if (await this.#isAnother()) await this.close();
    let file = this.#file ?? (await this.#open());
    if (this.#sizeBytes > 0 && this.#sizeBytes + length > this.#maxBytes) {
      file = await this.#rotate(file);
    }
    return file;
  }

  /** The name is gone, or it is another file's by now. */
  async #isAnother(): Promise<boolean> {
    if (this.#file === null) return false;
    const own = await this.#file.stat();
    try {
      const named = await stat(this.#path);
      // Cut to a smaller size by somebody (copytruncate).
      this.#sizeBytes = own.size;
      return named.ino !== own.ino || named.dev !== own.dev;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ENOENT";
    }
  }

  async #open(): Promise<FileHandle> {
    // Without waiting: it may have become a FIFO that nobody reads.
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK;
    const file = await open(this.#path, flags, 0o640).catch(async (error) => {
      if (error.code !== "ENOENT") throw error;
      await mkdir(dirname(this.#path), { recursive: true, mode: 0o750 });
      return open(this.#path, flags, 0o640);
    });
    const found = await file.stat();
    if (!found.isFile() && !found.isCharacterDevice()) {
      await file.close();
      throw new Error(`${this.#path} is no file`);
    }
    this.#file = file;
    this.#sizeBytes = found.size;
    this.#endsWithinLine = found.size > 0 && (await endsWithinLine(this.#path, found.size));
    return file;
  }

  async #rotate(file: FileHandle): Promise<FileHandle> {
    if (performance.now() < this.#rotateAtMs) return file;
    try {
      await this.#moveAway();
      this.trouble = undefined;
    } catch (error) {
      this.#rotateAtMs = performance.now() + ROTATE_AGAIN_MS;
      this.trouble = `it can't be rotated: ${messageOf(error)}`;
      return file;
    }
    await this.close();
    return this.#open();
  }

  async #moveAway(): Promise<void> {
    for (let number = this.#keep - 1; number > 0; number -= 1) {
      const from = `${this.#path}.${number}`;
      await rename(from, `${this.#path}.${number + 1}`).catch(ignoreMissing);
    }
    if (this.#keep > 0) await rename(this.#path, `${this.#path}.1`);
    else await rm(this.#path);
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

async function endsWithinLine(path: string, size: number): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDONLY | O_NONBLOCK);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
      return bytesRead === 1 && buffer[0] !== 0x0a;
    } finally {
      await file.close();
    }
  } catch {
    return false; // it may be written only
  }
}
