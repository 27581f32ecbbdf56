/**
 * What a registry gives out: whoever may install a package has what stands in it, so that a key in
 * its examples is no secret of this project. By what the package manager has noted; without that, a
 * package counts as one's own.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { PackedFile } from "../fileSet.ts";

/** By the path of a file among the packages, also of one that only a source map carries. */
export function publishedAmong(files: readonly PackedFile[]): (path: string) => boolean {
  const known = new Map<string, boolean>();
  return (path) => {
    const owner = ownerOf(path);
    if (owner === undefined) return false;
    const present = known.get(owner) ?? isPublished(folderOf(owner, files));
    known.set(owner, present);
    return present;
  };
}

const ownerOf = (path: string): string | undefined =>
  /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path)?.[0];

/** On this machine. */
function folderOf(owner: string, files: readonly PackedFile[]): string | undefined {
  for (const { path, source } of files) {
    if ("file" in source && path.startsWith(`${owner}/`)) {
      return source.file.slice(0, source.file.length - path.length + owner.length);
    }
  }
  return undefined;
}

function isPublished(folder: string | undefined): boolean {
  if (folder === undefined) return false;
  // pnpm's store has the version in a folder's name, of others (file, link, git) where they are from.
  const stored = /\/node_modules\/\.pnpm\/([^/]+)\//.exec(folder)?.[1];
  if (stored !== undefined) return /^@?[^@]+@\d/.test(stored);
  for (let at = dirname(folder); at !== dirname(at); at = dirname(at)) {
    const file = join(at, "node_modules", ".package-lock.json");
    if (existsSync(file)) return isOfRegistry(file, relative(at, folder));
  }
  return false;
}

function isOfRegistry(lockFile: string, key: string): boolean {
  try {
    const { packages = {} } = JSON.parse(readFileSync(lockFile, "utf8")) as {
      packages?: Record<string, { resolved?: string; inBundle?: boolean }>;
    };
    const entry = packages[key];
    return entry?.inBundle === true || /^https?:/.test(entry?.resolved ?? "");
  } catch {
    return false;
  }
}
