/**
 * unpack: a release from a tarball or a tree onto this host, whole or not at all.
 *
 *   drop box, file or folder ─► releases/.staging/<random>   every entry against the manifest
 *                            ─► fsync
 *                            ─► rename lib/*, runtime/*      folders that are there already stay
 *                            ─► bin/<app>                    only if its bytes differ
 *                            ─► releases/<vsn>/…             release.json last: now it is unpacked
 *
 * A crash on the way leaves at most folders that no manifest names; the next unpack removes them.
 */

import { randomBytes } from "node:crypto";
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { hasCode, TsugiError } from "../contract/errors.ts";
import { ensureFolder, exists, renameDurably, writeDurably } from "../platform/files.ts";
import type { Layout } from "../release/layout.ts";
import type { Manifest } from "../release/manifest.ts";
import { isVersionName } from "../release/names.ts";
import type { ReleaseEntry } from "../release/status.ts";
import { runtimeOf, type Unit, unitsOf } from "../release/units.ts";
import { type Archive, type OpenedRelease, openFolder, openTarball } from "./archive.ts";
import { openDelta } from "./deltaArchive.ts";
import { notFound, readManifest, readReleaseList } from "./releaseList.ts";
import { removeFiles, sweepUnreferenced } from "./remove.ts";
import { linkRuntime } from "./sharedRuntime.ts";
import { type Progress, presentUnits, Stage } from "./stage.ts";

export interface UnpackRequest {
  /** Checked against the manifest; needed where `source` is absent (the drop box). */
  version?: string;
  /**
   * A tarball or the tree of a build; files of folders that are on this host need not be in it.
   * Absolute, or relative to the working directory.
   */
  source?: string;
  /** Replace a release of the same version that is merely unpacked. */
  force?: boolean;
  /** `source` is a delta (release/delta.ts). */
  delta?: boolean;
}

export interface Unpacked {
  version: string;
  releaseId: string;
  /** It was here already, with the same bytes: nothing was done. */
  already: boolean;
}

/** @throws TSUGI_RELEASE_NOT_FOUND, TSUGI_UNPACK_REFUSED, TSUGI_RELEASE_CONFLICT, … */
export async function unpack(
  layout: Layout,
  request: UnpackRequest,
  onProgress?: (progress: Progress) => void,
): Promise<Unpacked> {
  const found = await findSource(layout, request);
  if (found === undefined) return alreadyThere(layout, request.version!);
  const folder = join(layout.staging, randomBytes(8).toString("hex"));
  const stage = new Stage(layout, found.source, found.archive, folder);
  try {
    const opened = await stage.open(request.version);
    const { releaseId } = opened;
    const { version } = opened.manifest;
    const previous = await presentRelease(layout, version);
    const already = previous?.releaseId === releaseId;
    if (already) await stage.skip(opened);
    else {
      if (previous !== undefined) refuseUnlessForced(layout, previous, opened, request.force);
      await ensureFolder(folder, 0o700);
      await sweepUnreferenced(layout);
      const present = await unitsThatStay(layout, opened, previous);
      const linked = await linkedUnits(layout, opened.manifest, present, folder);
      await stage.fill(opened, { present, linked }, onProgress);
      if (previous !== undefined) await removeFiles(layout, previous.version);
      await place(layout, folder, opened);
    }
    // Also one that is here already: an unpack that was ended just before this leaves it behind.
    const dropBox = layout.release(version).tarball;
    if (found.source === dropBox) await rm(dropBox, { force: true });
    return { version, releaseId, already };
  } catch (error) {
    if (error instanceof TsugiError) throw error;
    // A full disk, a folder that may not be written to: the file system's own words say it best.
    throw stage.refuse((error as Error).message, error);
  } finally {
    await stage.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The manifest of a release that may not be unpacked yet; nothing is written. */
export async function peek(layout: Layout, request: UnpackRequest): Promise<Manifest> {
  const { version, source } = request;
  const present = version !== undefined && (await presentRelease(layout, version)) !== undefined;
  const found = present && source === undefined ? undefined : await findSource(layout, request);
  if (found === undefined) {
    await alreadyThere(layout, version!);
    return (await readManifest(layout, version!)).manifest;
  }
  const stage = new Stage(layout, found.source, found.archive, layout.staging);
  try {
    return (await stage.open(version)).manifest;
  } finally {
    await stage.close();
  }
}

/** Undefined: nothing lies in the drop box. */
async function findSource(
  layout: Layout,
  { version, source: named, delta }: UnpackRequest,
): Promise<{ source: string; archive: Archive } | undefined> {
  const isNamed = named !== undefined;
  if (!isNamed && !isVersionName(version)) {
    throw notFound(layout, String(version), "that is no version");
  }
  const source = isNamed ? resolve(named) : layout.release(version!).tarball;
  const info = await stat(source).catch((error: NodeJS.ErrnoException) => {
    // Who types as root is the owner of the root by now, who may not look everywhere.
    if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
    return undefined;
  });
  if (info === undefined) {
    if (!isNamed) return undefined;
    throw notFound(layout, version ?? source, `there is no ${source}`);
  }
  if (info.isFile()) {
    return { source, archive: delta ? await openDelta(source, layout) : openTarball(source) };
  }
  if (!isNamed || !info.isDirectory()) {
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source, problem: "it is no file" });
  }
  const archive = await openFolder(source, version);
  if (archive !== undefined) return { source, archive };
  throw notFound(layout, version ?? source, `${source} holds no release`);
}

async function alreadyThere(layout: Layout, version: string): Promise<Unpacked> {
  const { releaseId } = await readManifest(layout, version).catch((error) => {
    if (!hasCode(error, "TSUGI_RELEASE_NOT_FOUND")) throw error;
    const looked = `neither unpacked nor as a tarball at ${layout.release(version).tarball}`;
    throw notFound(layout, version, looked);
  });
  return { version, releaseId, already: true };
}

async function presentRelease(layout: Layout, version: string): Promise<ReleaseEntry | undefined> {
  const { releases } = await readReleaseList(layout);
  return releases.find((entry) => entry.version === version);
}

function refuseUnlessForced(
  layout: Layout,
  previous: ReleaseEntry,
  opened: OpenedRelease,
  force: boolean | undefined,
): void {
  if (force && previous.status === "unpacked") return;
  throw new TsugiError("TSUGI_RELEASE_CONFLICT", {
    version: previous.version,
    found: `${previous.releaseId.slice(0, 12)} (${previous.status})`,
    offered: opened.releaseId.slice(0, 12),
    bin: layout.bin,
  });
}

/** Present folders, less those that only the release about to be replaced uses. */
async function unitsThatStay(
  layout: Layout,
  opened: OpenedRelease,
  previous: ReleaseEntry | undefined,
): Promise<Unit[]> {
  const present = await presentUnits(layout, opened.manifest);
  if (previous === undefined) return present;
  const { releases } = await readReleaseList(layout);
  const used = new Set<string>();
  for (const { version } of releases) {
    if (version === previous.version) continue;
    const { manifest } = await readManifest(layout, version);
    for (const unit of unitsOf(manifest)) used.add(unit.folder);
  }
  return present.filter((unit) => used.has(unit.folder));
}

/** What this host lacks, and a neighbour of the root has. */
async function linkedUnits(
  layout: Layout,
  manifest: Manifest,
  present: readonly Unit[],
  folder: string,
): Promise<Unit[]> {
  const runtime = runtimeOf(manifest);
  if (present.some((unit) => unit.folder === runtime.folder)) return [];
  return (await linkRuntime(layout, manifest, folder)) ? [runtime] : [];
}

async function place(layout: Layout, staged: string, opened: OpenedRelease): Promise<void> {
  const { version } = opened.manifest;
  const placed: string[] = [];
  try {
    for (const unit of unitsOf(opened.manifest)) {
      const target = join(layout.root, unit.folder);
      if (!(await exists(join(staged, unit.folder)))) continue;
      await ensureFolder(dirname(target));
      await renameDurably("unpack.folder", join(staged, unit.folder), target);
      placed.push(target);
    }
    await placeCommands(layout, join(staged, "bin"));
    await placeRelease(layout, join(staged, "releases", version), opened, placed);
  } catch (error) {
    for (const path of placed.reverse()) await rm(path, { recursive: true, force: true });
    throw error;
  }
}

/** `bin/<app>` is the same for all versions, so it is seldom replaced, and by one rename. */
async function placeCommands(layout: Layout, staged: string): Promise<void> {
  for (const name of await readdir(staged).catch(() => [])) {
    const target = join(layout.binDir, name);
    const current = await readFile(target).catch(() => undefined);
    if (current?.equals(await readFile(join(staged, name)))) continue;
    await ensureFolder(layout.binDir);
    await renameDurably("unpack.bin", join(staged, name), target);
  }
}

async function placeRelease(
  layout: Layout,
  staged: string,
  opened: OpenedRelease,
  placed: string[],
): Promise<void> {
  const release = layout.release(opened.manifest.version);
  if (!(await exists(release.dir))) placed.push(release.dir);
  await ensureFolder(release.dir);
  for (const name of await readdir(staged).catch(() => [])) {
    await renameDurably("unpack.release", join(staged, name), join(release.dir, name));
    placed.push(join(release.dir, name));
  }
  if (opened.signature !== undefined) {
    await writeDurably("unpack.signature", release.signature, opened.signature);
    placed.push(release.signature);
  }
  placed.push(release.manifest);
  await writeDurably("unpack.manifest", release.manifest, opened.manifestBytes);
}
