/** What there is in an image that somebody else made: read out of its layers, the later ones on top. */
import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import zlib from "node:zlib";
import tar from "tar-stream";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { keptBlob } from "../pack/keptBlob.ts";
import type { Base } from "./base.ts";

export interface BaseFacts {
  /** Empty where there is none. */
  passwd: string;
  group: string;
  hasShell: boolean;
  /** The names of libraries and loaders. */
  libraries: ReadonlySet<string>;
}

const TEXTS = ["etc/passwd", "etc/group"];
const SHELLS = ["bin/sh", "usr/bin/sh"];
const LIBRARY = /^(ld-(linux|musl)[^/]*|libstdc\+\+\.so\.6)$/;
/** In a layer it takes away what a lower one has: https://github.com/opencontainers/image-spec/blob/main/layer.md */
const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";

/** @throws TSUGI_IMAGE_BASE */
export async function readBase(base: Base): Promise<BaseFacts> {
  const found = new Map<string, string>();
  for (const layer of base.layers) {
    const { path: file } = await keptBlob(base.source, layer);
    try {
      await readLayer(file, layer.mediaType, found);
    } catch (error) {
      const problem = `its layer ${layer.digest.slice(0, 19)} can't be read: ${messageOf(error)}`;
      throw new TsugiError("TSUGI_IMAGE_BASE", { base: base.name, problem });
    }
  }
  return {
    passwd: found.get("etc/passwd") ?? "",
    group: found.get("etc/group") ?? "",
    hasShell: SHELLS.some((path) => found.has(path)),
    libraries: new Set([...found.keys()].map((path) => posix.basename(path)).filter(isLibrary)),
  };
}

const isLibrary = (name: string): boolean => LIBRARY.test(name);

async function readLayer(
  file: string,
  mediaType: string,
  found: Map<string, string>,
): Promise<void> {
  const entries = tar.extract();
  const read = pipeline([createReadStream(file), ...inflating(mediaType), entries as never]);
  // It says itself what went wrong, below.
  read.catch(() => {});
  for await (const entry of entries) {
    const path = posix.normalize(`/${entry.header.name}`).slice(1);
    const name = posix.basename(path);
    if (name.startsWith(WHITEOUT)) remove(found, path, name);
    const isText = TEXTS.includes(path);
    let text = "";
    for await (const chunk of entry) if (isText) text += String(chunk);
    if (isText || SHELLS.includes(path) || isLibrary(name)) found.set(path, text);
  }
  await read;
}

function remove(found: Map<string, string>, path: string, name: string): void {
  const folder = posix.dirname(path);
  const gone = name === OPAQUE ? folder : posix.join(folder, name.slice(WHITEOUT.length));
  for (const one of found.keys()) {
    if (one === gone || one.startsWith(`${gone}/`)) found.delete(one);
  }
}

function inflating(mediaType: string): NodeJS.ReadWriteStream[] {
  if (mediaType.endsWith("gzip")) return [zlib.createGunzip()];
  if (!mediaType.endsWith("zstd")) return [];
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream };
  if (createZstdDecompress === undefined)
    throw new Error("it is zstd's, which needs Node 22.15 here");
  return [createZstdDecompress()];
}
