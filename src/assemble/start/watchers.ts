/**
 * Compilers that watch, and run a line whenever they are done. A release builds once, and starts what
 * the line does. To add one: a row.
 *
 *   tsc-watch -p server.json --onSuccess "node dist/a.js"   builds `tsc -p server.json`
 */
import type { Reading, StartScript } from "./script.ts";

interface Watcher {
  /** What compiles once, by the same words. */
  compiler: string;
  /** Options whose value is the line. */
  lines: readonly string[];
  /** No words for that compiler: alone, and with a value behind them. */
  alone: readonly string[];
  valued?: readonly string[];
}

const WATCH = ["-w", "--watch"];

const WATCHERS: Record<string, Watcher> = {
  "tsc-watch": {
    compiler: "tsc",
    lines: ["--onSuccess", "--onFirstSuccess"],
    alone: [...WATCH, "--noClear", "--noColors", "--silent", "--signalEmittedFiles"],
    valued: [
      ...["--onFailure", "--onEmit", "--onCompilationStarted", "--onCompilationComplete"],
      ...["--onSuccess", "--onFirstSuccess", "--maxNodeMem", "--compiler"],
    ],
  },
  tsup: { compiler: "tsup", lines: ["--onSuccess"], alone: WATCH, valued: ["--ignore-watch"] },
  tsdown: { compiler: "tsdown", lines: ["--on-success"], alone: WATCH, valued: ["--ignore-watch"] },
};

export function readWatcher(
  tool: string,
  words: string[],
  reading: Reading,
): StartScript | undefined {
  const watcher = Object.hasOwn(WATCHERS, tool) ? WATCHERS[tool] : undefined;
  if (watcher === undefined) return undefined;
  const { compiler, lines, alone, valued = [] } = watcher;
  const rest: string[] = [];
  let line: string | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [name = "", ...values] = word.split("=");
    const isLine = lines.includes(name);
    if (isLine || valued.includes(name)) {
      const value = values.length > 0 ? values.join("=") : words[++at];
      if (isLine) line ??= value;
    } else if (!alone.includes(name)) rest.push(word);
  }
  const found = line === undefined ? undefined : reading.line(line);
  return (
    found && { ...found, builds: [[compiler, ...rest].map(quoted).join(" "), ...found.builds] }
  );
}

const quoted = (word: string): string => (/^[\w./=@:,-]+$/.test(word) ? word : `'${word}'`);
