/**
 * Whether the sources are still those that a release was built from: told before a build script
 * runs for minutes. Kept in the cache by releaseId; what was built elsewhere is simply not known.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath, writeWhole } from "../pack/cache.ts";
import { byPath } from "../pack/fileSet.ts";
import { outputFolderOf } from "./entry.ts";

const keptAt = (releaseId: string) => cachePath("sources", releaseId);

const NO_SOURCE = /(^|\/)(node_modules|\.git|\.DS_Store|coverage)$|^(rel|\.tsugi)$/;

export function hashOfSources(folder: string): string {
  const found: { path: string; sha256: string }[] = [];
  const walk = (relative: string) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const path = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (NO_SOURCE.test(path) || outputFolderOf(`${path}/x`) !== undefined) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) {
        const hash = createHash("sha256").update(readFileSync(join(folder, path)));
        found.push({ path, sha256: hash.digest("hex") });
      }
    }
  };
  walk("");
  const hash = createHash("sha256");
  for (const { path, sha256 } of found.sort(byPath)) hash.update(`${path}\0${sha256}\n`);
  return hash.digest("hex");
}

export const rememberSources = (releaseId: string, hash: string): Promise<void> =>
  writeWhole(keptAt(releaseId), hash);

/** undefined: not known. */
export function haveSourcesChanged(releaseId: string, hash: string): boolean | undefined {
  try {
    return readFileSync(keptAt(releaseId), "utf8") !== hash;
  } catch {
    return undefined;
  }
}
