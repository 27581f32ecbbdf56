/** Disks as a power cut leaves them. */
import { openSync, readSync, writeSync } from "node:fs";
import type { Disk } from "./nbdServer.ts";

export interface Write {
  offset: number;
  data: Uint8Array;
}

/** What the machine asked of the disk, in its order. */
export type Request = Write | "flush";

const BLOCK_BYTES = 4096;

/** A file, which keeps in `requests` what is asked of it. */
export class RecordedDisk implements Disk {
  readonly bytes: number;
  isRecording = false;
  readonly #requests: Request[];
  readonly #file: number;

  constructor(path: string, bytes: number, requests: Request[]) {
    this.bytes = bytes;
    this.#requests = requests;
    this.#file = openSync(path, "r+");
  }

  read(offset: number, length: number): Buffer {
    return readFrom(this.#file, offset, length);
  }

  write(offset: number, data: Buffer): void {
    writeSync(this.#file, data, 0, data.length, offset);
    if (this.isRecording) this.#requests.push({ offset, data: Buffer.from(data) });
  }

  flush(): void {
    if (this.isRecording) this.#requests.push("flush");
  }
}

/** A file that is not written to, and blocks over it. */
export class LaidOverDisk implements Disk {
  readonly bytes: number;
  readonly #file: number;
  readonly #blocks = new Map<number, Buffer>();

  constructor(path: string, bytes: number) {
    this.bytes = bytes;
    this.#file = openSync(path, "r");
  }

  read(offset: number, length: number): Buffer {
    const found = readFrom(this.#file, offset, length);
    for (const { block, from, to, at } of blocksOf(offset, length)) {
      this.#blocks.get(block)?.copy(found, at, from, to);
    }
    return found;
  }

  write(offset: number, data: Buffer): void {
    for (const { block, from, to, at } of blocksOf(offset, data.length)) {
      const known = this.#blocks.get(block);
      const bytes = known ?? readFrom(this.#file, block * BLOCK_BYTES, BLOCK_BYTES);
      data.copy(bytes, from, at, at + to - from);
      this.#blocks.set(block, bytes);
    }
  }

  flush(): void {}
}

function readFrom(file: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, offset);
  return bytes;
}

/** The parts of a range, by block: `from`…`to` in it, `at` in the range. */
function* blocksOf(offset: number, length: number) {
  for (let at = 0; at < length; ) {
    const block = Math.floor((offset + at) / BLOCK_BYTES);
    const from = offset + at - block * BLOCK_BYTES;
    const to = Math.min(BLOCK_BYTES, from + length - at);
    yield { block, from, to, at };
    at += to - from;
  }
}

/** The blocks of a request, each by itself: a disk writes some of them and others not. */
export const tornOf = ({ offset, data }: Write): Write[] =>
  [...blocksOf(offset, data.length)].map(({ at, from, to }) => ({
    offset: offset + at,
    data: data.subarray(at, at + to - from),
  }));
