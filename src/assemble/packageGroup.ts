/**
 * lib/packages-<hash8>. Hashing thousands of files takes long; so what was hashed is kept in the
 * cache, by the size and change times of every file, and found again while none has changed.
 */

import { cachePath, readKept, touch, writeWhole } from "../pack/cache.ts";
import { describe, type PackedGroup } from "../pack/fileSet.ts";
import { packagesDirName } from "../release/layout.ts";
import { canonicalJson, hashFiles, type ManifestFile, sha256 } from "../release/manifest.ts";
import type { PackageTree } from "./packages.ts";

export interface PackageGroup {
  dir: string;
  hash: string;
  group: PackedGroup;
}

/** `isSigned`: what is kept is not believed. */
export async function groupPackages(
  tree: PackageTree,
  isSigned = false,
): Promise<PackageGroup | undefined> {
  if (tree.files.length === 0) return undefined;
  const seen = tree.files.map(({ path, mode, source }) =>
    [path, mode, "file" in source ? source.seen : "link" in source ? source.link : ""].join(" "),
  );
  const key = cachePath("packages", `${sha256(seen.join("\n"))}.json`);
  const kept = isSigned ? undefined : readKept<ManifestFile[]>(key);
  const entries = kept ?? tree.files.map(describe);
  const hash = hashFiles(entries);
  if (kept === undefined) await writeWhole(key, canonicalJson(entries));
  else await touch(key);
  const dir = packagesDirName(hash);
  const below = <T extends { path: string }>(item: T): T => ({
    ...item,
    path: `lib/${dir}/${item.path}`,
  });
  const group = { files: tree.files.map(below), entries: entries.map(below), stable: true };
  return { dir, hash, group };
}
