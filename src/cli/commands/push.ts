import type { PushedTo } from "../documents.ts";
import { formatBytes, printLine, printResult } from "../output.ts";
import { sourceOf, withStore } from "../stores.ts";

export async function pushCommand(place: string, options: { store?: string }): Promise<void> {
  const source = sourceOf(place);
  await withStore(options.store, async (store) => {
    const pushed = await store.push({ source, onStep: (text) => printLine(`• ${text}`) });
    const { name, version, already, blobs, moved } = pushed;
    const document = { ...pushed, store: store.where };
    const what = `${name} ${version}`;
    printResult<PushedTo>(document, [
      already ? `${store.where} has ${what} already` : `Pushed ${what} to ${store.where}`,
      `  ${moved.blobs} of ${blobs} blobs moved, ${formatBytes(moved.bytes)}`,
    ]);
  });
}
