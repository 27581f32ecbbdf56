import type { HostOptions } from "../../contract/commands/host.ts";
import type { Pruned } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { count, printResult } from "../output.ts";
import { writeReleases } from "../writing.ts";

export default async function pruneCommand(context: Context, { keep, json }: HostOptions<"prune">) {
  const value = await writeReleases<unknown>(context, { verb: "prune", keep }, (handler) =>
    handler.prune(keep, []),
  );
  const removed = removedOf(value);
  const text = removed.length > 0 ? `Removed ${removed.join(", ")}` : "Nothing to remove";
  const { releases } = await (await context.handler()).list();
  printResult<Pruned>(json, { keep, removed }, `${text}; ${stayText(releases.length, keep)}`);
}

/** What no prune takes makes them more than was asked for. */
function stayText(stay: number, keep: number): string {
  const text = `${count(stay, "release")} ${stay === 1 ? "stays" : "stay"}`;
  return stay > keep ? `${text}: what runs, and what a rollback goes to, always do` : text;
}

function removedOf(value: unknown): string[] {
  if (Array.isArray(value)) return value as string[];
  return (value as { removed?: string[] } | null)?.removed ?? [];
}
