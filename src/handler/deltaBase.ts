/** A file of a release on this host that a delta builds on. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";

/** A region is seldom far from the one before it. */
const BLOCK_BYTES = 1 << 18;
const BLOCKS_KEPT = 64;

export class BaseFile {
  readonly size: number;
  readonly #file: FileHandle;
  /** In the order in which they were read. */
  readonly #blocks = new Map<number, Buffer>();

  constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Adds the bytes at that place to those in `out`, byte by byte. */
  async addTo(out: Buffer, position: number): Promise<void> {
    for (let done = 0; done < out.length; ) {
      const at = position + done;
      const number = Math.floor(at / BLOCK_BYTES);
      const block = this.#blocks.get(number) ?? (await this.#read(number));
      const inBlock = at - number * BLOCK_BYTES;
      const length = Math.min(out.length - done, block.length - inBlock);
      if (length <= 0) throw new Error("a file that it builds on has become shorter");
      for (let n = 0; n < length; n += 1) {
        out[done + n] = out[done + n]! + block[inBlock + n]!;
      }
      done += length;
    }
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  async #read(number: number): Promise<Buffer> {
    const [oldest] = this.#blocks.keys();
    if (this.#blocks.size >= BLOCKS_KEPT) this.#blocks.delete(oldest!);
    const room = Buffer.allocUnsafe(BLOCK_BYTES);
    const { bytesRead } = await this.#file.read(room, 0, BLOCK_BYTES, number * BLOCK_BYTES);
    const block = room.subarray(0, bytesRead);
    this.#blocks.set(number, block);
    return block;
  }
}

/** @throws where it is no file of that size */
export async function openBase(path: string, size: number): Promise<BaseFile> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  const found = await file.stat();
  if (found.isFile() && found.size === size) return new BaseFile(file, size);
  await file.close();
  throw new Error(`${path}, which it builds on, is not as its manifest says`);
}
