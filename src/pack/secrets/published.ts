/**
 * What a registry gives out: whoever may install a package has what stands in it, so that a key in
 * its examples is no secret of this project. By what the package manager has noted; without that, a
 * package counts as one's own.
 */
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { jsonIn, orUndefined } from "../../contract/checks.ts";
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
    for (const [note, isOfRegistry] of NOTES) {
      const text = read(join(at, "node_modules", note));
      if (text !== undefined) return isOfRegistry(text, relative(at, folder));
    }
  }
  return false;
}

type IsOfRegistry = (note: string, key: string) => boolean;

/** What npm, Yarn 2 and later, and Yarn 1 write beside what they have installed. */
const NOTES: [string, IsOfRegistry][] = [
  [".package-lock.json", notedByNpm],
  [".yarn-state.yml", notedByYarn],
  [".yarn-integrity", notedByYarn1],
];

function notedByNpm(note: string, key: string): boolean {
  const entry = packagesOf(note)[key];
  if (entry === undefined) return false;
  const { inBundle, link, resolved, integrity } = entry;
  // With omit-lockfile-registry-resolved the address is left out, of a registry's packages alone.
  const isUnnamed = resolved === undefined && integrity !== undefined && !link;
  return inBundle === true || isUnnamed || /^https?:/.test(resolved ?? "");
}

interface Noted {
  resolved?: string;
  integrity?: string;
  inBundle?: boolean;
  link?: boolean;
}

const packagesOf = (note: string): Record<string, Noted> =>
  jsonIn<{ packages?: Record<string, Noted> }>(note)?.packages ?? {};

/** Blocks of `"ms@npm:2.1.3":`, with the places of each below it. */
function notedByYarn(note: string, key: string): boolean {
  const isHere = (line: string) => line.trim().replaceAll('"', "") === `- ${key}`;
  const block = note.split(/\n(?=\S)/).find((block) => block.split("\n").some(isHere));
  return /^"?@?[^@\s]+@(virtual:[^#]*#)?npm:/.test(block ?? "");
}

/** By name alone: which of two versions stands where, it does not say. */
function notedByYarn1(note: string, key: string): boolean {
  const name = /(?:@[^/]+\/)?[^/]+$/.exec(key)![0];
  const { lockfileEntries = {} } = jsonIn<{ lockfileEntries?: Record<string, string> }>(note) ?? {};
  const from = Object.entries(lockfileEntries).filter(([entry]) => entry.startsWith(`${name}@`));
  return from.length > 0 && from.every(([, address]) => /^https?:/.test(address));
}

const read = (file: string): string | undefined => orUndefined(() => readFileSync(file, "utf8"));
