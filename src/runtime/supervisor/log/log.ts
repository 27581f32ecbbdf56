/**
 * The log: what the application prints and what tsugi has to say, line by line, into
 * `log/<app>.log` or, under `foreground`, to stdout. A full disk or a slow reader costs lines,
 * which are counted; it never costs the application anything, because its pipes are always read.
 */
import { within } from "../../../platform/waiting.ts";
import type { LogSettings } from "../../../protocol/settings.ts";
import { formatLine, type LogLine } from "./format.ts";
import { LogQueue, type LogTarget } from "./queue.ts";

/** A process that a worker has left behind may hold its pipes for ever. */
const LAST_WORDS_MS = 400;

export class Log {
  readonly #queue: LogQueue;
  readonly #own: Pick<LogLine, "version" | "pid" | "own">;
  #format: LogSettings["format"];
  /** Of processes that have not closed their output yet. */
  readonly #sources = new Set<Promise<void>>();

  /** `name`: what tsugi's own lines stand under. */
  constructor(
    target: LogTarget,
    settings: Pick<LogSettings, "format">,
    name = "tsugi",
    onProblem?: (error: unknown) => void,
  ) {
    this.#own = { version: name, pid: process.pid, own: true };
    this.#format = settings.format;
    const sayMissing = (count: number, why: string) => {
      const lines = count === 1 ? "1 log line is" : `${count} log lines are`;
      return this.#text({ ...this.#own, text: `${lines} missing here${why ? `: ${why}` : ""}` });
    };
    this.#queue = new LogQueue(target, sayMissing, onProblem);
  }

  /** Of a reload or an upgrade. */
  use(settings: LogSettings): void {
    this.#format = settings.format;
    this.#queue.target.use?.(settings);
  }

  /** Lines that will never be in the log. */
  get dropped(): number {
    return this.#queue.lost;
  }

  /** Why it can't be written, or not rotated, at this moment. */
  get problem(): string | undefined {
    return this.#queue.problem;
  }

  line(line: LogLine): void {
    this.#queue.push(this.#text(line));
  }

  /** tsugi's own. */
  note(text: string): void {
    this.line({ ...this.#own, text });
  }

  /** Lines that were lost before they came here. */
  lose(count: number, why: string): void {
    this.#queue.lose(count, why);
  }

  /** `ended`: nothing comes from there any more. */
  follow(ended: Promise<void>): void {
    const source = ended.finally(() => this.#sources.delete(source));
    this.#sources.add(source);
  }

  /** The file was moved away. */
  reopen(): void {
    this.#queue.reopen();
  }

  flush(): Promise<void> {
    return this.#queue.flush();
  }

  /** The last thing that a supervisor does: within a second, whatever the disk does. */
  async close(): Promise<void> {
    await within(LAST_WORDS_MS, Promise.all(this.#sources), () => {});
    await this.#queue.close();
  }

  #text(line: LogLine): string {
    return formatLine(this.#format, line);
  }
}
