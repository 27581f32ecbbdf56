/** Holds what lies on disk against a manifest, and a manifest against the keys that are trusted. */
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import type { Layout } from "../release/layout.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import { parseTrustedKeys, signatureProblem, type Trusted } from "../release/signature.ts";
import { unitsOf } from "../release/units.ts";
import type { OpenedRelease } from "./archive.ts";
import { foldersAbove } from "./contents.ts";

export interface Difference {
  path: string;
  problem: string;
}

/** The first file that is not as the manifest says, and how; undefined when all are. */
export async function firstDifference(
  root: string,
  files: readonly ManifestFile[],
): Promise<Difference | undefined> {
  for await (const difference of differences(root, files)) return difference;
  return undefined;
}

/** All of them, as they are found. */
export async function* differences(
  root: string,
  files: Iterable<ManifestFile>,
): AsyncGenerator<Difference> {
  for (const file of files) {
    const problem = await fileDifference(join(root, file.path), file);
    if (problem !== undefined) yield { path: file.path, problem };
  }
}

/**
 * The first thing in the folders of a release that its manifest does not name: what is signed is the manifest,
 * and Node would load the rest as well.
 */
export async function firstStranger(root: string, manifest: Manifest): Promise<string | undefined> {
  const named = new Set(manifest.files.map(({ path }) => path));
  for (const path of manifest.files.flatMap((file) => foldersAbove(file.path))) named.add(path);
  const look = async (folder: string): Promise<string | undefined> => {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (!named.has(path)) return path;
      const found = entry.isDirectory() ? await look(path) : undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  };
  for (const { folder } of unitsOf(manifest)) {
    const found = await look(folder).catch(() => undefined); // missing: said elsewhere
    if (found !== undefined) return found;
  }
  return undefined;
}

async function fileDifference(path: string, file: ManifestFile): Promise<string | undefined> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return "missing";
  if (file.link !== undefined) {
    return found.isSymbolicLink() && (await readlink(path)) === file.link
      ? undefined
      : `not a link to ${file.link}`;
  }
  if (!found.isFile()) return "not a file";
  if (found.size !== file.size) return `${found.size} bytes, expected ${file.size}`;
  // The umask of whoever extracted the tarball may have taken bits away; "executable" has to stay.
  if (((found.mode ^ file.mode) & 0o100) !== 0) return "its executable bit differs";
  return (await sha256OfFile(path)) === file.sha256 ? undefined : "its SHA-256 differs";
}

/**
 * Where the host trusts certain keys only, a release without the signature of one is refused.
 * @throws TSUGI_SIGNATURE_REFUSED, TSUGI_TRUSTED_KEYS_INVALID
 */
export async function checkSignature(layout: Layout, release: SignedRelease): Promise<void> {
  const trusted = await readTrustedKeys(layout.trustedKeys);
  if (trusted !== undefined) await checkSignedBy(trusted, release, layout.trustedKeys);
}

type SignedRelease = Omit<OpenedRelease, "releaseId">;

/** `keysFile`: where the keys come from. @throws TSUGI_SIGNATURE_REFUSED */
export async function checkSignedBy(
  { keys, floors }: Trusted,
  { manifest: { name, version }, manifestBytes, signature }: SignedRelease,
  keysFile: string,
): Promise<void> {
  const refused = (problem: string) =>
    new TsugiError("TSUGI_SIGNATURE_REFUSED", { version, problem, keys: keysFile });
  const problem = signatureProblem(manifestBytes, signature, keys);
  if (problem !== undefined) throw refused(problem);
  if (floors.length === 0) return;
  const { compareVersions } = await import("../release/versionOrder.ts");
  const floor = floors
    .filter(({ app }) => app === undefined || app === name)
    .find((candidate) => compareVersions(version, candidate.version) < 0);
  if (floor !== undefined) throw refused(`it is older than not-before ${floor.version} allows`);
}

/**
 * Undefined only where there is certainly no such file: a link to nowhere, a folder, a file that
 * can't be read or parsed must not mean that everything is trusted.
 * @throws TSUGI_TRUSTED_KEYS_INVALID
 */
export async function readTrustedKeys(path: string): Promise<Trusted | undefined> {
  const invalid = (problem: string, line?: number) =>
    new TsugiError("TSUGI_TRUSTED_KEYS_INVALID", {
      file: path,
      line: line === undefined ? "" : `, line ${line},`,
      problem,
    });
  let text: string;
  try {
    await lstat(path);
    if (((await stat(path)).mode & 0o002) !== 0) throw invalid("everybody may write to it");
    text = await readFile(path, "utf8");
  } catch (error) {
    if (error instanceof TsugiError) throw error;
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && syscall === "lstat") return undefined;
    throw invalid(message);
  }
  const trusted = parseTrustedKeys(text);
  if ("keys" in trusted) return trusted;
  throw invalid(trusted.problem, trusted.line);
}
