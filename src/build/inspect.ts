/** Reads finished releases, wherever they lie: a tarball, the tree of a build, an install root. */
import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { messageOf, TsugiError } from "../errors.ts";
import {
  type Archive,
  type ArchiveEntry,
  openFolder,
  openTarball,
} from "../host/handler/archive.ts";
import { checkSignedBy, readTrustedKeys } from "../host/handler/verify.ts";
import { type Manifest, type ManifestFile, parseManifest, sha256 } from "../release/manifest.ts";
import { signerOf, type TrustedKey } from "../release/signature.ts";

const MANIFEST = /^releases\/[^/]+\/release\.json$/;

/** @throws TSUGI_RELEASE_UNREADABLE */
async function openRelease(place: string): Promise<Archive> {
  const path = resolve(place);
  const unreadable = (problem: string) =>
    new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem });
  if (!existsSync(path)) throw unreadable("there is no such file or folder");
  if (!statSync(path).isDirectory()) return openTarball(path);
  const isVersion =
    existsSync(join(path, "release.json")) && basename(dirname(path)) === "releases";
  const archive = isVersion
    ? await openFolder(dirname(dirname(path)), basename(path))
    : await openFolder(path);
  if (archive === undefined) throw unreadable("it holds no release, or several and none permanent");
  return archive;
}

/** The manifest alone: of a tarball only the first kilobytes are read. */
export async function readManifest(place: string): Promise<Manifest> {
  const archive = await openRelease(place);
  try {
    for await (const entry of archive.entries) return await manifestIn(entry, place);
  } catch (error) {
    throw asUnreadable(place, error);
  }
  throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem: "it is empty" });
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

/**
 * Holds every file against the manifest, and the manifest against the keys in `keysFile`.
 * @throws TSUGI_RELEASE_DIFFERS, TSUGI_SIGNATURE_REFUSED, TSUGI_TRUSTED_KEYS_INVALID
 */
export async function verifyRelease(place: string, keysFile?: string): Promise<Verified> {
  const keys = keysFile === undefined ? undefined : await trustedKeysIn(keysFile);
  const archive = await openRelease(place);
  let manifest: Manifest | undefined;
  let manifestBytes = "";
  let signature: string | undefined;
  const expected = new Map<string, ManifestFile>();
  const differs = (path: string, problem: string) =>
    new TsugiError("TSUGI_RELEASE_DIFFERS", { place, path, problem });
  try {
    for await (const entry of archive.entries) {
      if (manifest === undefined) {
        const text = await textOf(entry);
        manifest = checked(entry, text, place);
        manifestBytes = text;
        for (const file of manifest.files) expected.set(file.path, file);
        archive.expect(manifest);
        archive.limitBytes(Number.MAX_SAFE_INTEGER);
        continue;
      }
      if (entry.path.endsWith("/release.json.sig")) {
        signature = await textOf(entry);
        continue;
      }
      const file = expected.get(entry.path);
      if (file === undefined) throw differs(entry.path, "the manifest does not name it");
      const problem = await difference(entry, file);
      if (problem !== undefined) throw differs(entry.path, problem);
      expected.delete(entry.path);
    }
  } catch (error) {
    throw asUnreadable(place, error);
  }
  const [missing] = expected.keys();
  if (missing !== undefined) throw differs(missing, "missing");
  const { name, version, files } = manifest!;
  if (keys !== undefined) {
    checkSignedBy(keys, { version, manifestBytes, signature, trustedKeys: keysFile! });
  }
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const signedBy = signature === undefined ? null : (signerOf(signature) ?? "unreadable");
  const releaseId = sha256(manifestBytes);
  return { name, version, releaseId, files: files.length, bytes, signedBy };
}

/** Asked for by name, so it has to be there. */
async function trustedKeysIn(file: string): Promise<TrustedKey[]> {
  const keys = await readTrustedKeys(file);
  if (keys !== undefined) return keys;
  const details = { file, line: "", problem: "there is no such file" };
  throw new TsugiError("TSUGI_TRUSTED_KEYS_INVALID", details);
}

async function difference(entry: ArchiveEntry, file: ManifestFile): Promise<string | undefined> {
  if (file.link !== undefined) {
    return entry.type === "link" && entry.link === file.link
      ? undefined
      : `no link to ${file.link}`;
  }
  if (entry.type !== "file") return `a ${entry.typeName}, expected a file`;
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of entry.body) {
    hash.update(chunk);
    size += chunk.length;
  }
  if (size !== file.size) return `${size} bytes, expected ${file.size}`;
  if (((entry.mode ^ file.mode) & 0o100) !== 0) return "its executable bit differs";
  return hash.digest("hex") === file.sha256 ? undefined : "its SHA-256 differs";
}

const manifestIn = async (entry: ArchiveEntry, place: string) =>
  checked(entry, await textOf(entry), place);

function checked(entry: ArchiveEntry, text: string, place: string): Manifest {
  if (MANIFEST.test(entry.path)) return parseManifest(text, place);
  const problem = `it begins with ${entry.path}, expected releases/<vsn>/release.json`;
  throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem });
}

async function textOf(entry: ArchiveEntry): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of entry.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

function asUnreadable(place: string, error: unknown): unknown {
  if (error instanceof TsugiError) return error;
  const problem = messageOf(error);
  return new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem }, { cause: error });
}
