/**
 * What a prune takes away goes through `trash/<its id>/` first, because nothing else says at which
 * instant a blob that nobody used comes into use again:
 *
 *   prune                                      push
 *   lists what releases and pushes use         writes pushes/<id>.json: the blobs it counts on
 *   moves the rest to its trash                looks which blobs are there, uploads the others
 *   lists again; what is used now goes back    looks again: all there? if not, uploads again
 *   removes its trash                          writes the release, then removes its pushes/<id>.json
 *
 * A blob that the push saw at its last look was moved later, so the second list of the prune has the
 * push in it, or its release, and the blob goes back. A prune that dies leaves its trash; whoever
 * misses a blob puts it back, and so does the next prune.
 */
import { blobsOf, parseStored, STORE } from "../release/stored.ts";
import { ABANDONED_MS, type StoreFiles } from "./files.ts";

/** Puts back what prunes have taken. */
export async function restoreTrash(files: StoreFiles): Promise<void> {
  for (const { name: id } of await files.list(STORE.trash)) {
    const folder = `${STORE.trash}/${id}`;
    const names = (await files.list(folder)).map(({ name }) => name);
    await files.move(names.map((name) => backFrom(`${folder}/${name}`)));
  }
}

export const backFrom = (path: string) => ({
  from: path,
  to: `${STORE.blobs}/${path.split("/").at(-1)}`,
});

/** File names in `blobs/`. Pushes first: one that ends meanwhile has its release there before. */
export async function usedBlobs(files: StoreFiles): Promise<Set<string>> {
  const used = new Set<string>();
  const pushes = (await files.list(STORE.pushes)).map(({ name }) => `${STORE.pushes}/${name}`);
  for await (const { bytes } of files.read(pushes)) {
    for (const blob of bytes === undefined ? [] : blobsOfPush(bytes)) used.add(`${blob}.gz`);
  }
  const releases: string[] = [];
  for (const { name } of await files.list(STORE.releases)) {
    const folder = `${STORE.releases}/${name}`;
    for (const entry of await files.list(folder)) releases.push(`${folder}/${entry.name}`);
  }
  for await (const { path, bytes } of files.read(releases)) {
    if (bytes === undefined) continue;
    // One that can't be read ends the prune here: who knows what it uses.
    const stored = parseStored(Buffer.from(bytes).toString("utf8"), `${files.where}/${path}`, path);
    for (const blob of blobsOf(stored)) used.add(`${blob}.gz`);
  }
  return used;
}

export const pushMarker = (id: string, blobs: readonly string[]) => ({
  path: `${STORE.pushes}/${id}.json`,
  bytes: Buffer.from(`${JSON.stringify({ blobs })}\n`),
});

const blobsOfPush = (bytes: Uint8Array): string[] =>
  (JSON.parse(Buffer.from(bytes).toString("utf8")) as { blobs: string[] }).blobs;

/** What was killed half-way a day ago or more; of a prune, after its trash was put back. */
export async function sweepAbandoned(files: StoreFiles): Promise<void> {
  const oldest = (await files.nowMs()) - ABANDONED_MS;
  for (const folder of [STORE.temporary, STORE.pushes, STORE.trash]) {
    const old = (await files.list(folder)).filter(({ changedMs }) => changedMs < oldest);
    await files.remove(old.map(({ name }) => `${folder}/${name}`));
  }
}
