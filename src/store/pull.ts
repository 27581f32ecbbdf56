/**
 * pull: blobs → files, each held against the manifest → tarball, packed as the build packs it. So it
 * has the releaseId that was pushed, always, and its very bytes where the same tsugi had built it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type PackedFile, type PackedGroup, textFile } from "../pack/fileSet.ts";
import type { OpenedRelease, TrustCheck } from "../pack/inspect.ts";
import { type BuildReport, silentReport } from "../pack/report.ts";
import { writeTarball } from "../pack/tarball.ts";
import { renameDurably } from "../platform/files.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { appDirName } from "../release/layout.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import type { StoredRelease } from "../release/stored.ts";
import { readStoredManifest, type StoredFile, storedFiles } from "../release/storedFiles.ts";
import { type Copies, fetchBlobs, ownBlobs } from "./copies.ts";
import type { StoreReader } from "./reader.ts";

export interface PullRequest {
  /** The tarball's path. */
  target: string;
  /** Asked before anything of the release but its manifest is read. */
  refuseUntrusted?: TrustCheck;
  report?: BuildReport;
}

export interface Pulled {
  name: string;
  version: string;
  releaseId: string;
  file: string;
  bytes: number;
  sha256: string;
  /** It was there already, byte for byte. */
  already: boolean;
  /** The bytes of the tarball that was pushed. */
  sameBytes: boolean;
  moved: { blobs: number; bytes: number };
}

/** @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
export async function pull(
  store: StoreReader,
  stored: StoredRelease,
  { target, refuseUntrusted, report = silentReport }: PullRequest,
): Promise<Pulled> {
  const { name, version, releaseId, tarball } = stored;
  const opened = await openStored(store, stored, refuseUntrusted);
  const facts = { name, version, releaseId, file: target };
  const there = await factsOf(target);
  if (there !== undefined && there.sha256 === tarball?.sha256) {
    return { ...facts, ...there, already: true, sameBytes: true, moved: { blobs: 0, bytes: 0 } };
  }
  report.step(`Pulling ${name} ${version} from ${store.where}`);
  const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
  const work = await mkdtemp(join(tmpdir(), "tsugi-pull-"));
  const blobs = await blobsOn(store, stored);
  try {
    const files = storedFiles(stored, opened.manifest, blobs);
    const groups = await writeFiles(work, files, opened.manifest);
    await blobs.keep();
    await mkdir(dirname(target), { recursive: true });
    await writeTarball(temporary, headOf(opened), groups, report);
    await syncFile(temporary);
    const written = (await factsOf(temporary))!;
    await renameDurably("store.pull", temporary, target);
    const sameBytes = written.sha256 === tarball?.sha256;
    return { ...facts, ...written, already: false, sameBytes, moved: blobs.moved };
  } finally {
    await blobs.remove();
    await rm(temporary, { force: true });
    await rm(work, { recursive: true, force: true });
  }
}

/** Reads all of it and keeps nothing. @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
export async function verifyStored(
  store: StoreReader,
  stored: StoredRelease,
  refuseUntrusted?: TrustCheck,
): Promise<OpenedRelease> {
  const opened = await openStored(store, stored, refuseUntrusted);
  const blobs = await blobsOn(store, stored);
  try {
    for await (const { body } of storedFiles(stored, opened.manifest, blobs)) {
      for await (const _chunk of body);
    }
    return opened;
  } finally {
    await blobs.remove();
  }
}

async function openStored(
  store: StoreReader,
  stored: StoredRelease,
  refuseUntrusted: TrustCheck = async () => {},
): Promise<OpenedRelease> {
  const { releaseId, signature } = stored;
  const opened = { ...(await readStoredManifest(stored, store)), releaseId, signature };
  await refuseUntrusted(opened);
  return opened;
}

const blobsOn = async (store: StoreReader, stored: StoredRelease): Promise<Copies> =>
  store.files.isHere ? ownBlobs(store) : fetchBlobs(store, stored);

export async function factsOf(
  file: string,
): Promise<{ bytes: number; sha256: string } | undefined> {
  const info = await stat(file).catch(() => undefined);
  return info?.isFile() ? { bytes: info.size, sha256: await sha256OfFile(file) } : undefined;
}

/** What comes first in a tarball: the manifest and its signature. */
function headOf({ manifest: { version }, signature, manifestBytes }: OpenedRelease) {
  const path = `releases/${version}/release.json`;
  const manifest = textFile(path, manifestBytes);
  return signature === undefined ? [manifest] : [manifest, textFile(`${path}.sig`, signature)];
}

/** Files under numbers, and the groups in which the build packs them: one for each folder. */
async function writeFiles(
  folder: string,
  files: AsyncIterable<StoredFile>,
  manifest: Manifest,
): Promise<PackedGroup[]> {
  const groups = new Map<string, PackedGroup>();
  let count = 0;
  for await (const { file, body } of files) {
    const name = groupOf(file);
    const group = groups.get(name) ?? { files: [], entries: [], stable: isShared(name, manifest) };
    groups.set(name, group);
    group.files.push(await write(join(folder, String(count)), file, body));
    group.entries.push(file);
    count += 1;
  }
  return [...groups.values()];
}

const groupOf = ({ path }: ManifestFile): string => {
  const [first, second] = path.split("/");
  return /^(lib|runtime|releases)$/.test(first!) ? `${first}/${second}` : first!;
};

/** Worth keeping compressed: not what changes with every version. */
const isShared = (group: string, { name, version }: Manifest): boolean =>
  group.includes("/") && group !== `lib/${appDirName(name, version)}` && !/^releases/.test(group);

async function write(
  place: string,
  { path, mode, link }: ManifestFile,
  body: AsyncIterable<Uint8Array>,
): Promise<PackedFile> {
  if (link !== undefined) return { path, mode, source: { link } };
  const target = await open(place, "wx", 0o600);
  try {
    for await (const chunk of body) await target.writeFile(chunk);
  } finally {
    await target.close();
  }
  return { path, mode, source: { file: place } };
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  await file.sync().finally(() => file.close());
}
