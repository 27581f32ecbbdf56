/** Bytes of a stream, from front to back and never further than asked for. */
export class ByteReader {
  /** How many have been taken. */
  position = 0;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #whenShort: string;
  #chunk: Buffer = Buffer.alloc(0);

  /** `whenShort`: what is said where it ends before its end. */
  constructor(chunks: AsyncIterable<Uint8Array>, whenShort: string) {
    this.#chunks = chunks[Symbol.asyncIterator]();
    this.#whenShort = whenShort;
  }

  /** What is at hand, `most` at the most; undefined at the end. */
  async some(most: number): Promise<Buffer | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#chunks.next();
      if (done) return undefined;
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const part = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(part.length);
    this.position += part.length;
    return part;
  }

  /** As they come. */
  async *pieces(size: number): AsyncGenerator<Buffer> {
    for (let left = size; left > 0; ) {
      const part = await this.some(left);
      if (part === undefined) throw new Error(this.#whenShort);
      left -= part.length;
      yield part;
    }
  }

  async exactly(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of this.pieces(size)) parts.push(part);
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  /** Nothing more is taken. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async skip(size: number): Promise<void> {
    for await (const _part of this.pieces(size));
  }
}
