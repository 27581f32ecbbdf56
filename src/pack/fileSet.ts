/**
 * What goes into a release, before it is written anywhere: files by their path in the tree.
 * Modes are 0644 or 0755 whatever the umask was, so that the same sources give the same bytes.
 */
import { type BigIntStats, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { type ManifestFile, sha256 } from "../release/manifest.ts";

export type PackedSource =
  | { bytes: Uint8Array }
  /** `seen`: what changes when the file does. */
  | { file: string; seen?: string }
  | { link: string };

export interface PackedFile {
  /** Relative to the root of the tree, with forward slashes. */
  path: string;
  mode: number;
  source: PackedSource;
}

/** Files that are compressed into one member of the tarball: a folder of the tree, or single files. */
export interface PackedGroup {
  files: PackedFile[];
  entries: ManifestFile[];
  /** Worth keeping compressed between builds: the same for many builds. */
  stable: boolean;
}

const normalMode = (mode: number): number => (mode & 0o111 ? 0o755 : 0o644);

export const textFile = (path: string, text: string | Uint8Array, mode = 0o644): PackedFile => ({
  path,
  mode,
  source: { bytes: typeof text === "string" ? Buffer.from(text) : text },
});

export const linkTo = (path: string, link: string): PackedFile => ({
  path,
  mode: 0o777,
  source: { link },
});

export function fileAt(path: string, file: string): PackedFile {
  const stat = statSync(file, { bigint: true });
  return { path, mode: normalMode(Number(stat.mode)), source: { file, seen: seenIn(stat) } };
}

/** What changes when a file does. The inode's change time cannot be set back by a program. */
const seenIn = ({ size, mtimeNs, ctimeNs, ino }: BigIntStats) =>
  `${size}:${ino}:${mtimeNs}:${ctimeNs}`;

/** In bytes; 0 of a link. */
export function sizeOf(source: PackedSource): number {
  if ("link" in source) return 0;
  if ("file" in source && source.seen !== undefined) return Number(source.seen.split(":")[0]);
  return readSource(source).length;
}

export const seenAt = (file: string): string => seenIn(statSync(file, { bigint: true }));

export const byPath = <T extends { path: string }>(a: T, b: T): number =>
  a.path < b.path ? -1 : a.path > b.path ? 1 : 0;

/** Every file below a folder, links as links; `skip` gets names relative to it. */
export function filesBelow(
  folder: string,
  path: string,
  skip: (relative: string) => boolean = () => false,
): PackedFile[] {
  const found: PackedFile[] = [];
  const walk = (relative: string) => {
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      const name = relative === "" ? entry.name : `${relative}/${entry.name}`;
      if (skip(name)) continue;
      const file = join(folder, name);
      if (entry.isDirectory()) walk(name);
      else if (entry.isSymbolicLink()) found.push(linkTo(`${path}/${name}`, readlinkSync(file)));
      else if (entry.isFile()) found.push(fileAt(`${path}/${name}`, file));
    }
  };
  walk("");
  return found.sort(byPath);
}

export function readSource(source: PackedSource): Uint8Array {
  if ("bytes" in source) return source.bytes;
  if ("link" in source) return Buffer.from(source.link);
  try {
    return readFileSync(source.file);
  } catch (error) {
    throw goneOr(error, source.file);
  }
}

/** It was there when it was listed. */
export const goneOr = (error: unknown, file: string): unknown =>
  (error as NodeJS.ErrnoException).code === "ENOENT"
    ? new TsugiError("TSUGI_FILE_CHANGED", { file, how: "has gone" })
    : error;

/** What a manifest says of a file was read earlier: a log, say, has grown since. @throws TSUGI_FILE_CHANGED */
export function checked(bytes: Uint8Array, { source }: PackedFile, entry: ManifestFile) {
  if ("file" in source && sha256(bytes) !== entry.sha256)
    throw new TsugiError("TSUGI_FILE_CHANGED", { file: source.file, how: "has changed" });
  return bytes;
}

export function describe(file: PackedFile): ManifestFile {
  const { path, mode, source } = file;
  const bytes = readSource(source);
  const entry = { path, mode, size: "link" in source ? 0 : bytes.length, sha256: sha256(bytes) };
  return "link" in source ? { ...entry, link: source.link } : entry;
}

export function groupOf(files: PackedFile[], stable = false): PackedGroup {
  const sorted = [...files].sort(byPath);
  return { files: sorted, entries: sorted.map(describe), stable };
}
