/** A release that is put together and not written yet. */
import { canonicalJson, MANIFEST_FORMAT, type Manifest, sha256 } from "../release/manifest.ts";
import { byPath, type PackedFile, type PackedGroup, textFile } from "./fileSet.ts";

export interface Composed {
  manifest: Manifest;
  manifestFile: PackedFile;
  releaseId: string;
  groups: PackedGroup[];
}

/** What a kind of release says of itself; its files and its bytes follow from the groups. */
export function composed(
  said: Omit<Manifest, "format" | "files">,
  groups: PackedGroup[],
): Composed {
  const files = groups.flatMap(({ entries }) => entries).sort(byPath);
  const manifest: Manifest = { format: MANIFEST_FORMAT, ...said, files };
  const bytes = canonicalJson(manifest);
  const manifestFile = textFile(`releases/${said.version}/release.json`, bytes);
  return { manifest, manifestFile, releaseId: sha256(bytes), groups };
}
