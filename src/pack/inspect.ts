/** Reads finished releases, wherever they lie: a tarball, the tree of a build, an install root. */

import { isUtf8 } from "node:buffer";
import { existsSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { buffer } from "node:stream/consumers";
import { messageOf, TsugiError } from "../contract/errors.ts";
import {
  type Archive,
  type OpenedRelease,
  openFolder,
  openTarball,
  readBody,
} from "../handler/archive.ts";
import { placesProblem } from "../handler/contents.ts";
import type { ArchiveEntry } from "../handler/tar.ts";
import { checkSignedBy, readTrustedKeys } from "../handler/verify.ts";
import { type Manifest, type ManifestFile, parseManifest, sha256 } from "../release/manifest.ts";
import { signerOf } from "../release/signature.ts";

export type { OpenedRelease };

const MANIFEST = /^releases\/[^/]+\/release\.json$/;

/** @throws TSUGI_RELEASE_UNREADABLE */
export async function openRelease(place: string): Promise<Archive> {
  const path = resolve(place);
  if (!existsSync(path)) throw unreadable(place, "there is no such file or folder");
  if (!statSync(path).isDirectory()) return openTarball(path);
  const isVersion =
    existsSync(join(path, "release.json")) && basename(dirname(path)) === "releases";
  const archive = isVersion
    ? await openFolder(dirname(dirname(path)), basename(path))
    : await openFolder(path);
  if (archive !== undefined) return archive;
  throw unreadable(place, "it holds no release, or several and none permanent");
}

const unreadable = (place: string, problem: string, cause?: unknown): TsugiError =>
  new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem }, { cause });

/** The manifest alone: of a tarball only the first kilobytes are read. */
export async function readManifest(place: string): Promise<Manifest> {
  const { entries } = await openRelease(place);
  try {
    for await (const entry of entries) return manifestIn(entry, await textOf(entry), place);
  } catch (error) {
    throw asUnreadable(place, error);
  }
  throw unreadable(place, "it is empty");
}

export interface Verified {
  /** The id of the key; whether it may be trusted is another question. Null: not signed. */
  signedBy: string | null;
  name: string;
  version: string;
  releaseId: string;
  files: number;
  bytes: number;
}

/** Somebody who looks on while a release is held against its manifest. */
export interface Visitor {
  /** @returns false when that was enough: the files are not read */
  opened?(release: OpenedRelease): Promise<boolean>;
  /** Where the bytes of a file are wanted; they are right only when the visit has ended well. */
  copyTo?(file: ManifestFile): string | undefined;
}

/**
 * Holds every file against the manifest, and the manifest against the keys in `keysFile`.
 * @throws TSUGI_RELEASE_DIFFERS, TSUGI_SIGNATURE_REFUSED, TSUGI_TRUSTED_KEYS_INVALID
 */
export async function verifyRelease(place: string, keysFile?: string): Promise<Verified> {
  const refuseUntrusted = await trustIn(keysFile);
  const opened = await visitRelease(place);
  await refuseUntrusted(opened);
  return verifiedOf(opened);
}

export function verifiedOf({ manifest, releaseId, signature }: OpenedRelease): Verified {
  const { name, version, files } = manifest;
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const signedBy = signature === undefined ? null : (signerOf(signature) ?? "unreadable");
  return { name, version, releaseId, files: files.length, bytes, signedBy };
}

/** Throws TSUGI_SIGNATURE_REFUSED; whatever is signed or not is fine where no keys are named. */
export type TrustCheck = (release: OpenedRelease) => Promise<void>;

/** Asked for by name, the file has to be there. @throws TSUGI_TRUSTED_KEYS_INVALID */
export async function trustIn(keysFile: string | undefined): Promise<TrustCheck> {
  if (keysFile === undefined) return async () => {};
  const trusted = await readTrustedKeys(keysFile);
  if (trusted === undefined) {
    const details = { file: keysFile, line: "", problem: "there is no such file" };
    throw new TsugiError("TSUGI_TRUSTED_KEYS_INVALID", details);
  }
  return (release) => checkSignedBy(trusted, release, keysFile);
}

/** What stands in front: nothing is held against it. */
export const openHead = (place: string): Promise<OpenedRelease> =>
  visitRelease(place, { opened: async () => false });

/** Holds every file against the manifest. @throws TSUGI_RELEASE_DIFFERS, TSUGI_RELEASE_UNREADABLE */
export async function visitRelease(place: string, visitor: Visitor = {}): Promise<OpenedRelease> {
  const archive = await openRelease(place);
  const expected = new Map<string, ManifestFile>();
  const differs = (path: string, problem: string) =>
    new TsugiError("TSUGI_RELEASE_DIFFERS", { place, path, problem });
  try {
    const entries = archive.entries[Symbol.asyncIterator]();
    const { opened, first } = await openedFrom(entries, archive, place);
    if ((await visitor.opened?.(opened)) === false) {
      await entries.return?.();
      return opened;
    }
    for (const file of opened.manifest.files) expected.set(file.path, file);
    for (let entry = first; entry !== undefined; entry = (await entries.next()).value) {
      const file = expected.get(entry.path);
      if (file === undefined) throw differs(entry.path, "the manifest does not name it");
      const problem =
        modeDifference(entry, file, archive) ??
        (await difference(entry, file, visitor.copyTo?.(file)));
      if (problem !== undefined) throw differs(entry.path, problem);
      expected.delete(entry.path);
    }
    const [missing] = expected.keys();
    if (missing !== undefined) throw differs(missing, "missing");
    return opened;
  } catch (error) {
    throw asUnreadable(place, error);
  }
}

/** Manifest and signature come first; `first` is the entry after them. */
async function openedFrom(
  entries: AsyncIterator<ArchiveEntry, undefined>,
  archive: Archive,
  place: string,
): Promise<{ opened: OpenedRelease; first: ArchiveEntry | undefined }> {
  const head = (await entries.next()).value;
  if (head === undefined) throw unreadable(place, "it is empty");
  const manifestBytes = await textOf(head);
  const manifest = manifestIn(head, manifestBytes, place);
  const problem = placesProblem(manifest);
  if (problem !== undefined) throw unreadable(place, problem);
  archive.expect(manifest);
  archive.limitBytes(Number.MAX_SAFE_INTEGER);
  let first = (await entries.next()).value;
  let signature: string | undefined;
  const odd = [head, first].find(
    (entry) => entry?.path.startsWith(head.path) && isOdd(entry, archive),
  );
  if (odd !== undefined) throw unreadable(place, `${odd.path} is no plain file of mode 644`);
  if (first?.path === `${head.path}.sig`) {
    signature = await textOf(first);
    first = (await entries.next()).value;
  }
  const releaseId = sha256(manifestBytes);
  return { opened: { manifest, manifestBytes, signature, releaseId }, first };
}

async function difference(
  entry: ArchiveEntry,
  file: ManifestFile,
  copy: string | undefined,
): Promise<string | undefined> {
  if (file.link !== undefined) {
    return entry.type === "symlink" && entry.link === file.link
      ? undefined
      : `no link to ${file.link}`;
  }
  if (entry.type !== "file") return `a ${entry.type}, expected a file`;
  const target = copy === undefined ? undefined : await open(copy, "wx", 0o600);
  const { size, sha256 } = await readBody(entry.body, target);
  if (size !== file.size) return `${size} bytes, expected ${file.size}`;
  return sha256 === file.sha256 ? undefined : "its SHA-256 differs";
}

/** A tarball has the very bits; in a folder, the umask of whoever extracted it may have taken some away. */
function modeDifference(entry: ArchiveEntry, file: ManifestFile, { isTree }: Archive) {
  if (file.link !== undefined) return undefined;
  const [found, wanted] = [entry.mode.toString(8), file.mode.toString(8)];
  if (isTree !== true && found !== wanted) return `mode ${found}, expected ${wanted}`;
  return ((entry.mode ^ file.mode) & 0o100) === 0 ? undefined : "its executable bit differs";
}

/** Manifest and signature are in no manifest. */
const isOdd = ({ type, mode }: ArchiveEntry, { isTree }: Archive) =>
  type !== "file" || (isTree !== true && mode !== 0o644);

function manifestIn(entry: ArchiveEntry, text: string, place: string): Manifest {
  const begins = `it begins with ${entry.path}, expected`;
  if (!MANIFEST.test(entry.path)) throw unreadable(place, `${begins} releases/<vsn>/release.json`);
  const manifest = parseManifest(text, place);
  const expected = `releases/${manifest.version}/release.json`;
  if (entry.path !== expected) throw unreadable(place, `${begins} ${expected}`);
  return manifest;
}

async function textOf(entry: ArchiveEntry): Promise<string> {
  const bytes = await buffer(entry.body);
  // As text it would be other bytes, and have another SHA-256, than as a file.
  if (!isUtf8(bytes)) throw new Error(`${entry.path} is not UTF-8`);
  return bytes.toString("utf8");
}

const asUnreadable = (place: string, error: unknown): unknown =>
  error instanceof TsugiError ? error : unreadable(place, messageOf(error), error);
