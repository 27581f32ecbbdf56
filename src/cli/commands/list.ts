import { defined } from "../../contract/checks.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { table } from "../../protocol/columns.ts";
import type { StoredFacts } from "../../store/index.ts";
import type { Listed } from "../documents.ts";
import { formatBytes, printResult } from "../output.ts";
import { withStore } from "../stores.ts";

export async function listCommand(
  name: string | undefined,
  options: ToolOptions<"list">,
): Promise<void> {
  await withStore(options.store, async (store) => {
    const releases = await store.list(name);
    const rows = releases.map((stored) => [
      `${stored.name}@${stored.version}`,
      stored.pushedAt.replace(/\.\d+Z$/, "Z"),
      stored.releaseId.slice(0, 12),
      formatBytes(stored.tarball.bytes),
      stored.signature === undefined ? "" : "signed",
    ]);
    const document = releases.map(listed);
    const header = ["release", "pushed", "id", "size", ""];
    const none = [`${store.where} has no release${name === undefined ? "" : ` of ${name}`}`];
    printResult<Listed>(document, rows.length === 0 ? none : table([header, ...rows]));
  });
}

const listed = (stored: StoredFacts): StoredFacts => {
  const { name, version, releaseId, kind, platform, pushedAt, bytes, tarball, signature } = stored;
  const facts = { name, version, releaseId, kind, platform, pushedAt, bytes };
  return { ...facts, tarball, ...defined({ signature }) };
};
