/** Gzip members that are the same from build to build, compressed once and kept in the cache. */
import { readFile, rm } from "node:fs/promises";
import { sha256OfFile } from "../platform/sha256.ts";
import { sha256 } from "../release/manifest.ts";
import { cachePath, touch, writeWhole } from "./cache.ts";

export interface KeptMember {
  path: string;
  sha256: string;
}

const pathOf = (key: string): string => cachePath("members", `${sha256(key)}.gz`);

/** `key`: what it is made of, and how. */
export const keptMember = async (
  key: string,
  make: () => Promise<Uint8Array[]>,
): Promise<KeptMember> => (await findMember(key)) ?? keepMember(key, await make());

/** One that a full disk or a hand has spoilt is made again: it would be part of every release to come. */
export async function findMember(key: string): Promise<KeptMember | undefined> {
  const path = pathOf(key);
  const sum = await readFile(`${path}.sha256`, "utf8").catch(() => "");
  if (sum === "" || (await sha256OfFile(path).catch(() => "")) !== sum) return undefined;
  await touch(`${path}.sha256`);
  await touch(path);
  return { path, sha256: sum };
}

export async function keepMember(key: string, parts: Uint8Array[]): Promise<KeptMember> {
  const path = pathOf(key);
  const bytes = Buffer.concat(parts);
  const sum = sha256(bytes);
  await writeWhole(`${path}.sha256`, sum);
  await writeWhole(path, bytes);
  return { path, sha256: sum };
}

/** It is compressed anew the next time. */
export const forgetMember = (key: string): Promise<void> => rm(pathOf(key), { force: true });
