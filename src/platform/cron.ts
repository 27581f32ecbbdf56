/** Times in cron's syntax, by this machine's clock and time zone: five fields, or six with seconds first. */
import { Cron } from "croner";

/** Why a line means no time. */
export function cronProblem(line: string): string | undefined {
  try {
    return new Cron(line, { paused: true }).nextRun() === null ? "it never comes" : undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Calls at each of these times until what it returns is called. Keeps no process up. */
export function atTimes(line: string, run: () => void): () => void {
  const job = new Cron(line, { unref: true }, run);
  return () => job.stop();
}
