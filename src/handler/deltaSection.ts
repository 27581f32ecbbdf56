/** One compressed section of a delta. */
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { createBrotliDecompress } from "node:zlib";
import { unzigzag } from "../release/delta.ts";
import { ByteReader } from "./byteReader.ts";

/** More would not be a safe integer. */
const MAX_DIGITS = 7;

export class SectionReader extends ByteReader {
  constructor(path: string, start: number, size: number) {
    const source = createReadStream(path, { start, end: start + size - 1 });
    const unpacked = pipeline(source, createBrotliDecompress(), () => {});
    // What goes wrong is thrown where it is read; where nobody reads any more, it is nobody's.
    unpacked.on("error", () => {});
    super(unpacked, "it ends too early");
  }

  /** LEB128. */
  async number(): Promise<number> {
    let value = 0;
    for (let digit = 0; digit < MAX_DIGITS; digit += 1) {
      const [byte] = (await this.exactly(1)) as unknown as [number];
      value += (byte & 127) * 128 ** digit;
      if (byte < 128) return value;
    }
    throw new Error("it holds a number that is none");
  }

  async signedNumber(): Promise<number> {
    return unzigzag(await this.number());
  }

  async expectEnd(): Promise<void> {
    if ((await this.some(1)) !== undefined) throw new Error("it holds more than it uses");
  }
}
