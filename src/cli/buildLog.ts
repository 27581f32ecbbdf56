/**
 * Tells of a build: with a spinner on a terminal, as plain lines otherwise. Steps go to stderr
 * with `--json`, where stdout is the document's.
 */
import type { BuildLog } from "../pack/log.ts";
import { printLine, wantsJson } from "./output.ts";

/** Calls with a log, and shows how that ended. */
export async function logged<T>(build: (log: BuildLog) => Promise<T>): Promise<T> {
  const log = await createBuildLog();
  try {
    const made = await build(log);
    log.done();
    return made;
  } catch (error) {
    log.failed();
    throw error;
  }
}

/** One of the two has to be called at the end, or the spinner turns on. */
interface ShownLog extends BuildLog {
  done(): void;
  failed(): void;
}

export async function createBuildLog(): Promise<ShownLog> {
  const stream = wantsJson() ? process.stderr : process.stdout;
  const isPlain = !stream.isTTY || process.env.CI !== undefined || process.env.TERM === "dumb";
  return isPlain ? plainLog() : spinnerLog(stream);
}

const guessLine = (what: string, value: string, why: string) =>
  `  ${what.padEnd(8)} ${value}  (${why})`;

function plainLog(): ShownLog {
  return {
    step: (what) => printLine(`• ${what}`),
    guess: (what, value, why) => printLine(guessLine(what, value, why)),
    note: (text) => printLine(`  ${text}`),
    warn: (text) => printLine(`! ${text}`),
    done: () => {},
    failed: () => {},
  };
}

async function spinnerLog(stream: NodeJS.WriteStream): Promise<ShownLog> {
  const { default: createSpinner } = await import("yocto-spinner");
  const spinner = createSpinner({ stream });
  let current: { what: string; since: number } | undefined;
  const end = () => {
    if (current === undefined) return;
    const seconds = ((performance.now() - current.since) / 1000).toFixed(1);
    spinner.success(`${current.what} (${seconds} s)`);
    current = undefined;
  };
  /** Prints a line above the spinner. */
  const print = (text: string) => {
    const { isSpinning } = spinner;
    if (isSpinning) spinner.clear();
    stream.write(`${text}\n`);
  };
  return {
    step: (what) => {
      end();
      current = { what, since: performance.now() };
      spinner.start(what);
    },
    guess: (what, value, why) => print(guessLine(what, value, why)),
    note: (text) => print(`  ${text}`),
    warn: (text) => print(`! ${text}`),
    done: end,
    failed: () => {
      if (current !== undefined) spinner.error(current.what);
    },
  };
}
