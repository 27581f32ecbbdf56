import type { ToolOptions } from "../../contract/commands/tool.ts";
import type { PushedTo } from "../documents.ts";
import { formatBytes, printLine, printResult } from "../output.ts";
import { sourceOf, withStore } from "../stores.ts";

export async function pushCommand(place: string, options: ToolOptions<"push">): Promise<void> {
  const source = sourceOf(place, "push");
  await withStore(options.store, async (store) => {
    const attach = (["sbom", "provenance"] as const).filter((kind) => options[kind] === true);
    const onStep = (text: string) => printLine(`• ${text}`);
    const pushed = await store.push({ source, onStep, attach });
    const { name, version, already, blobs, moved } = pushed;
    const document = { ...pushed, store: store.where };
    const what = `${name} ${version}`;
    printResult<PushedTo>(document, [
      already ? `${store.where} has ${what} already` : `Pushed ${what} to ${store.where}`,
      `  ${moved.blobs} of ${blobs} blobs moved, ${formatBytes(moved.bytes)}`,
      ...(pushed.replacedSigner === undefined
        ? []
        : [
            `  its signature by key ${pushed.replacedSigner} is gone: another key's took its place`,
          ]),
      ...attach.map((kind) => `  with its ${kind}`),
    ]);
  });
}
