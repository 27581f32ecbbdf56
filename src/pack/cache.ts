/**
 * The build machine's cache: $TSUGI_CACHE, $XDG_CACHE_HOME/tsugi or ~/.cache/tsugi. What it holds
 * can be made again; folders and files appear in it whole, by a rename, and what is whole is not
 * taken away from a build that uses it, so that two builds at once do each other no harm.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readdir, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { exposuresIn, type Place } from "../handler/exposure.ts";
import { waitForLock } from "../platform/lock.ts";

export function cachePath(...parts: string[]): string {
  const { TSUGI_CACHE, XDG_CACHE_HOME } = process.env;
  const root = TSUGI_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsugi");
  return join(root, ...parts);
}

const temporaryFor = (path: string) => `${path}.${randomBytes(6).toString("hex")}.tmp`;

/**
 * Fills a folder of the cache that is not whole. Builds that lack the same one take turns, and those
 * that come later find it whole: none removes, as broken, what another has just filled and copies.
 */
export async function fillFolder(
  path: string,
  isWhole: () => boolean | Promise<boolean>,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const release = await waitForLock(`${path}.lock`);
  const temporary = temporaryFor(path);
  try {
    if (await isWhole()) return;
    await mkdir(temporary);
    await fill(temporary);
    await rm(path, { recursive: true, force: true });
    await rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
      // A build in another container, which shares the cache but not our pids, was faster.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
    await release();
  }
}

export async function writeWhole(path: string, data: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = temporaryFor(path);
  try {
    await writeFile(temporary, data);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** A document that was kept; undefined where there is none that can be read. */
export function readKept<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as T;
  } catch {
    return undefined;
  }
}

const KINDS = [
  "members",
  "packages",
  "sources",
  "runtimes",
  "managers",
  "blobs",
  "mounts",
  "scans",
  "addons",
  "beam",
];

/** In a runtime lies what is run, and packed as it is. */
const DEEPER: Readonly<Record<string, number>> = { runtimes: 3 };

/**
 * What lies in it becomes part of releases, and its Node is run: whoever may write there says what is packed.
 * @throws TSUGI_CACHE_EXPOSED
 */
export async function refuseForeignCache(): Promise<void> {
  const root = cachePath();
  await mkdir(root, { recursive: true, mode: 0o700 });
  const owner = process.getuid?.();
  if (owner === undefined) return;
  const kinds = KINDS.map((kind): Place => [cachePath(kind), DEEPER[kind] ?? 1]);
  const [found] = await exposuresIn([[root, 0], ...kinds], owner);
  if (found === undefined) return;
  const { path, why } = found;
  throw new TsugiError("TSUGI_CACHE_EXPOSED", { path, why, root });
}

/** What no build has used for so long is made again when it is needed. */
const UNUSED_DAYS = 30;

/** Says that it was used. */
export async function touch(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => {});
}

/** Removes what has not been used for long, and what a killed build left half-written. */
export async function sweepCache(now = Date.now()): Promise<void> {
  const oldest = now - UNUSED_DAYS * 24 * 3600 * 1000;
  for (const kind of KINDS) {
    for (const name of await readdir(cachePath(kind)).catch(() => [] as string[])) {
      const path = cachePath(kind, name);
      const used = await stat(path).catch(() => undefined);
      if (used === undefined || used.mtimeMs > oldest) continue;
      await rm(path, { recursive: true, force: true }).catch(() => {});
    }
  }
}
