import { defined } from "../../contract/checks.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import type { StorePruned } from "../documents.ts";
import { formatBytes, printResult } from "../output.ts";
import { withStore } from "../stores.ts";

export async function pruneCommand(
  name: string | undefined,
  options: ToolOptions<"prune">,
): Promise<void> {
  const { keep } = options;
  const dryRun = options.dryRun === true;
  await withStore(options.store, async (store) => {
    const request = { keep, dryRun, ...defined({ name }) };
    const { removed, kept, freedBytes } = await store.prune(request);
    const facts = removed.map((stored) => `${stored.name}@${stored.version}`);
    const document = { removed: facts, kept: kept.length, freedBytes, dryRun };
    const freed = freedBytes === null ? "" : `, ${formatBytes(freedBytes)} freed`;
    printResult<StorePruned>(document, [
      ...facts.map((text) => `  ${dryRun ? "would remove" : "removed"} ${text}`),
      `${kept.length} ${kept.length === 1 ? "release" : "releases"} kept${freed}`,
    ]);
  });
}
