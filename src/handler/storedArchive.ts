/**
 * A release in a store that is a folder here, such as a shared disk: `/mnt/store#wall@1.2.0`, or
 * `/mnt/store#1.2.0`, since a host knows its app. Content of folders that are on this host already is
 * not read.
 */

import { createReadStream } from "node:fs";
import { join, resolve } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { readIfThere } from "../platform/files.ts";
import type { Manifest } from "../release/manifest.ts";
import { APP_NAME, VERSION_NAME } from "../release/names.ts";
import { parseStored, STORE, type StoredRelease } from "../release/stored.ts";
import { type BlobSource, readStoredManifest, storedFiles } from "../release/storedFiles.ts";
import { unitOf } from "../release/units.ts";
import { type Archive, type ArchiveEntry, textEntry } from "./archive.ts";

const REFERENCE = new RegExp(`^(.+)#(?:(${APP_NAME})@)?(${VERSION_NAME})$`);

/** @returns undefined for what is no reference; @throws TSUGI_NOT_IN_STORE, TSUGI_STORE_DAMAGED */
export async function openStored(place: string, app: string): Promise<Archive | undefined> {
  const [, store, name = app, version] = REFERENCE.exec(place) ?? [];
  if (store === undefined || version === undefined) return undefined;
  if (/(^|\/)ssh:\//.test(store)) {
    const problem = "a host takes releases out of folders only; bring it: tsugi pull, or deploy";
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source: place, problem });
  }
  const folder = resolve(store);
  const file = join(folder, STORE.release(name, version));
  const text = await readIfThere(file);
  if (text === undefined) {
    throw new TsugiError("TSUGI_NOT_IN_STORE", { store: folder, name, version });
  }
  const source: BlobSource = {
    open: (path) => createReadStream(join(folder, path)),
    fileOf: (path) => join(folder, path),
  };
  const stored = parseStored(text, file, STORE.release(name, version));
  const here: { folders: ReadonlySet<string> } = { folders: new Set() };
  return {
    entries: entriesOf(stored, source, (path) => here.folders.has(unitOf(path) ?? "")),
    leavesOutPresent: true,
    limitBytes: () => {},
    expect: () => {},
    keep: (folders) => {
      here.folders = folders;
    },
  };
}

async function* entriesOf(
  stored: StoredRelease,
  source: BlobSource,
  isHere: (path: string) => boolean,
): AsyncGenerator<ArchiveEntry> {
  const { manifest, manifestBytes } = await readStoredManifest(stored, source);
  const path = `releases/${stored.version}/release.json`;
  yield textEntry(path, manifestBytes);
  if (stored.signature !== undefined) yield textEntry(`${path}.sig`, stored.signature);
  yield* fileEntries(stored, manifest, source, isHere);
}

async function* fileEntries(
  stored: StoredRelease,
  manifest: Manifest,
  source: BlobSource,
  isHere: (path: string) => boolean,
): AsyncGenerator<ArchiveEntry> {
  for await (const { file, body } of storedFiles(stored, manifest, source, isHere)) {
    const { path, mode, size, link } = file;
    if (link === undefined) yield { path, mode, size, type: "file", typeName: "file", body };
    else yield { path, mode, size, link, type: "link", typeName: "symlink", body };
  }
}
