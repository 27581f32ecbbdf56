import { existsSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { trustIn } from "../../pack/inspect.ts";
import type { Pulled, StoredFacts } from "../../store/index.ts";
import { parsePlace } from "../../store/index.ts";
import { logged } from "../buildLog.ts";
import { formatBytes, printResult } from "../output.ts";
import { withStored } from "../stores.ts";

export async function pullCommand(text: string, options: ToolOptions<"pull">): Promise<void> {
  const place = parsePlace(text);
  if (place.kind !== "stored") throw new TsugiError("TSUGI_REFERENCE_INVALID", { text });
  const refuseUntrusted = await trustIn(options.keys);
  const reference = { ...place, store: place.store ?? options.store };
  await withStored(reference, async (store, stored) => {
    const target = targetOf(stored, options.out ?? ".");
    const pulled = await logged((log) => store.pull(stored, { target, refuseUntrusted, log }));
    const { name, version, file, bytes, sha256, already } = pulled;
    printResult<Pulled>(pulled, [
      `${already ? "Here already" : "Pulled"}: ${name} ${version}, ${formatBytes(bytes)}`,
      `  ${file}`,
      `  sha256 ${sha256}`,
    ]);
  });
}

/** A folder gets `wall-1.2.0.tar.gz`. */
function targetOf({ name, version }: StoredFacts, out: string): string {
  const path = resolve(out);
  const isFolder = out.endsWith("/") || (existsSync(path) && statSync(path).isDirectory());
  return isFolder ? join(path, `${name}-${version}.tar.gz`) : path;
}
