/** Lines of several hosts in the order of their times: each with its host, none torn. */

import { wholeLines } from "../protocol/wholeLines.ts";

/** What a log line begins with, or has as a field where it is JSON. */
const TIME = /^\[?(\d{4}-\d\d-\d\d[T ][\d:.]+Z?)|"time":\s*"([^"]+)"/;

interface Line {
  at: string;
  order: number;
  text: string;
}

export class MergedLines {
  readonly #stream: NodeJS.WritableStream;
  #waiting: Line[] = [];
  #order = 0;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
  }

  /** A line without a time, as of a stack trace, stays with the one before it. */
  source(prefix: string): { push: (text: string) => void; end: () => void } {
    let at = "";
    return wholeLines((line) => {
      const match = TIME.exec(line);
      at = match?.[1] ?? match?.[2] ?? at;
      this.#order += 1;
      this.#waiting.push({ at, order: this.#order, text: `${prefix}  ${line}\n` });
    });
  }

  flush(): void {
    const byTime = (a: Line, b: Line) => (a.at === b.at ? a.order - b.order : a.at < b.at ? -1 : 1);
    for (const { text } of this.#waiting.sort(byTime)) this.#stream.write(text);
    this.#waiting = [];
  }
}
