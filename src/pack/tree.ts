/**
 * Writes the release into the folder of builds: into a temporary folder beside, then renamed into place, the
 * version's own folders last. A build that fails leaves the tree as it was.
 */
import { constants, existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { waitForLock } from "../platform/lock.ts";
import { isRunning } from "../platform/processes.ts";
import { formatPermanent, type Layout } from "../release/layout.ts";
import {
  canonicalJson,
  type Manifest,
  type ManifestFile,
  parseManifest,
  releaseIdOf,
  sha256,
} from "../release/manifest.ts";
import { unitOf, unitsOf } from "../release/units.ts";
import type { Composed } from "./composed.ts";
import { checked, goneOr, groupOf, type PackedFile, type PackedGroup, seenAt } from "./fileSet.ts";

/** The releaseId of what the tree has of that version. */
export function presentRelease(layout: Layout, version: string): string | undefined {
  const { manifest } = layout.release(version);
  return existsSync(manifest) ? releaseIdOf(readFileSync(manifest, "utf8")) : undefined;
}

/**
 * What would be packed is compared, and nothing else: a build script's sources and what configures hosts
 * may have changed. @throws TSUGI_VERSION_EXISTS where the tree has that version with other bytes
 */
export function refuseOtherBytes(
  layout: Layout,
  { manifest, releaseId }: { manifest: Manifest; releaseId: string },
): void {
  const { version } = manifest;
  const present = presentRelease(layout, version);
  if (present === undefined || present === releaseId) return;
  const { manifest: path, dir } = layout.release(version);
  const differences = differencesOf(readFileSync(path, "utf8"), manifest);
  throw new TsugiError("TSUGI_VERSION_EXISTS", { version, folder: dir, differences });
}

const SHOWN = 5;

/** File by file, as somebody looks for what they have changed. */
function differencesOf(present: string, now: Manifest): string {
  let before: Manifest;
  try {
    before = parseManifest(present, "");
  } catch {
    return "what is there can't be read";
  }
  const bytesOf = ({ sha256, mode, link }: ManifestFile) => `${sha256} ${mode} ${link}`;
  const old = new Map(before.files.map((file) => [file.path, bytesOf(file)]));
  const found = now.files.flatMap((file) => {
    const was = old.get(file.path);
    old.delete(file.path);
    if (was === undefined) return [`${file.path} is new`];
    return was === bytesOf(file) ? [] : [`${file.path} differs`];
  });
  const all = [...found, ...[...old.keys()].map((path) => `${path} is gone`)];
  if (all.length === 0) {
    const keys = Object.keys(now) as (keyof Manifest)[];
    const isOther = (key: keyof Manifest) => canonicalJson(now[key]) !== canonicalJson(before[key]);
    all.push(...keys.filter(isOther).map((key) => `"${key}" of its manifest differs`));
  }
  const more = all.length > SHOWN ? [`and ${all.length - SHOWN} more`] : [];
  return [...all.slice(0, SHOWN), ...more].join(", ");
}

/**
 * Folders that versions share (runtime, packages, tsugi) are never overwritten with other bytes
 * while another version's manifest describes what is there. @throws TSUGI_TREE_CONFLICT
 */
export function refuseTreeConflict(layout: Layout, { manifest, groups }: Composed): void {
  for (const group of groups) {
    const first = group.entries[0];
    if (!group.stable || first === undefined || isPresent(layout.root, group)) continue;
    const folder = first.path.split("/").slice(0, 2).join("/");
    if (!existsSync(join(layout.root, folder))) continue;
    const users = otherManifests(layout, manifest.version).filter(({ files }) =>
      files.some(({ path }) => path.startsWith(`${folder}/`)),
    );
    if (users.length === 0) continue;
    throw new TsugiError("TSUGI_TREE_CONFLICT", {
      folder: join(layout.root, folder),
      others: users.map(({ version }) => version).join(", "),
      tree: layout.root,
    });
  }
}

function otherManifests(layout: Layout, version: string): Manifest[] {
  const found: Manifest[] = [];
  for (const name of existsSync(layout.releases) ? readdirSync(layout.releases) : []) {
    const { manifest } = layout.release(name);
    if (name === version || !existsSync(manifest)) continue;
    try {
      found.push(parseManifest(readFileSync(manifest, "utf8"), manifest));
    } catch {}
  }
  return found;
}

/**
 * `first`: the manifest and its signature. `writeTarball` gets the path of the tarball while it is
 * still in the temporary folder.
 */
export async function writeTree(
  layout: Layout,
  { manifest, first, groups, releaseId }: Composed & { first: PackedFile[] },
  writeTarball: (path: string) => Promise<string>,
): Promise<string> {
  const { version, runtime, tsugi } = manifest;
  await sweepUnfinished(layout.root);
  const temporary = join(layout.root, `.build-${process.pid}`);
  await mkdir(temporary, { recursive: true });
  try {
    for (const group of groups) {
      if (isPresent(layout.root, group)) continue;
      await writeGroup(temporary, group);
    }
    await writeGroup(temporary, groupOf(first));
    const sum = await writeTarball(join(temporary, "releases", version, `${layout.name}.tar.gz`));
    // Two builds into one tree take turns here.
    const release = await waitForLock(join(layout.root, ".build.lock"));
    try {
      await moveIn(temporary, layout, manifest);
      if (manifest.kind === "node") {
        const folders = { runtimeDir: runtime.dir, tsugiDir: tsugi.dir };
        await pointTo(layout, { version, releaseId, ...folders });
      }
    } finally {
      await release();
    }
    return sum;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** What a build left behind that was killed. */
async function sweepUnfinished(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [] as string[])) {
    const pid = Number(/^\.build-(\d+)$/.exec(name)?.[1] ?? 0);
    if (pid !== 0 && (pid === process.pid || !isRunning(pid))) {
      await rm(join(root, name), { recursive: true, force: true });
    }
  }
}

/** A shared folder that an earlier build wrote, and that is as it was. */
function isPresent(root: string, { files, entries, stable }: PackedGroup): boolean {
  return (
    stable && files.length > 0 && entries.every((entry) => isSame(join(root, entry.path), entry))
  );
}

/** By size where the folder's name says what is in it: else by content. */
function isSame(path: string, entry: ManifestFile): boolean {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined) return false;
  if (entry.link !== undefined) return present.isSymbolicLink();
  if (present.size !== entry.size || !present.isFile()) return false;
  const isNamedByContent = /^(runtime|lib\/packages-[^/]*)\//.test(entry.path);
  return isNamedByContent || sha256(readFileSync(path)) === entry.sha256;
}

async function writeGroup(root: string, { files, entries }: PackedGroup): Promise<void> {
  for (const [at, file] of files.entries()) await writePacked(root, file, entries[at]!);
}

async function writePacked(root: string, file: PackedFile, entry: ManifestFile): Promise<void> {
  const { path, mode, source } = file;
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  if ("link" in source) return symlink(source.link, target);
  if ("bytes" in source) await writeFile(target, source.bytes);
  else {
    await copyFile(source.file, target, constants.COPYFILE_FICLONE).catch((error) => {
      throw goneOr(error, source.file);
    });
    if (seenAt(source.file) !== source.seen) checked(readFileSync(target), file, entry);
  }
  await chmod(target, mode);
}

/** What others share first, the version's manifest last: it is there when all it names is. */
async function moveIn(temporary: string, layout: Layout, manifest: Manifest): Promise<void> {
  const release = join("releases", manifest.version);
  const units = unitsOf(manifest).map(({ folder }) => folder);
  const single = manifest.files
    .map(({ path }) => path)
    .filter((path) => unitOf(path) === undefined && !path.startsWith(`${release}/`));
  for (const path of [...units, ...single, release]) {
    const from = join(temporary, path);
    if (!existsSync(from)) continue; // it was there already
    const target = join(layout.root, path);
    await mkdir(dirname(target), { recursive: true });
    if (!single.includes(path)) await rm(target, { recursive: true, force: true });
    await rename(from, target);
  }
}

/** The newest build is what the tree starts, unless it is in use as an installation. */
async function pointTo(
  layout: Layout,
  pointer: Parameters<typeof formatPermanent>[0],
): Promise<void> {
  if (existsSync(layout.releaseList) || existsSync(layout.pid)) return;
  const temporary = `${layout.permanent}.tmp`;
  await writeFile(temporary, formatPermanent(pointer));
  await rename(temporary, layout.permanent);
}
