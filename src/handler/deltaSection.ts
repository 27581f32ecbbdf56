/** One compressed section of a delta, read from front to back and never further than asked for. */
import { createReadStream } from "node:fs";
import { pipeline, type Readable } from "node:stream";
import { createBrotliDecompress } from "node:zlib";
import { unzigzag } from "../release/delta.ts";

/** More would not be a safe integer. */
const MAX_DIGITS = 7;

export class SectionReader {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(path: string, start: number, size: number) {
    const source = createReadStream(path, { start, end: start + size - 1 });
    // What goes wrong is thrown where it is read; where nobody reads any more, it is nobody's.
    this.#stream = pipeline(source, createBrotliDecompress(), () => {});
    this.#stream.on("error", () => {});
    this.#chunks = this.#stream[Symbol.asyncIterator]();
  }

  async fill(out: Buffer): Promise<void> {
    for (let filled = 0; filled < out.length; ) {
      if (this.#at === this.#chunk.length && !(await this.#load())) {
        throw new Error("it ends too early");
      }
      const copied = this.#chunk.copy(out, filled, this.#at);
      filled += copied;
      this.#at += copied;
    }
  }

  /** LEB128. */
  async number(): Promise<number> {
    let value = 0;
    for (let digit = 0; digit < MAX_DIGITS; digit += 1) {
      if (this.#at === this.#chunk.length && !(await this.#load())) {
        throw new Error("it ends too early");
      }
      const byte = this.#chunk[this.#at]!;
      this.#at += 1;
      value += (byte & 127) * 128 ** digit;
      if (byte < 128) return value;
    }
    throw new Error("it holds a number that is none");
  }

  async signedNumber(): Promise<number> {
    return unzigzag(await this.number());
  }

  async expectEnd(): Promise<void> {
    const isOver = this.#at === this.#chunk.length && !(await this.#load());
    if (!isOver) throw new Error("it holds more than it uses");
  }

  close(): void {
    this.#stream.destroy();
  }

  async #load(): Promise<boolean> {
    do {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#chunk = value;
      this.#at = 0;
    } while (this.#chunk.length === 0);
    return true;
  }
}
