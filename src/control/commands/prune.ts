import { DEFAULT_SETTINGS } from "../../protocol/settings.ts";
import { positiveNumber } from "../arguments.ts";
import type { Register } from "../command.ts";
import { count, report } from "../output.ts";
import { writeReleases } from "../writing.ts";

interface Options {
  keep: number;
  json?: boolean;
}

const register: Register = (program, context) => {
  program
    .command("prune")
    .description("remove the oldest releases; never what runs, nor what a rollback would need")
    .option("--keep <count>", "how many stay", positiveNumber, DEFAULT_SETTINGS.keepReleases)
    .option("--json", "one JSON document on stdout")
    .action(async ({ keep, json }: Options) => {
      const value = await writeReleases<unknown>(context, { verb: "prune", keep }, (handler) =>
        handler.prune(keep, []),
      );
      const removed = removedOf(value);
      const text = removed.length > 0 ? `Removed ${removed.join(", ")}` : "Nothing to remove";
      report(json, { keep, removed }, `${text}; ${count(keep, "release")} may stay`);
    });
};
export default register;

function removedOf(value: unknown): string[] {
  if (Array.isArray(value)) return value as string[];
  return (value as { removed?: string[] } | null)?.removed ?? [];
}
