/**
 * The build machine's cache: $TSUGI_CACHE, $XDG_CACHE_HOME/tsugi or ~/.cache/tsugi. What it holds
 * can be made again; folders and files appear in it whole, by a rename, so that two builds at once
 * do each other no harm.
 */
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

export function cachePath(...parts: string[]): string {
  const { TSUGI_CACHE, XDG_CACHE_HOME } = process.env;
  const root = TSUGI_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tsugi");
  return join(root, ...parts);
}

const temporaryFor = (path: string) => `${path}.${randomBytes(6).toString("hex")}.tmp`;

/** Fills a folder of the cache; when another build was faster, its folder stays. */
export async function fillFolder(
  path: string,
  fill: (temporary: string) => Promise<void>,
): Promise<void> {
  const temporary = temporaryFor(path);
  await mkdir(temporary, { recursive: true });
  try {
    await fill(temporary);
    await rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
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
