/** A layer's tar: files below the image's root, each folder above them named, so that every engine makes it alike. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { PLAIN_HEADER, tarBytes } from "../pack/tarBytes.ts";

export interface LayerEntry {
  /** Without a leading slash. */
  path: string;
  mode: number;
  body: { text: string } | { file: string } | { link: string } | "folder";
  /** Root's, where nothing is said. */
  owner?: { uid: number; gid: number };
}

export const textEntry = (path: string, text: string): LayerEntry => ({
  path,
  mode: 0o644,
  body: { text },
});

/** Without them Docker makes the folders 0700. */
export function withParents(entries: readonly LayerEntry[]): LayerEntry[] {
  const all = new Map(entries.map((entry) => [entry.path, entry]));
  for (const { path } of entries) {
    for (let folder = dirname(path); folder !== "."; folder = dirname(folder)) {
      if (!all.has(folder)) all.set(folder, { path: folder, mode: 0o755, body: "folder" });
    }
  }
  return [...all.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const tarOfLayer = (entries: readonly LayerEntry[]): Promise<Buffer> =>
  tarBytes(async (tar) => {
    for (const { path, mode, body, owner } of entries) {
      const header = { ...PLAIN_HEADER, ...owner, name: path, mode };
      if (body === "folder") tar.entry({ ...header, type: "directory" });
      else if ("link" in body) tar.entry({ ...header, type: "symlink", linkname: body.link });
      else tar.entry(header, "text" in body ? Buffer.from(body.text) : await readFile(body.file));
    }
  });
