/** What a process printed last: for whoever asks why it has ended. */
import { stripVTControlCharacters } from "node:util";
import { isError, isFrame } from "../../../protocol/errorLines.ts";
import type { Mask } from "../../../protocol/mask.ts";

/** A stack, with what Node prints around it, has to fit. */
const KEPT_LINES = 32;
const TOLD_LINES = 10;
const TOLD_BYTES = 2_048;
const KEPT_CHARACTERS = 4_096;
const TOLD_CHARACTERS = 400;

export class LastWords {
  readonly #lines: string[] = [];

  push(line: string): void {
    // A copy: a part of a long line would keep the whole of it in memory.
    const isLong = line.length > KEPT_CHARACTERS;
    const kept = isLong ? String(Buffer.from(line.slice(0, KEPT_CHARACTERS))) : line;
    if (this.#lines.push(kept) > KEPT_LINES) this.#lines.shift();
  }

  /** From the error on, where there is one; without secrets, and safe for a terminal. */
  told(mask: Pick<Mask, "text">): string[] {
    // Masked before it is cut: half a secret is known by nobody.
    const lines = this.#lines.map((line) => short(printable(mask.text(line))));
    const all = lines.filter((line) => line.trim() !== "");
    if (all.at(-1)?.startsWith("Node.js v")) all.pop();
    const begin = errorAt(all);
    const told = begin < 0 ? all.slice(-TOLD_LINES) : all.slice(begin, begin + TOLD_LINES);
    return begin < 0 ? within(told.reverse()).reverse() : within(told);
  }
}

/** The one line that says most. */
export const headlineOf = (lines: readonly string[]): string | undefined =>
  lines[errorAt(lines)] ?? lines.at(-1);

/** Where the error begins: of one that a logger has put words before, above its stack. */
function errorAt(lines: readonly string[]): number {
  const plain = lines.findLastIndex(isError);
  if (plain >= 0) return plain;
  const frame = lines.findLastIndex(isFrame);
  if (frame < 0 || !lines.slice(frame + 1).every((line) => /^[\s}\])]/.test(line))) return -1;
  const above = lines.slice(0, frame);
  const named = above.findLastIndex((line) => !isFrame(line) && NAMED.test(line));
  return named >= 0 ? named : above.findLastIndex((line) => !isFrame(line));
}

const NAMED = /\b[\w$.]*(Error|Exception)( \[\w+\])?: /;

const short = (line: string): string =>
  line.length > TOLD_CHARACTERS ? `${line.slice(0, TOLD_CHARACTERS)}…` : line;

const printable = (line: string): string =>
  stripVTControlCharacters(line)
    .replace(/[^\P{Cc}\t]/gu, "")
    .trimEnd();

/** As many of the first as fit; the first one always. */
function within(lines: string[]): string[] {
  let bytes = 0;
  return lines.filter((line, at) => {
    bytes += Buffer.byteLength(line) + 1;
    return at === 0 || bytes <= TOLD_BYTES;
  });
}
