/** The files of a finished release one by one, for a delta: of a tree where they lie, of a tarball from memory. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { openRelease } from "../pack/inspect.ts";
import type { ReleaseContent } from "../release/deltaMake.ts";
import { type ManifestFile, parseManifest, sha256 } from "../release/manifest.ts";

export interface OpenContent extends ReleaseContent {
  close(): Promise<void>;
}

/**
 * A tarball is read as far as its files are asked for: the runtime, which is most of it, stands at its end.
 * @param place  a tarball, the tree of a build, or its `releases/<vsn>`
 * @throws TSUGI_RELEASE_UNREADABLE; and, when a file is read, TSUGI_RELEASE_DIFFERS
 */
export async function openContent(place: string): Promise<OpenContent> {
  const tree = treeOf(resolve(place));
  const archive = await openRelease(tree?.folder ?? place);
  const entries = archive.entries[Symbol.asyncIterator]();
  const files = new Map<string, Uint8Array>();
  const take = async (): Promise<string | undefined> => {
    const { value: entry, done } = await entries.next();
    if (done) return undefined;
    files.set(entry.path, await buffer(entry.body));
    return entry.path;
  };
  const text = (path: string) => Buffer.from(files.get(path) ?? []).toString("utf8");
  const first = (await take()) ?? "";
  const manifestBytes = text(first);
  const manifest = parseManifest(manifestBytes, place);
  archive.expect(manifest);
  archive.limitBytes(Number.MAX_SAFE_INTEGER);
  const isSigned = (await take()) === `${first}.sig`;
  const inTarball = async (path: string) => {
    while (!files.has(path) && (await take()) !== undefined);
    return files.get(path);
  };
  const inTree = (path: string) => readFile(join(tree!.root, path)).catch(() => undefined);
  return {
    manifest,
    manifestBytes,
    ...defined({ signature: isSigned ? text(`${first}.sig`) : undefined }),
    read: async (file) =>
      checked(place, file, await (tree === undefined ? inTarball : inTree)(file.path)),
    close: async () => {
      await entries.return?.();
    },
  };
}

function checked(place: string, file: ManifestFile, bytes: Uint8Array | undefined): Uint8Array {
  if (bytes !== undefined && sha256(bytes) === file.sha256) return bytes;
  const problem = bytes === undefined ? "missing" : "its SHA-256 differs";
  throw new TsugiError("TSUGI_RELEASE_DIFFERS", { place, path: file.path, problem });
}

/** A tarball that lies where a build has put it has its tree around it. */
export function treeOf(path: string): { root: string; folder: string } | undefined {
  const folder = path.endsWith(".gz") ? dirname(path) : path;
  if (basename(dirname(folder)) === "releases" && existsSync(join(folder, "release.json"))) {
    return { root: dirname(dirname(folder)), folder };
  }
  return existsSync(join(path, "releases")) ? { root: path, folder: path } : undefined;
}
