/**
 * Something that is shown anew each second until Ctrl-C: in place on a terminal, whose own content comes
 * back afterwards, one below the other elsewhere.
 */
import { setTimeout as delay } from "node:timers/promises";

const EVERY_MS = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";
/** All of a picture is drawn at once where a terminal knows how to. */
const [BEGIN, END] = ["\x1b[?2026h", "\x1b[?2026l"];
const HOME = "\x1b[H";
const TO_END_OF_LINE = "\x1b[K";
const BELOW = "\x1b[J";

interface Screen {
  show(text: string): void;
  close(): void;
}

/** A second Ctrl-C ends the program whatever it is at. */
export async function showUntilEnded(
  read: () => Promise<string>,
  { asLines }: { /** Documents: one a line, on a terminal too. */ asLines: boolean },
): Promise<void> {
  const end = new AbortController();
  const stop = () => end.abort();
  for (const name of SIGNALS) process.once(name, stop);
  process.stdout.once("error", stop);
  const screen = screenFor(process.stdout, asLines);
  try {
    while (!end.signal.aborted) {
      const text = await Promise.race([read(), ended(end.signal)]);
      if (text !== undefined) screen.show(text);
      await delay(EVERY_MS, undefined, { signal: end.signal }).catch(() => {});
    }
  } finally {
    screen.close();
    for (const name of SIGNALS) process.off(name, stop);
  }
}

const ended = (signal: AbortSignal) =>
  new Promise<undefined>((resolve) => {
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });

function screenFor(out: NodeJS.WriteStream, asLines: boolean): Screen {
  if (out.isTTY && !asLines && process.env.TERM !== "dumb") return onTerminal(out);
  const end = asLines ? "\n" : "\n\n";
  return { show: (text) => text !== "" && out.write(text + end), close: () => {} };
}

/** Lines are written over, never wiped first: that would flicker. */
function onTerminal(out: NodeJS.WriteStream): Screen {
  let last = "";
  const draw = () => {
    const lines = fitted(last, out.columns, out.rows);
    const drawn = lines.map((line) => `${line}${TO_END_OF_LINE}`).join("\r\n");
    out.write(`${BEGIN}${HOME}${drawn}${BELOW}${END}`);
  };
  out.on("resize", draw);
  out.write(ENTER);
  return {
    show: (text) => {
      last = text;
      draw();
    },
    close: () => {
      out.off("resize", draw);
      out.write(LEAVE);
    },
  };
}

/** As much of a text as there is room for; what is cut says so. */
function fitted(text: string, columns: number, rows: number): string[] {
  const lines = text.split("\n").map((line) => cut(line, columns));
  if (lines.length <= rows) return lines;
  const shown = lines.slice(0, Math.max(0, rows - 1));
  return [...shown, cut(`… ${lines.length - shown.length} more lines`, columns)];
}

function cut(line: string, columns: number): string {
  const characters = [...line];
  return characters.length <= columns ? line : `${characters.slice(0, columns - 1).join("")}…`;
}
