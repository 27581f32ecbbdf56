/**
 * How a command is sent to a login that may print what it likes, run by a shell that may be none of
 * POSIX's, and how its answer is found again:
 *
 *   ssh host "sh -c '…'"     one constant line, which sh, csh, fish and others read alike
 *   stdin                    a program of one line for that sh, then the command's own input; in a
 *                            dialogue (dialogue.ts) there may be a next program after that
 *   stdout, stderr           ␁tsugi <mark>(   what the command prints   ␁tsugi <mark>)<exit code>
 *
 * What stands outside the marks is the login's: a greeting, a warning, what it says at its end. Without
 * the second mark an answer has broken off, whatever the client exits with.
 */
import { randomBytes } from "node:crypto";
import { Transform, type TransformCallback } from "node:stream";
import { quoteCommand } from "./quote.ts";

/** `read` takes no byte more than the line, so that the rest of stdin is the command's. */
export const LOGIN_COMMAND = `sh -c 'IFS= read -r tsugi && eval "$(printf %b "$tsugi")"'`;

export class Question {
  readonly #mark = `tsugi ${randomBytes(12).toString("hex")}`;
  readonly #argv: readonly string[];
  readonly stdout = new Answer(this.#mark);
  readonly stderr = new Answer(this.#mark);

  constructor(argv: readonly string[]) {
    this.#argv = argv;
  }

  /** The program, as `printf %b` reads it: one line. What comes after it is the command's. */
  get line(): string {
    return this.#lineOf(quoteCommand(this.#argv), 'exit "$tsugi"');
  }

  /**
   * Another program may come after the bytes that are the command's: all of them are read. Whoever has run
   * this one goes on, but where it was killed.
   */
  lineInTurn(stdinBytes: number): string {
    const command = quoteCommand(this.#argv);
    if (stdinBytes === 0) return this.#lineOf(`${command} </dev/null`, "exit 0");
    const rest = "tsugi=$?; cat >/dev/null; exit $tsugi";
    const fed = `dd ibs=1 count=${stdinBytes} 2>/dev/null | (${command}; ${rest})`;
    return this.#lineOf(fed, "exit 0");
  }

  #lineOf(command: string, end: string): string {
    const mark = this.#mark;
    const program = [
      `printf '\\001${mark}('`,
      `printf '\\001${mark}(' >&2`,
      command,
      "tsugi=$?",
      `printf '\\001${mark})%s\\n' "$tsugi" >&2`,
      `printf '\\001${mark})%s\\n' "$tsugi"`,
      end,
    ].join("\n");
    return `${program.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n`;
  }

  get streams(): { stdout: Answer; stderr: Answer } {
    return { stdout: this.stdout, stderr: this.stderr };
  }

  get hasBegun(): boolean {
    return this.stdout.hasBegun;
  }

  /** No more of it comes. */
  breakOff(): void {
    this.stdout.end();
    this.stderr.end();
  }

  /** The last of what the login has printed, where it did not come to the program. */
  get noise(): string {
    return `${this.stderr.noise}\n${this.stdout.noise}`;
  }

  /** Undefined while the answer is not whole. */
  get exitCode(): number | undefined {
    return this.stderr.exitCode === undefined ? undefined : this.stdout.exitCode;
  }
}

const NOISE_BYTES = 2_000;
const NONE: Buffer = Buffer.alloc(0);

/** Lets through what stands between the marks. */
export class Answer extends Transform {
  readonly #begin: Buffer;
  readonly #end: Buffer;
  #state: "before" | "inside" | "after" = "before";
  #held = NONE;
  #noise = NONE;
  #exitCode: number | undefined;

  constructor(mark: string) {
    super();
    this.#begin = Buffer.from(`\u0001${mark}(`);
    this.#end = Buffer.from(`\u0001${mark})`);
  }

  get hasBegun(): boolean {
    return this.#state !== "before";
  }

  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** The last of what the login has printed before. */
  get noise(): string {
    return this.#noise.toString();
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    if (this.#state === "before") this.#findBegin();
    if (this.#state === "inside") this.#passOn();
    if (this.#state === "after") this.#readExitCode();
    done();
  }

  /** An answer that has broken off is passed on as far as it came. */
  override _flush(done: TransformCallback): void {
    if (this.#state === "inside" && this.#held.length > 0) this.push(this.#held);
    done();
  }

  #findBegin(): void {
    const at = this.#held.indexOf(this.#begin);
    const noise = at < 0 ? this.#held : this.#held.subarray(0, at);
    this.#noise = noise.subarray(-NOISE_BYTES);
    if (at < 0) {
      this.#held = this.#held.subarray(-Math.max(NOISE_BYTES, this.#begin.length));
      return;
    }
    this.#held = this.#held.subarray(at + this.#begin.length);
    this.#state = "inside";
    this.emit("begun");
  }

  #passOn(): void {
    const at = this.#held.indexOf(this.#end);
    const length = at < 0 ? this.#held.length - this.#startedMark() : at;
    if (length > 0) this.push(this.#held.subarray(0, length));
    this.#held = this.#held.subarray(at < 0 ? length : at + this.#end.length);
    if (at >= 0) this.#state = "after";
  }

  /** How many bytes at the end may be the beginning of the mark. */
  #startedMark(): number {
    const at = this.#held.lastIndexOf(this.#end[0]!);
    const tail = at < 0 ? NONE : this.#held.subarray(at);
    return tail.equals(this.#end.subarray(0, tail.length)) ? tail.length : 0;
  }

  #readExitCode(): void {
    if (this.#exitCode !== undefined) return;
    const match = /^(\d+)\n/.exec(this.#held.subarray(0, 20).toString());
    if (match === null) return;
    this.#exitCode = Number(match[1]);
    this.push(null);
  }
}
