/** The folder of builds: which was the last one, and how many of the earlier ones stay. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitForLock } from "../platform/lock.ts";
import type { Layout } from "../release/layout.ts";
import { parseManifest } from "../release/manifest.ts";
import { unitsOf } from "../release/units.ts";

/** Deltas are made against them, and somebody may want the one of last week. */
export const KEPT = 5;

const pointer = (root: string): string => join(root, ".last");

/** After each build, also one that found its release there already. @returns what has gone, the newest first */
export async function keepBuilds(layout: Layout, version: string): Promise<string[]> {
  writeFileSync(pointer(layout.root), `${version}\n`);
  // Somebody has started it here: it is an installation, and prunes as one.
  if (existsSync(layout.releaseList) || existsSync(layout.pid)) return [];
  const old = versionsIn(layout.releases).filter((other) => other !== version);
  if (old.length < KEPT) return [];
  const release = await waitForLock(join(layout.root, ".build.lock"));
  try {
    const gone = old.slice(KEPT - 1);
    const folders = new Set(gone.flatMap((other) => foldersOf(layout, other) ?? []));
    for (const other of gone) rmSync(layout.release(other).dir, { recursive: true, force: true });
    for (const other of versionsIn(layout.releases)) {
      const used = foldersOf(layout, other);
      if (used === undefined) return gone; // nobody knows what it needs
      for (const folder of used) folders.delete(folder);
    }
    for (const folder of folders) {
      rmSync(join(layout.root, folder), { recursive: true, force: true });
    }
    return gone;
  } finally {
    await release();
  }
}

/** Undefined for a manifest that can't be read. */
function foldersOf(layout: Layout, version: string): string[] | undefined {
  const { manifest } = layout.release(version);
  try {
    const units = unitsOf(parseManifest(readFileSync(manifest, "utf8"), manifest));
    return units.map(({ folder }) => folder);
  } catch {
    return undefined;
  }
}

/** The folder of the build that was made last below `releases`. A tree from elsewhere may not say. */
export function lastBuilt(root: string, releases: string): string | undefined {
  const versions = versionsIn(releases);
  const named = existsSync(pointer(root)) ? readFileSync(pointer(root), "utf8").trim() : "";
  const version = versions.includes(named) ? named : versions[0];
  return version === undefined ? undefined : join(releases, version);
}

/** The newest first. */
function versionsIn(releases: string): string[] {
  const names = existsSync(releases) ? readdirSync(releases) : [];
  const builtMs = (name: string) => statSync(join(releases, name, "release.json")).mtimeMs;
  return names
    .filter((name) => existsSync(join(releases, name, "release.json")))
    .sort((a, b) => builtMs(b) - builtMs(a));
}
