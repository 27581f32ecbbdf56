/** Newline-delimited JSON with a limit, for the control socket. */

/** A line longer than this ends the connection: nothing that we send comes near it. */
export const MAX_LINE_BYTES = 16 * 1024 * 1024;

export const encodeLine = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** Feeds chunks in, gets whole parsed lines out. `onBad` is called once, then it is deaf. */
export class LineDecoder {
  #rest = "";
  #dead = false;
  readonly #onValue: (value: unknown) => void;
  readonly #onBad: (problem: string) => void;

  constructor(onValue: (value: unknown) => void, onBad: (problem: string) => void) {
    this.#onValue = onValue;
    this.#onBad = onBad;
  }

  push(chunk: string): void {
    if (this.#dead) return;
    this.#rest += chunk;
    let end = this.#rest.indexOf("\n");
    while (end >= 0 && !this.#dead) {
      const line = this.#rest.slice(0, end);
      this.#rest = this.#rest.slice(end + 1);
      this.#take(line);
      end = this.#rest.indexOf("\n");
    }
    if (this.#rest.length > MAX_LINE_BYTES) this.#fail("a line is too long");
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
    this.#rest = "";
    this.#onBad(problem);
  }
}
