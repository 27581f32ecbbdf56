/**
 * Nobody reads on: `tsugi list | head`, a terminal that was closed. What only tells something ends with that;
 * what changes something is seen through, unheard: a deploy that ended there would leave hosts half-way, and be told as well done.
 */
import type { ToolVerb } from "../contract/commands/tool.ts";

/** Those that have no more to do when they aren't heard. */
const TELLING: ReadonlySet<string> = new Set<ToolVerb>([
  ...(["completion", "exec", "explain", "help", "list", "logs", "plan"] as const),
  ...(["ps", "run", "status", "verify", "view"] as const),
]);

/** EIO: of a terminal that is gone. */
const GONE = ["EPIPE", "EIO"];

export function outliveReaders(verb: string | undefined): void {
  const ends = verb === undefined || TELLING.has(verb);
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!GONE.includes(error.code ?? "")) throw error;
      if (ends && stream === process.stdout) process.exit();
    });
  }
}
