/** What an index.json that is damaged has named, as far as the blobs beside it say. */
import { recordIn } from "../contract/checks.ts";
import { isDescriptor } from "../oci/artefact.ts";
import { type ImageLayout, LAYOUT, layoutTag, newestFirst, tagged } from "../oci/layout.ts";
import { type Descriptor, digestOf } from "../oci/source.ts";
import type { StoreFiles } from "./files.ts";

/** A manifest is kilobytes, layers are mostly more. */
const MOST_MANIFEST_BYTES = 1 << 20;
const READ_AT_ONCE = 20;

/** Each version once, under its tag: as it was signed, where it was. Tags that somebody has given are lost. */
export async function rebuilt(files: StoreFiles, layout: ImageLayout): Promise<Descriptor[]> {
  const found = await wholeManifests(files);
  const releases = (await layout.releases({ manifests: found })).sort(
    (a, b) =>
      Number(b.signature !== undefined) - Number(a.signature !== undefined) || newestFirst(a, b),
  );
  const tags = new Map<string, string>();
  for (const { name, version, digest } of releases) {
    const tag = layoutTag(name, version);
    if (!tags.has(tag)) tags.set(tag, digest);
  }
  const isRelease = new Set(releases.map(({ digest }) => digest));
  const others = found.filter(({ digest }) => !isRelease.has(digest));
  const named = [...tags].map(([tag, digest]) =>
    tagged(found.find((entry) => entry.digest === digest)!, tag),
  );
  return [...others, ...named];
}

/** Those whose parts are there: a prune that was cut off may have left one without. */
async function wholeManifests(files: StoreFiles): Promise<Descriptor[]> {
  const blobs = await files.list(LAYOUT.blobs);
  const sizes = new Map(blobs.map(({ name, bytes }) => [`sha256:${name}`, bytes]));
  const small = [...sizes].filter(([, size]) => size <= MOST_MANIFEST_BYTES);
  const found: Descriptor[] = [];
  for (let at = 0; at < small.length; at += READ_AT_ONCE) {
    const digests = small.slice(at, at + READ_AT_ONCE).map(([digest]) => digest);
    for (const bytes of await files.read(digests.map(LAYOUT.blob))) {
      const { mediaType, config, layers, manifests, artifactType } =
        recordIn(bytes?.toString("utf8")) ?? {};
      if (bytes === undefined || !/manifest|index/.test(String(mediaType ?? ""))) continue;
      const digest = digestOf(bytes);
      const parts = [config, layers, manifests].flat().filter(isDescriptor);
      const isWhole = parts.every((part) => sizes.get(part.digest) === part.size);
      if (!isWhole || !sizes.has(digest)) continue;
      const entry = { mediaType: String(mediaType), digest, size: bytes.length };
      found.push(typeof artifactType === "string" ? { ...entry, ...{ artifactType } } : entry);
    }
  }
  return found;
}
