/** Blobs of a registry or of a store elsewhere, copied to this machine: once, as long as the cache has them. */
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import type { Content, ReleaseSource } from "../oci/source.ts";
import { takeLayers } from "../oci/take.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { cachePath, touch } from "./cache.ts";

export interface KeptBlob {
  path: string;
  /** It had to be brought. */
  isNew: boolean;
}

/** Its digest is one: it names the file. @throws TSUGI_STORE_DAMAGED */
export async function keptBlob(source: ReleaseSource, content: Content): Promise<KeptBlob> {
  const path = cachePath("blobs", content.digest.slice("sha256:".length));
  const isNew = `sha256:${await sha256OfFile(path).catch(() => "")}` !== content.digest;
  if (isNew) await bring(source, content, path);
  await touch(path);
  return { path, isNew };
}

/** Whole or not at all. */
async function bring(source: ReleaseSource, content: Content, target: string): Promise<void> {
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  await mkdir(dirname(target), { recursive: true });
  try {
    await takeLayers(source, [content], temporary);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}
