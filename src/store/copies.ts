/** Blobs of a store that is elsewhere, copied to this machine: once, as long as the cache has them. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { cachePath, touch } from "../pack/cache.ts";
import { blobsOf, STORE, type StoredRelease } from "../release/stored.ts";
import type { BlobSource } from "../release/storedFiles.ts";
import type { StoreReader } from "./reader.ts";

export interface Copies extends BlobSource {
  moved: { blobs: number; bytes: number };
  /** Once the release has turned out whole: what was fetched stays for the next pull. */
  keep(): Promise<void>;
  remove(): Promise<void>;
}

/** All of a release, in one go. */
export async function fetchBlobs(store: StoreReader, stored: StoredRelease): Promise<Copies> {
  const kept = cachePath("blobs");
  const fresh = join(kept, `${randomBytes(6).toString("hex")}.tmp`);
  await mkdir(fresh, { recursive: true });
  const have = new Set(await readdir(kept));
  const names = [...new Set(blobsOf(stored))].map((blob) => basename(STORE.blob(blob)));
  const lacking = names.filter((name) => !have.has(name));
  const moved = { blobs: 0, bytes: 0 };
  const remove = () => rm(fresh, { recursive: true, force: true });
  try {
    const paths = lacking.map((name) => `${STORE.blobs}/${name}`);
    for await (const { path, bytes } of store.readAll(paths)) {
      await writeFile(join(fresh, basename(path)), bytes);
      moved.blobs += 1;
      moved.bytes += bytes.length;
    }
  } catch (error) {
    await remove();
    throw error;
  }
  const copyOf = (path: string) => join(have.has(basename(path)) ? kept : fresh, basename(path));
  return {
    moved,
    open: (path) => createReadStream(copyOf(path)),
    fileOf: (path) => (have.has(basename(path)) ? copyOf(path) : store.fileOf(path)),
    keep: async () => {
      for (const name of names) {
        if (have.has(name)) await touch(join(kept, name));
        else await rename(join(fresh, name), join(kept, name));
      }
    },
    remove,
  };
}

/** The store's own files, where it is a folder. */
export const ownBlobs = (store: StoreReader): Copies => ({
  moved: { blobs: 0, bytes: 0 },
  open: (path) => store.open(path),
  fileOf: (path) => store.fileOf(path),
  keep: async () => {},
  remove: async () => {},
});
