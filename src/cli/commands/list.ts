import type { Listed } from "../documents.ts";
import { formatBytes, printResult, table } from "../output.ts";
import { withStore } from "../stores.ts";

export async function listCommand(
  name: string | undefined,
  options: { store?: string },
): Promise<void> {
  await withStore(options.store, async (store) => {
    const releases = await store.list(name);
    const rows = releases.map((stored) => [
      `${stored.name}@${stored.version}`,
      stored.pushedAt.replace(/\.\d+Z$/, "Z"),
      stored.releaseId.slice(0, 12),
      formatBytes(stored.tarball?.bytes ?? stored.bytes),
      stored.signature === undefined ? "" : "signed",
    ]);
    const document = releases.map(({ runs: _, manifest: __, ...facts }) => facts);
    const header = ["release", "pushed", "id", "size", ""];
    const none = [`${store.where} has no release${name === undefined ? "" : ` of ${name}`}`];
    printResult<Listed>(document, rows.length === 0 ? none : table([header, ...rows]));
  });
}
