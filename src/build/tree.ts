/**
 * Writes the release into rel/<app>: into a temporary folder beside, then renamed into place, the
 * version's own folders last. A build that fails leaves the tree as it was.
 */
import { constants, existsSync, lstatSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TsugiError } from "../errors.ts";
import { appDirName, formatPermanent, type Layout } from "../release/layout.ts";
import { type ManifestFile, releaseIdOf, sha256 } from "../release/manifest.ts";
import type { PackedFile, PackedGroup } from "./fileSet.ts";
import type { Composed } from "./manifest.ts";

/** The releaseId of what the tree has of that version. */
export function presentRelease(layout: Layout, version: string): string | undefined {
  const { manifest } = layout.release(version);
  return existsSync(manifest) ? releaseIdOf(readFileSync(manifest, "utf8")) : undefined;
}

/** @throws TSUGI_VERSION_EXISTS where it has that version with other bytes */
export function refuseOtherBytes(layout: Layout, version: string, releaseId: string): void {
  const present = presentRelease(layout, version);
  if (present === undefined || present === releaseId) return;
  throw new TsugiError("TSUGI_VERSION_EXISTS", { version, folder: layout.release(version).dir });
}

/** `writeTarball` gets the path of the tarball while it is still in the temporary folder. */
export async function writeTree(
  layout: Layout,
  { manifest, manifestFile, groups, releaseId }: Composed,
  writeTarball: (path: string) => Promise<void>,
): Promise<void> {
  const temporary = join(layout.root, `.build-${process.pid}`);
  await rm(temporary, { recursive: true, force: true });
  await mkdir(temporary, { recursive: true });
  try {
    const shared = new Set([manifest.runtime.dir, manifest.tsugi.dir]);
    for (const group of groups) {
      if (isPresent(layout.root, group)) continue;
      for (const file of group.files) await writePacked(temporary, file);
    }
    await writePacked(temporary, manifestFile);
    const { version } = manifest;
    await writeTarball(join(temporary, "releases", version, `${layout.name}.tar.gz`));
    await moveIn(temporary, layout, [...shared], version);
    await pointTo(layout, {
      version,
      releaseId,
      runtimeDir: manifest.runtime.dir,
      tsugiDir: manifest.tsugi.dir,
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** A shared folder (runtime, packages, tsugi) that an earlier build wrote. */
function isPresent(root: string, { files, entries, stable }: PackedGroup): boolean {
  return (
    stable && files.length > 0 && entries.every((entry) => isSame(join(root, entry.path), entry))
  );
}

function isSame(path: string, entry: ManifestFile): boolean {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined) return false;
  if (entry.link !== undefined) return present.isSymbolicLink();
  if (present.size !== entry.size || !present.isFile()) return false;
  // Large and small alike by size; the small ones, which change in development, by content too.
  return !entry.path.startsWith("lib/tsugi-") || sha256(readFileSync(path)) === entry.sha256;
}

async function writePacked(root: string, { path, mode, source }: PackedFile): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  if ("link" in source) return symlink(source.link, target);
  if ("bytes" in source) await writeFile(target, source.bytes);
  else await copyFile(source.file, target, constants.COPYFILE_FICLONE);
  await chmod(target, mode);
}

async function moveIn(
  temporary: string,
  layout: Layout,
  _shared: string[],
  version: string,
): Promise<void> {
  const own = [join("lib", appDirName(layout.name, version)), join("releases", version)];
  const folders: string[] = [];
  for (const top of ["runtime", "lib", "releases"]) {
    const names = await readdir(join(temporary, top)).catch(() => [] as string[]);
    folders.push(...names.map((name) => join(top, name)));
  }
  await mkdir(layout.binDir, { recursive: true });
  await rename(join(temporary, "bin", layout.name), layout.bin);
  // What others share first, the version's manifest last: it is there when all it names is.
  const ordered = [...folders.filter((folder) => !own.includes(folder)), ...own];
  for (const folder of ordered) {
    const target = join(layout.root, folder);
    await mkdir(dirname(target), { recursive: true });
    await rm(target, { recursive: true, force: true });
    await rename(join(temporary, folder), target);
  }
}

/** The newest build is what the tree starts, unless it is in use as an installation. */
async function pointTo(
  layout: Layout,
  pointer: Parameters<typeof formatPermanent>[0],
): Promise<void> {
  if (existsSync(layout.registry) || existsSync(layout.pid)) return;
  const temporary = `${layout.permanent}.tmp`;
  await writeFile(temporary, formatPermanent(pointer));
  await rename(temporary, layout.permanent);
}
