/** What an image layout's index leads to, also by what other tools have put there. */
import { isRecord } from "../contract/checks.ts";
import { isDescriptor } from "../oci/artefact.ts";
import { LAYOUT, type LayoutFiles, type LayoutIndex } from "../oci/layout.ts";
import { type Descriptor, digestOf } from "../oci/source.ts";
import { storeDamaged } from "../oci/take.ts";

/** Digests. @throws TSUGI_STORE_DAMAGED for a manifest that is another than it is called: who knows what it uses */
export async function reachable(files: LayoutFiles, index: LayoutIndex): Promise<Set<string>> {
  const found = new Set<string>();
  for (let next: readonly Descriptor[] = index.manifests; next.length > 0; ) {
    const fresh = next.filter(({ digest }) => !found.has(digest));
    for (const { digest } of fresh) found.add(digest);
    const documents = fresh.filter(({ mediaType }) => /manifest|index/.test(mediaType));
    const deeper: Descriptor[] = [];
    for await (const { json } of documentsAt(files, documents)) {
      deeper.push(...[json.config, json.layers, json.manifests].flat().filter(isDescriptor));
    }
    next = deeper;
  }
  return found;
}

/** Manifests of an index whose subject is one of these: what is said of a release beside it. */
export async function referrersOf(
  files: LayoutFiles,
  index: LayoutIndex,
  subjects: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for await (const { digest, json } of documentsAt(files, index.manifests)) {
    if (isDescriptor(json.subject) && subjects.has(json.subject.digest)) found.push(digest);
  }
  return found;
}

async function* documentsAt(files: LayoutFiles, documents: readonly Descriptor[]) {
  const paths = documents.map(({ digest }) => LAYOUT.blob(digest));
  for await (const { path, bytes } of files.read(paths)) {
    if (bytes === undefined) continue;
    const digest = digestOf(bytes);
    if (LAYOUT.blob(digest) !== path) {
      throw storeDamaged(`${files.where}/${path}`, "its SHA-256 differs from its name");
    }
    const json: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    if (isRecord(json)) yield { digest, json };
  }
}
