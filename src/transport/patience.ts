/** How long is waited for a host that says nothing. */
import { TsugiError } from "../contract/errors.ts";
import { quoteCommand } from "./quote.ts";
import type { RunOptions } from "./transport.ts";

/** Between two signs of life of a command that is simply asked something. */
const QUIET_MS = 120_000;

export const quietMsOf = ({ quietMs = QUIET_MS }: Pick<RunOptions, "quietMs">): number =>
  typeof quietMs === "function" ? quietMs() : quietMs;

export class Patience {
  readonly #onEnd: (ms: number) => void;
  #ms: number;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(ms: number, onEnd: (ms: number) => void) {
    this.#ms = ms;
    this.#onEnd = onEnd;
    this.#start();
  }

  /** There was a sign of life; from now on it may take so long to the next one. */
  renew(ms: number): void {
    clearTimeout(this.#timer);
    this.#ms = ms;
    this.#start();
  }

  /** A sign of life that comes later is none: its timer would keep the program alive. */
  end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
  }

  #start(): void {
    if (this.#isOver || !Number.isFinite(this.#ms)) return;
    this.#timer = setTimeout(() => this.#onEnd(this.#ms), this.#ms);
  }
}

export function silentError(
  host: string,
  ms: number,
  argv: readonly string[],
  byHand: string,
  /** What came before it, of the login itself: a question, perhaps. */
  login = "",
): TsugiError {
  const seconds = Math.round(ms / 100) / 10;
  return new TsugiError("TSUGI_HOST_SILENT", {
    host,
    seconds,
    command: commandText(argv),
    before: login === "" ? "" : ` (the login's last words: ${login})`,
    try: byHand,
  });
}

/** Enough of a command to know it by: what it is called by is left out, and a program in it. */
export function commandText(argv: readonly string[]): string {
  const inner = argv.lastIndexOf('exec "$@"') + 1;
  if (inner > 0 && inner < argv.length) return ownText(argv.slice(inner) as [string, ...string[]]);
  const text = quoteCommand(argv.map((word) => (word.includes("\n") ? "…" : word)));
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** `bin/wall upgrade 1.2.0`: as a person there would type it, who needs no JSON. */
function ownText([program, ...words]: [string, ...string[]]): string {
  const name = program.replace(/^.*\/(bin\/[^/]+)$/, "$1");
  return quoteCommand([name, ...words.filter((word) => word !== "--json")]);
}
