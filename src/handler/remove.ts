/**
 * remove, prune, and the sweep of folders that no release names any more. What several releases
 * share (runtime, packages, tsugi itself) goes with the last of them.
 */
import { mkdir, readdir, readFile, realpath, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { exists, renameDurably } from "../platform/files.ts";
import { appDirName, type Layout } from "../release/layout.ts";
import { type Manifest, parseManifest } from "../release/manifest.ts";
import { type ReleaseEntry, type ReleaseList, rollbackTargetOf } from "../release/status.ts";
import { unitOf, unitsOf } from "../release/units.ts";
import { foldersAbove } from "./contents.ts";
import { readManifest, readReleaseList, releaseFolders, settleReleaseList } from "./releaseList.ts";

/**
 * Takes a release off the disk. The rename of its manifest is the instant it is gone.
 * A tarball in the drop box is left: it may be the one that takes its place.
 */
export async function removeFiles(layout: Layout, version: string): Promise<void> {
  const { manifest } = layout.release(version);
  try {
    await renameDurably("remove", manifest, removed(manifest));
  } catch (error) {
    if (await exists(manifest)) throw error;
  }
  await finishRemoval(layout, version);
  await settleReleaseList(layout);
}

/** What its manifest is called once the release is gone; it goes last, so that a crash is seen. */
const removed = (manifest: string): string => `${manifest}.tmp`;

async function finishRemoval(layout: Layout, version: string): Promise<void> {
  const { dir, manifest, tarball } = layout.release(version);
  for (const name of await readdir(dir)) {
    const path = join(dir, name);
    if (path === tarball || path === removed(manifest)) continue;
    await rm(path, { recursive: true, force: true });
  }
  await keepUnnamed(layout, version, removed(manifest));
  await removeForeign(layout, removed(manifest));
  await sweepUnreferenced(layout);
  await rm(removed(manifest), { force: true });
  await rmdir(dir).catch(() => {}); // a tarball is in it
}

/** Removals that a crash or a full disk has cut off. */
export async function finishRemovals(layout: Layout): Promise<void> {
  for (const version of await releaseFolders(layout)) {
    const { manifest } = layout.release(version);
    const isHalf = (await exists(removed(manifest))) && !(await exists(manifest));
    if (isHalf) await finishRemoval(layout, version);
  }
}

/**
 * Removes folders of `lib/` and `runtime/` that were put there by a release and that no manifest
 * names. What doesn't look like one of ours is left alone.
 */
export async function sweepUnreferenced(layout: Layout): Promise<void> {
  for (const folder of await unreferenced(layout)) {
    await rm(join(layout.root, folder), { recursive: true, force: true });
  }
}

/** As `lib/wall-0.0.1`. None where nobody knows what is named. */
export async function unreferenced(layout: Layout): Promise<string[]> {
  const manifests = await manifestsOf(layout);
  if (manifests === undefined) return [];
  const named = new Set(manifests.flatMap(unitsOf).map(({ folder }) => folder));
  const found: string[] = [];
  for (const place of ["lib", "runtime"]) {
    const names = await readdir(join(layout.root, place)).catch(() => []);
    found.push(...names.map((name) => `${place}/${name}`));
  }
  return found.filter((folder) => !named.has(folder) && isOurs(layout, folder));
}

/** By its name it was put there by a release. */
const isOurs = ({ name }: Layout, folder: string): boolean =>
  [`lib/${name}-`, "lib/packages-", "lib/tsugi-", "runtime/node-"].some((prefix) =>
    folder.startsWith(prefix),
  );

/** Undefined where a manifest can't be read: then nobody knows what it names. */
async function manifestsOf(layout: Layout): Promise<Manifest[] | undefined> {
  const { releases } = await readReleaseList(layout);
  const found: Manifest[] = [];
  for (const { version } of releases) {
    const read = await readManifest(layout, version).catch(() => undefined);
    if (read === undefined) return undefined;
    found.push(read.manifest);
  }
  return found;
}

/**
 * What a release has brought under names that are none of ours: file by file, because something of
 * somebody else's may lie beside it.
 */
async function removeForeign(layout: Layout, manifestFile: string): Promise<void> {
  const left = await manifestsOf(layout);
  const bytes = await readFile(manifestFile, "utf8").catch(() => undefined);
  if (left === undefined || bytes === undefined) return;
  const kept = new Set(left.flatMap(({ files }) => files).map(({ path }) => path));
  const brought = filesIn(bytes, manifestFile).filter((path) => {
    const folder = unitOf(path);
    return folder !== undefined && !isOurs(layout, folder) && !kept.has(path);
  });
  const root = await realpath(layout.root);
  const folders = new Set<string>();
  for (const path of brought) {
    const at = await realpath(dirname(join(root, path))).catch(() => undefined);
    // Behind a link lies what is not the release's.
    if (at !== dirname(join(root, path))) continue;
    await rm(join(root, path), { force: true });
    for (const folder of foldersAbove(path).slice(1)) folders.add(folder);
  }
  const deepestFirst = [...folders].sort((a, b) => b.length - a.length);
  for (const folder of deepestFirst) await rmdir(join(root, folder)).catch(() => {});
}

function filesIn(bytes: string, manifestFile: string): string[] {
  try {
    return parseManifest(bytes, manifestFile).files.map(({ path }) => path);
  } catch {
    return []; // nobody knows what it names
  }
}

/**
 * What a prune would remove: the oldest beyond `keep`. The permanent and the current release, the
 * target of a rollback and what is in use always stay (and count).
 */
export function pruneCandidates(
  list: ReleaseList,
  keep: number,
  inUse: readonly string[],
): ReleaseEntry[] {
  const stays = (entry: ReleaseEntry) =>
    entry.status === "permanent" ||
    entry.status === "current" ||
    inUse.includes(entry.version) ||
    entry.version === rollbackTargetOf(list.releases)?.version;
  const newestFirst = [...list.releases].sort((a, b) => (a.since > b.since ? -1 : 1));
  const room = Math.max(0, keep - newestFirst.filter(stays).length);
  return newestFirst.filter((entry) => !stays(entry)).slice(room);
}

/** What makes room: a prune, where it takes something; else what shows where the room went. */
export async function roomAt(layout: Layout): Promise<string> {
  const list = await readReleaseList(layout);
  const keep = [2, 1].find((count) => pruneCandidates(list, count, []).length > 0);
  const { bin, root } = layout;
  if (keep !== undefined) return `${bin} prune --keep ${keep}`;
  // What fills a disk need not lie in the root.
  return `du -ah ${root} | sort -h | tail · which disk that is: df -h ${root}`;
}

/**
 * What lies in a version's own folder and is not of the release is somebody's data: an addon wrote it
 * there, or a person. It goes to `var/left-by-<app>-<vsn>/`, never with the release.
 */
async function keepUnnamed(layout: Layout, version: string, manifestFile: string): Promise<void> {
  const folder = appDirName(layout.name, version);
  const own = layout.library(folder);
  const bytes = await readFile(manifestFile, "utf8").catch(() => undefined);
  if (bytes === undefined || !(await exists(own))) return;
  const named = new Set(filesIn(bytes, manifestFile));
  if (named.size === 0) return;
  for (const entry of await readdir(own, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const inside = relative(own, path);
    if (entry.isDirectory() || named.has(`lib/${folder}/${inside}`)) continue;
    const kept = join(layout.data, `left-by-${folder}`, inside);
    await mkdir(dirname(kept), { recursive: true });
    await rename(path, kept);
  }
}
