/** The files of a finished release one by one, for a delta: of a tree where they lie, of a tarball from memory. */

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { openRelease } from "../pack/inspect.ts";
import type { ReleaseContent } from "../release/deltaMake.ts";
import { type ManifestFile, parseManifest, sha256 } from "../release/manifest.ts";

/**
 * @param place  a tarball, the tree of a build, or its `releases/<vsn>`
 * @throws TSUGI_RELEASE_UNREADABLE; and, when a file is read, TSUGI_RELEASE_DIFFERS
 */
export async function openContent(place: string): Promise<ReleaseContent> {
  const tree = treeOf(resolve(place));
  const archive = await openRelease(tree?.folder ?? place);
  const files = new Map<string, Uint8Array>();
  let manifestBytes: string | undefined;
  let signature: string | undefined;
  for await (const { path, body } of archive.entries) {
    const isSignature = path.endsWith("/release.json.sig");
    if (tree !== undefined && manifestBytes !== undefined && !isSignature) break;
    const bytes = await buffer(body);
    if (manifestBytes === undefined) {
      manifestBytes = bytes.toString("utf8");
      const manifest = parseManifest(manifestBytes, place);
      archive.expect(manifest);
      archive.limitBytes(Number.MAX_SAFE_INTEGER);
    } else if (isSignature) signature = bytes.toString("utf8");
    else files.set(path, bytes);
  }
  const manifest = parseManifest(manifestBytes ?? "", place);
  return {
    manifest,
    manifestBytes: manifestBytes!,
    ...defined({ signature }),
    read: async (file) => {
      const bytes =
        tree === undefined
          ? files.get(file.path)
          : await readFile(join(tree.root, file.path)).catch(() => undefined);
      return checked(place, file, bytes);
    },
  };
}

function checked(place: string, file: ManifestFile, bytes: Uint8Array | undefined): Uint8Array {
  if (bytes !== undefined && sha256(bytes) === file.sha256) return bytes;
  const problem = bytes === undefined ? "missing" : "its SHA-256 differs";
  throw new TsugiError("TSUGI_RELEASE_DIFFERS", { place, path: file.path, problem });
}

/** A tarball that lies where a build has put it has its tree around it. */
export function treeOf(path: string): { root: string; folder: string } | undefined {
  const folder = path.endsWith(".gz") ? dirname(path) : path;
  if (basename(dirname(folder)) === "releases" && existsSync(join(folder, "release.json"))) {
    return { root: dirname(dirname(folder)), folder };
  }
  return existsSync(join(path, "releases")) ? { root: path, folder: path } : undefined;
}
