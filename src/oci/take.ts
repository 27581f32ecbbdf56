/** Out of a registry and onto the disk: layers one after the other, each held against its digest. */
import { open, rm } from "node:fs/promises";
import { TsugiError } from "../contract/errors.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { type OciRelease, parseOciRelease } from "./artefact.ts";
import { type Descriptor, OciClient } from "./client.ts";
import { LATEST, parseOciReference, tagOf } from "./reference.ts";

export type FoundRelease = OciRelease & { digest: string };

/** @returns undefined where there is none; @throws TSUGI_STORE_DAMAGED where it is no release */
export async function lookUp(
  client: OciClient,
  reference: string,
): Promise<FoundRelease | undefined> {
  const found = await client.manifest(reference);
  if (found === undefined) return undefined;
  const release = parseOciRelease(found.bytes);
  if (typeof release !== "string") return { ...release, digest: found.digest };
  throw new TsugiError("TSUGI_STORE_DAMAGED", {
    file: `${client.where}:${reference}`,
    problem: release,
  });
}

/** `oci://…`, by its tag or digest; without one, what was pushed last. */
export async function lookUpNamed(named: string) {
  const { reference: tag = LATEST, ...repository } = parseOciReference(named);
  const client = new OciClient(repository);
  return { client, tag, found: await lookUp(client, tag) };
}

/** A version's tag has to be that version: a tag is only a name that somebody has given. */
export async function lookUpVersion(client: OciClient, version: string) {
  const found = await lookUp(client, tagOf(version));
  if (found === undefined || found.version === version) return found;
  throw new TsugiError("TSUGI_STORE_DAMAGED", {
    file: `${client.where}:${tagOf(version)}`,
    problem: `it is ${found.name} ${found.version}`,
  });
}

/** Writes the tarball, whole or not at all. */
export async function takeTarball(
  client: OciClient,
  { layers, tarball }: OciRelease,
  target: string,
): Promise<void> {
  await takeLayers(client, layers, target);
  if ((await sha256OfFile(target)) === tarball.sha256) return;
  await rm(target, { force: true });
  const problem = "its layers are not the tarball that was pushed";
  throw new TsugiError("TSUGI_STORE_DAMAGED", { file: client.where, problem });
}

/** What says what it is, and the end: a tarball without its files. */
export const takeHead = (client: OciClient, { layers }: OciRelease, target: string) =>
  takeLayers(client, [layers[0]!, layers.at(-1)!], target);

/** One after the other, into a new file. */
export async function takeLayers(
  client: OciClient,
  layers: readonly Descriptor[],
  target: string,
): Promise<void> {
  const file = await open(target, "wx", 0o600);
  let isWhole = false;
  try {
    let start = 0;
    for (const layer of layers) {
      await client.read(layer, async () => {
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
