/**
 * A release out of a store, a folder here or a registry: this program brings what the host lacks, the unpack
 * goes on as with any tarball. A layer whose folder is here stays where it is; whether that folder is the one that is meant
 * is for the unpack to see.
 */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureFolder, exists } from "../platform/files.ts";
import type { Layout } from "../release/layout.ts";
import type { Context } from "./context.ts";

/** The reference, a folder's path absolute. @returns undefined for what is no reference; a path may look like one */
export async function inStore(context: Context, named: string): Promise<string | undefined> {
  if (/^(oci|ssh):\/\//.test(named)) return named;
  if (!named.includes("#") || (await exists(context.resolvePath(named)))) return undefined;
  const { isStoreReference } = await import("../oci/index.ts");
  return isStoreReference(named) ? context.resolvePath(named) : undefined;
}

export interface Brought {
  /** A tarball without the layers that are here. */
  source: string;
  version: string;
  bytes: number;
  totalBytes: number;
}

/** Calls with what was brought; it is gone afterwards. @throws TSUGI_NOT_IN_STORE, TSUGI_STORE_DAMAGED */
export async function withBrought<T>(
  { layout }: Context,
  named: string,
  which: "all" | "lacking" | "head",
  body: (brought: Brought) => Promise<T>,
): Promise<T> {
  const { lookUpNamed, takeLayers, titleOf } = await import("../oci/index.ts");
  const { source: store, found } = await lookUpNamed(named, layout.name);
  const [first, ...rest] = found.layers;
  const end = rest.pop()!;
  const layers =
    which === "head" ? [] : which === "all" ? rest : await lacking(layout, rest, titleOf);
  // Below `.staging`, so that what a crash leaves is swept away with the rest.
  const source = join(layout.staging, `${randomBytes(8).toString("hex")}.tar.gz`);
  const taken = [first!, ...layers, end];
  try {
    await ensureFolder(layout.staging);
    await takeLayers(store, taken, source);
    const bytes = taken.reduce((sum, { size }) => sum + size, 0);
    const totalBytes = found.tarball.bytes;
    return await body({ source, version: found.version, bytes, totalBytes });
  } finally {
    await rm(source, { force: true });
  }
}

async function lacking<L>(
  layout: Layout,
  layers: L[],
  titleOf: (layer: L) => string,
): Promise<L[]> {
  const found: L[] = [];
  for (const layer of layers) {
    const folder = titleOf(layer);
    const isFolder = /^(lib\/[^/]+|runtime\/[^/]+)$/.test(folder);
    if (!isFolder || !(await exists(join(layout.root, folder)))) found.push(layer);
  }
  return found;
}
