import type { Removed } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { printResult } from "../output.ts";
import { writeReleases } from "../writing.ts";

export default async function removeCommand(
  context: Context,
  version: string,
  { json }: { json?: boolean },
) {
  await writeReleases(context, { verb: "remove", version }, (handler) => handler.remove(version));
  printResult<Removed>(json, { removed: [version] }, `Removed ${version}`);
}
