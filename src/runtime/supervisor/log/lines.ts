/** Cuts what a process prints into lines; one for each of its streams. */

/** What has no line break for so long is cut: a line must fit into memory. */
export const MAX_LINE_BYTES = 1024 * 1024;

const LINE_FEED = 0x0a;

/** Each byte is looked at once, however small the pieces are in which a long line comes. */
export class LineSplitter {
  readonly #onLine: (line: string) => void;
  /** The begin of a line whose end has not come. */
  #parts: Buffer[] = [];
  #length = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const last = chunk.lastIndexOf(LINE_FEED);
    if (last < 0) {
      this.#keep(chunk);
      return;
    }
    this.#parts.push(chunk.subarray(0, last));
    for (const line of this.#take().split("\n")) this.#onLine(line);
    if (last + 1 < chunk.length) this.#keep(chunk.subarray(last + 1));
  }

  end(): void {
    if (this.#length > 0) this.#onLine(this.#take());
  }

  #keep(piece: Buffer): void {
    this.#parts.push(piece);
    this.#length += piece.length;
    if (this.#length <= MAX_LINE_BYTES) return;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    const end = wholeCharacters(bytes, MAX_LINE_BYTES);
    this.#onLine(bytes.toString("utf8", 0, end));
    this.#keep(bytes.subarray(end));
  }

  #take(): string {
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    return (parts.length === 1 ? parts[0]! : Buffer.concat(parts)).toString("utf8");
  }
}

/** So that a cut doesn't go through a character. */
function wholeCharacters(bytes: Buffer, most: number): number {
  let end = most;
  while (end > most - 4 && (bytes[end]! & 0xc0) === 0x80) end -= 1;
  return end;
}
