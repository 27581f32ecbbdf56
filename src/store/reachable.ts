/** What an image layout's index leads to, also by what other tools have put there. */
import { isRecord } from "../contract/checks.ts";
import { isDescriptor } from "../oci/artefact.ts";
import type { ImageLayout, LayoutIndex } from "../oci/layout.ts";
import type { Descriptor } from "../oci/source.ts";

/** Digests. @throws TSUGI_STORE_DAMAGED for a manifest that is another than it is called: who knows what it uses */
export async function reachable(layout: ImageLayout, index: LayoutIndex): Promise<Set<string>> {
  const found = new Set<string>();
  for (let next: readonly Descriptor[] = index.manifests; next.length > 0; ) {
    const fresh = next.filter(({ digest }) => !found.has(digest));
    for (const { digest } of fresh) found.add(digest);
    const documents = fresh.filter(({ mediaType }) => /manifest|index/.test(mediaType));
    const named = [...(await documentsAt(layout, documents)).values()];
    next = named
      .flatMap(({ config, layers, manifests }) => [config, layers, manifests].flat())
      .filter(isDescriptor);
  }
  return found;
}

/** Manifests of an index whose subject is one of these: what is said of a release beside it. */
export async function referrersOf(
  layout: ImageLayout,
  index: LayoutIndex,
  subjects: ReadonlySet<string>,
): Promise<string[]> {
  const documents = [...(await documentsAt(layout, index.manifests))];
  return documents.flatMap(([digest, { subject }]) =>
    isDescriptor(subject) && subjects.has(subject.digest) ? [digest] : [],
  );
}

async function documentsAt(layout: ImageLayout, documents: readonly Descriptor[]) {
  const found = new Map<string, Record<string, unknown>>();
  for (const [digest, bytes] of await layout.blobs(documents.map(({ digest }) => digest))) {
    const json: unknown = JSON.parse(bytes.toString("utf8"));
    if (isRecord(json)) found.set(digest, json);
  }
  return found;
}
