/** Newline-delimited JSON with a limit, for the control socket. */

/** A line longer than this ends the connection: nothing that we send comes near it. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export const encodeLine = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Feeds chunks in, gets whole parsed lines out. `onBad` is called once, then it is deaf. */
export class LineDecoder {
  /** The begin of a line whose end has not come: each piece is looked at once. */
  #parts: string[] = [];
  #length = 0;
  #dead = false;
  readonly #onValue: (value: unknown) => void;
  readonly #onBad: (problem: string) => void;
  readonly #maxLength: number;

  constructor(
    onValue: (value: unknown) => void,
    onBad: (problem: string) => void,
    maxLength = MAX_LINE_BYTES,
  ) {
    this.#onValue = onValue;
    this.#onBad = onBad;
    this.#maxLength = maxLength;
  }

  push(chunk: string): void {
    let start = 0;
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n", start)) {
      if (this.#dead) return;
      this.#parts.push(chunk.slice(start, end));
      start = end + 1;
      const line = this.#parts.join("");
      this.#parts = [];
      this.#length = 0;
      if (line.length > this.#maxLength) this.#fail("a line is too long");
      else this.#take(line);
    }
    if (this.#dead || start === chunk.length) return;
    this.#parts.push(chunk.slice(start));
    this.#length += chunk.length - start;
    if (this.#length > this.#maxLength) this.#fail("a line is too long");
  }

  #take(line: string): void {
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      this.#fail("a line is not JSON");
      return;
    }
    this.#onValue(value);
  }

  #fail(problem: string): void {
    this.#dead = true;
    this.#parts = [];
    this.#onBad(problem);
  }
}
