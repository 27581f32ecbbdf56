import type { Removed } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { note, printResult } from "../output.ts";
import { writeReleases } from "../writing.ts";

export default async function removeCommand(
  context: Context,
  version: string,
  { json }: { json?: boolean },
) {
  const { rollbackTarget } = await context.handler();
  const target = () => rollbackTarget().catch(() => undefined);
  const before = await target();
  await writeReleases(context, { verb: "remove", version }, (handler) => handler.remove(version));
  printResult<Removed>(json, { removed: [version] }, `Removed ${version}`);
  if (before === version && (await target()) === undefined)
    note(`Nothing is left to roll back to: ${version} was the only one`);
}
