import { TsugiError } from "../../contract/errors.ts";
import { formatBytes, printResult } from "../output.ts";
import { withStore } from "../stores.ts";

interface Options {
  store?: string;
  keep: string;
  dryRun?: boolean;
}

export async function pruneCommand(name: string | undefined, options: Options): Promise<void> {
  const keep = Number(options.keep);
  if (!/^\d+$/.test(options.keep) || keep < 1) {
    const problem = `--keep ${options.keep}: expected a number above 0`;
    throw new TsugiError("TSUGI_USAGE", { problem, help: "How many to keep: --keep 5" });
  }
  const dryRun = options.dryRun === true;
  await withStore(options.store, async (store) => {
    const request = { keep, dryRun, ...(name === undefined ? {} : { name }) };
    const { removed, kept, freedBytes } = await store.prune(request);
    const facts = removed.map((stored) => `${stored.name}@${stored.version}`);
    const document = { removed: facts, kept: kept.length, freedBytes, dryRun };
    const freed = dryRun ? "" : `, ${formatBytes(freedBytes)} freed`;
    printResult(document, [
      ...facts.map((text) => `  ${dryRun ? "would remove" : "removed"} ${text}`),
      `${kept.length} ${kept.length === 1 ? "release" : "releases"} kept${freed}`,
    ]);
  });
}
