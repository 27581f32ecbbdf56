/**
 * Roots of one owner in one folder share the bytes of a runtime, 100 MB and more: what a neighbour has is linked
 * here, one file with two names. The file system counts them, so a removal takes its own name away and
 * no more. A link is made to what nobody else may change, is held against the manifest, and is read-only.
 */
import { randomBytes } from "node:crypto";
import { chmod, link, lstat, open, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureFolder, renameDurably, syncFolder } from "../platform/files.ts";
import type { Layout } from "../release/layout.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import { runtimeOf } from "../release/units.ts";
import { foldersAbove } from "./contents.ts";
import { firstDifference } from "./verify.ts";

/** Of a release that stands here with a runtime of its own, as after `tar x`. */
export async function shareRuntime(layout: Layout, manifest: Manifest): Promise<void> {
  const folder = join(layout.staging, randomBytes(8).toString("hex"));
  try {
    const { files } = runtimeOf(manifest);
    const isShared = async ({ path }: ManifestFile) =>
      (await lstat(join(layout.root, path))).nlink > 1;
    if ((await Promise.all(files.map(isShared))).every(Boolean)) return;
    if (!(await linkRuntime(layout, manifest, folder))) return;
    for (const { path } of files) {
      await renameDurably("share.file", join(folder, path), join(layout.root, path));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Puts the runtime below `folder`, as links to what a neighbour has.
 * @returns whether that is possible and safe; if not, nothing of it is there
 */
export async function linkRuntime(
  { root }: Layout,
  manifest: Manifest,
  folder: string,
): Promise<boolean> {
  const owner = process.geteuid?.();
  // Nothing is read-only to root, which would change a file in all of its roots at once.
  if (!owner || (await lstat(root)).uid !== owner) return false;
  const { files } = runtimeOf(manifest);
  if (files.length === 0 || files.some((file) => file.link !== undefined)) return false;
  const parent = dirname(root);
  for (const name of await readdir(parent).catch(() => [])) {
    const neighbour = join(parent, name);
    if (neighbour === root) continue;
    if (await linkAll(neighbour, folder, files, owner)) return true;
    await rm(join(folder, "runtime"), { recursive: true, force: true });
  }
  return false;
}

async function linkAll(
  neighbour: string,
  folder: string,
  files: readonly ManifestFile[],
  owner: number,
): Promise<boolean> {
  try {
    for (const file of files) {
      await linkUnchangeable(join(neighbour, file.path), join(folder, file.path), file, owner);
    }
    if ((await firstDifference(folder, files)) !== undefined) return false;
    for (const { path, mode } of files) await makeReadOnly(join(folder, path), mode);
    const folders = new Set(files.flatMap(({ path }) => foldersAbove(path)));
    for (const path of folders) await syncFolder(join(folder, path));
    return true;
  } catch {
    return false; // no such runtime, another file system, or a neighbour that goes just now
  }
}

/** Looked at once it is here: whose folder it was in may put another there. */
async function linkUnchangeable(from: string, to: string, file: ManifestFile, owner: number) {
  await lstat(from);
  await ensureFolder(dirname(to));
  await link(from, to);
  const found = await lstat(to);
  const isOurs = found.isFile() && found.uid === owner && (found.mode & 0o022) === 0;
  const isAsNamed = (found.mode & 0o7555) === (file.mode & 0o555);
  if (!isOurs || !isAsNamed) throw new Error("it is not ours alone");
}

/** And on the disk: the neighbour may have it from a `tar x` a moment ago. */
async function makeReadOnly(path: string, mode: number): Promise<void> {
  await chmod(path, mode & 0o555);
  const file = await open(path, "r");
  await file.sync().finally(() => file.close());
}
