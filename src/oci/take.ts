/** Out of a store and onto the disk: layers one after the other, each held against its digest. */
import { open, rm } from "node:fs/promises";
import { TsugiError } from "../contract/errors.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { FOREIGN, type OciRelease, parseOciRelease } from "./artefact.ts";
import type { OciClient } from "./client.ts";
import { isOfAnother, tagOf } from "./reference.ts";
import { type Content, type ReleaseSource, storeDamaged } from "./source.ts";

/** `digest`, `size`: of its manifest. */
export type FoundRelease = OciRelease & { digest: string; size: number };

/** @returns undefined where there is none, `FOREIGN` for what is somebody else's; @throws TSUGI_NOT_IN_STORE, TSUGI_STORE_DAMAGED */
export async function lookUp(
  client: OciClient,
  reference: string,
): Promise<FoundRelease | typeof FOREIGN | undefined> {
  const found = await releaseAt(client, reference);
  if (found === undefined || found === FOREIGN) return found;
  if (isOfAnother(reference, found.version)) {
    throw notInStore(client, { version: reference }, found);
  }
  return found;
}

/** The same, whatever tag it has. */
export async function releaseAt(
  client: OciClient,
  reference: string,
): Promise<FoundRelease | typeof FOREIGN | undefined> {
  const found = await client.manifest(reference);
  if (found === undefined) return undefined;
  const release = parseOciRelease(found.bytes);
  const size = Buffer.byteLength(found.bytes);
  if (typeof release !== "string") return { ...release, digest: found.digest, size };
  if (release === FOREIGN) return FOREIGN;
  throw storeDamaged(`${client.where}:${reference}`, release);
}

/** `other`: what was asked for by its version or its name is that, or nothing. */
export function notInStore(
  { where: store }: Pick<ReleaseSource, "where">,
  { name = "release", version }: { name?: string | undefined; version: string },
  other?: OciRelease,
): TsugiError {
  const called = version.startsWith("sha256:") ? "that digest" : `the tag ${tagOf(version)}`;
  const why = other === undefined ? "" : `: ${called} names ${other.name} ${other.version}`;
  return new TsugiError("TSUGI_NOT_IN_STORE", { store, name, version, why });
}

/** Writes the tarball, whole or not at all. */
export async function takeTarball(
  source: ReleaseSource,
  { layers, tarball }: OciRelease,
  target: string,
): Promise<void> {
  await takeLayers(source, layers, target);
  if ((await sha256OfFile(target)) === tarball.sha256) return;
  await rm(target, { force: true });
  throw storeDamaged(source.where, "its layers are not the tarball that was pushed");
}

/** What says what it is, and the end: a tarball without its files. */
export const takeHead = (source: ReleaseSource, { layers }: OciRelease, target: string) =>
  takeLayers(source, [layers[0]!, layers.at(-1)!], target);

/** One after the other, into a new file. */
export async function takeLayers(
  source: ReleaseSource,
  layers: readonly Content[],
  target: string,
): Promise<void> {
  const file = await open(target, "wx", 0o600);
  let isWhole = false;
  try {
    let start = 0;
    for (const layer of layers) {
      await source.read(layer, async () => {
        let position = start;
        return async (chunk) => {
          await file.write(chunk, 0, chunk.length, position);
          position += chunk.length;
        };
      });
      start += layer.size;
    }
    await file.sync();
    isWhole = true;
  } finally {
    await file.close();
    if (!isWhole) await rm(target, { force: true });
  }
}
