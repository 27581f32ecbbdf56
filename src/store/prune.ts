import { randomBytes } from "node:crypto";
import { STORE, type StoredRelease } from "../release/stored.ts";
import type { StoreReader } from "./reader.ts";
import { backFrom, restoreTrash, sweepAbandoned, usedBlobs } from "./trash.ts";

export interface PruneRequest {
  /** So many of each app stay: those pushed last. */
  keep: number;
  /** Only of this app. */
  name?: string;
  /** Only says what would go. */
  dryRun?: boolean;
}

export interface Pruned<Found> {
  removed: Found[];
  kept: Found[];
  /** What the removed blobs took; null: not known, as of a dry run or in a registry. */
  freedBytes: number | null;
}

export async function prune(
  store: StoreReader,
  request: PruneRequest,
): Promise<Pruned<StoredRelease>> {
  const { files } = store;
  const releases = await store.list(request.name);
  const removed = releases.filter((release) => rank(release, releases) >= request.keep);
  const kept = releases.filter((release) => !removed.includes(release));
  if (request.dryRun) return { removed, kept, freedBytes: null };
  await restoreTrash(files);
  await sweepAbandoned(files);
  // Before anything goes: a release that can't be read stops it.
  await usedBlobs(files);
  await files.remove(removed.map(({ name, version }) => STORE.release(name, version)));
  const blobs = await files.list(STORE.blobs);
  const used = await usedBlobs(files);
  const unused = blobs.filter(({ name }) => !used.has(name));
  const trash = `${STORE.trash}/${randomBytes(8).toString("hex")}`;
  await files.move(
    unused.map(({ name }) => ({ from: `${STORE.blobs}/${name}`, to: `${trash}/${name}` })),
  );
  const usedNow = await usedBlobs(files);
  const back = unused.filter(({ name }) => usedNow.has(name));
  await files.move(back.map(({ name }) => backFrom(`${trash}/${name}`)));
  await files.remove([trash]);
  const gone = unused.filter((blob) => !back.includes(blob));
  return { removed, kept, freedBytes: gone.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** 0 for the newest push of an app; `releases` has the newest first. */
const rank = (release: StoredRelease, releases: readonly StoredRelease[]) =>
  releases.filter(({ name }) => name === release.name).indexOf(release);
