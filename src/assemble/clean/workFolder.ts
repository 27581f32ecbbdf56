/**
 * The temporary folder of a clean build. It is gone afterwards, whatever happened: also after
 * Ctrl-C, which first ends the programs that still write into it. What a killed build (kill -9)
 * left is removed by the next one.
 */
import type { ChildProcess } from "node:child_process";
import { lstatSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killGroups } from "../../pack/commands.ts";
import { isRunning } from "../../platform/processes.ts";

const NAME = /^tsugi-build-(\d+)-/;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** `running` is for the surroundings of what is run in it. */
export async function inWorkFolder<T>(
  work: (folder: string, running: Set<ChildProcess>) => Promise<T>,
): Promise<T> {
  sweep();
  // 0700: what lies in it may come from a private repository.
  const folder = mkdtempSync(join(tmpdir(), `tsugi-build-${process.pid}-`));
  const running = new Set<ChildProcess>();
  const remove = () => {
    killGroups(running);
    // A program that is being killed may write one more file.
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const onSignal = (signal: NodeJS.Signals) => {
    stopListening();
    remove();
    // As if nobody had listened; a spinner that listens too ends the process by itself.
    if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
  };
  const stopListening = () => {
    for (const signal of SIGNALS) process.off(signal, onSignal);
    process.off("exit", remove);
  };
  for (const signal of SIGNALS) process.prependListener(signal, onSignal);
  process.on("exit", remove);
  try {
    return await work(folder, running);
  } finally {
    stopListening();
    remove();
  }
}

/** Only one's own: the folder of temporary files belongs to everybody. */
function sweep(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = Number(NAME.exec(name)?.[1] ?? 0);
    if (pid === 0 || pid === process.pid || isRunning(pid)) continue;
    const path = join(tmpdir(), name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found?.isDirectory() && found.uid === process.getuid?.()) {
      rmSync(path, { recursive: true, force: true });
    }
  }
}
