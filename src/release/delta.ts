/**
 * A release as what one host lacks of it: everything that the host has is named, and only the rest
 * travels. The result is the release itself, byte for byte, held against its manifest like any other.
 *
 *   tsugi-delta 1\n  header, one line of JSON  control  differences  literals      (three of brotli)
 *
 * control       of unsigned LEB128 numbers: the manifest's size and its recipe; then, for each file of
 *               the manifest that is no link, one of
 *                 0  its folder is there          1  the same bytes are there, in another place
 *                 2  a recipe
 * recipe        the number of regions. If there are any: which base, which file of it (0: its
 *               manifest, n: the n-th of its files). For each: the bytes before it that are new, its
 *               length, and how far from the end of the last one it begins in the base (zigzag).
 *               The rest of the file is new.
 * differences   for each region, byte for byte: new minus base (code that moved differs little)
 * literals      the new bytes
 *
 * A recipe speaks of files in manifests of releases that are on the host, by number: there is no way
 * to speak of anything else.
 */

import { brotliCompressSync, brotliDecompressSync, constants } from "node:zlib";
import { Check, type Expected, mismatch } from "../contract/checks.ts";
import { MAX_MANIFEST_BYTES, type Manifest, type ManifestFile, SHA256 } from "./manifest.ts";
import { isVersionName } from "./names.ts";
import { unitHash, unitsOf } from "./units.ts";

export const DELTA_MAGIC = "tsugi-delta 1\n";
export const DELTA_FORMAT = 1;

export const IN_FOLDER = 0;
export const SAME_BYTES = 1;
export const RECIPE = 2;

export const SECTIONS = ["control", "differences", "literals"] as const;
export type Section = (typeof SECTIONS)[number];

export interface DeltaHeader {
  format: typeof DELTA_FORMAT;
  name: string;
  version: string;
  releaseId: string;
  /** The text of release.json.sig. */
  signature?: string;
  /** What the host has to have; recipes name them by their place here. */
  bases: { version: string; releaseId: string }[];
  /** Compressed bytes. */
  sections: Record<Section, number>;
}

/** What `bin/<app> inventory --json` says. */
export interface Inventory {
  format: 1;
  name: string;
  platform: string;
  releases: InventoryRelease[];
  folders: InventoryFolder[];
}

export interface InventoryRelease {
  version: string;
  releaseId: string;
  status: string;
  /** With `--manifests`: release.json itself (packManifest). */
  manifest?: string;
}

export interface InventoryFolder {
  folder: string;
  fileCount: number;
  bytes: number;
  /** Over paths, modes and contents. */
  hash: string;
  /** With `--files`. */
  files?: ManifestFile[];
}

export const packManifest = (bytes: Uint8Array): string =>
  brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 5 },
  }).toString("base64");

export const unpackManifest = (packed: string): string =>
  brotliDecompressSync(Buffer.from(packed, "base64"), {
    maxOutputLength: MAX_MANIFEST_BYTES,
  }).toString("utf8");

/** Folders of the release that the host has with the same content. */
export function presentFolders(inventory: Inventory, manifest: Manifest): Set<string> {
  const hashes = new Map(inventory.folders.map(({ folder, hash }) => [folder, hash]));
  const present = unitsOf(manifest).filter((unit) => hashes.get(unit.folder) === unitHash(unit));
  return new Set(present.map(({ folder }) => folder));
}

/**
 * What a file is called in every version: `lib/wall-0.0.2/app.mjs` → `lib/wall/app.mjs`, and
 * `erts-13.1-ab12cd34/lib/kernel-8.5/…` → `erts/lib/kernel/…`. Its
 * predecessor is the file of an older release with the same name.
 */
export function lastingName(path: string): string {
  const [first, second, ...rest] = path.split("/");
  if (rest.length === 0 && !first?.startsWith("erts-")) return path;
  const unversioned = (name = "") => name.replace(/-(\d.*|[0-9a-f]{8})$/, "");
  if (first === "releases") return ["releases", ...rest].join("/");
  if (!first?.startsWith("erts-"))
    return [unversioned(first), unversioned(second), ...rest].join("/");
  const [library, ...below] = rest;
  return [unversioned(first), second, unversioned(library), ...below].join("/");
}

/** A number as LEB128. */
export function pushNumber(out: number[], value: number): void {
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}

/** Small whether it is above or below zero: 0, -1, 1, -2 … → 0, 1, 2, 3 … */
export const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2);
export const unzigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);

/** @returns undefined for anything but a header that can be followed */
export function parseHeader(line: string): DeltaHeader | undefined {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return undefined;
  }
  return mismatch(json, EXPECTED) ? undefined : (json as DeltaHeader);
}

const VERSION = new Check("a version", isVersionName);

const EXPECTED: Expected = {
  format: new Check(`${DELTA_FORMAT}`, (value) => value === DELTA_FORMAT),
  name: "a text",
  version: VERSION,
  releaseId: SHA256,
  "signature?": "a text",
  bases: [{ version: VERSION, releaseId: SHA256 }],
  sections: Object.fromEntries(SECTIONS.map((section) => [section, "a whole number"])),
};
