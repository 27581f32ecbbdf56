/**
 * How a store keeps releases. One folder, the same on this machine, on a shared disk and behind ssh:
 *
 *   releases/<name>/<version>.json   what a release consists of; it is pushed when this is there
 *   blobs/<sha256>.gz                contents: a manifest, or files one after the other (a run)
 *   pushes/<id>.json                 the blobs that a push under way counts on
 *   trash/<id>/<sha256>.gz           what a prune is about to remove
 *   tmp/<id>                         not yet whole; a rename puts it into its place
 *
 * A blob has contents only, no path and no mode: those are in the manifest. So a file that is the
 * same in two versions, or in two trees of packages, is one blob whatever folder it stands in; and a
 * large file is a run of its own. Small files share one, cut where their hashes say, so that a change
 * moves the run that it is in and none beside it.
 */
import { createHash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { TsugiError } from "../errors.ts";
import { type Manifest, type ManifestFile, parseManifest, sha256 } from "./manifest.ts";

export const STORE_FORMAT = 1;

export interface StoredRelease {
  format: typeof STORE_FORMAT;
  name: string;
  version: string;
  releaseId: string;
  kind: Manifest["kind"];
  platform: string;
  /** By the clock of the machine that pushed it. */
  pushedAt: string;
  /** Of what is unpacked. */
  bytes: number;
  /** The tarball that was pushed, if it was one. */
  tarball?: { bytes: number; sha256: string };
  signature?: string;
  /** The blob of the manifest. */
  manifest: string;
  /** In the order of the manifest's files; links and empty files need none. */
  runs: { blob: string; files: number }[];
}

export const STORE = {
  releases: "releases",
  blobs: "blobs",
  pushes: "pushes",
  trash: "trash",
  temporary: "tmp",
  release: (name: string, version: string) => `releases/${name}/${version}.json`,
  blob: (blob: string) => `blobs/${blob}.gz`,
} as const;

/** Files of at least so many bytes stand alone. */
const ALONE_BYTES = 64 * 1024;
const RUN_BYTES = 512 * 1024;

export interface Run {
  blob: string;
  files: ManifestFile[];
}

/** Cuts the files of a manifest into runs. Content decides, so that equal parts are cut equally. */
export function cutIntoRuns(files: readonly ManifestFile[]): Run[] {
  const runs: Run[] = [];
  let open: ManifestFile[] = [];
  let openBytes = 0;
  const close = () => {
    if (open.length > 0) runs.push({ blob: blobOf(open.map((file) => file.sha256)), files: open });
    open = [];
    openBytes = 0;
  };
  for (const file of files.filter(hasContent)) {
    const startsFolder = open.length > 0 && folderOf(file) !== folderOf(open[0]!);
    if (startsFolder || file.size >= ALONE_BYTES) close();
    open.push(file);
    openBytes += file.size;
    // One in sixteen ends its run, whatever stands before it.
    if (file.size >= ALONE_BYTES || openBytes >= RUN_BYTES || file.sha256.startsWith("0")) close();
  }
  close();
  return runs;
}

export const hasContent = (file: ManifestFile): boolean => file.link === undefined && file.size > 0;

/** `lib/x` and the like: a run ends with it. */
const folderOf = ({ path }: ManifestFile): string => path.split("/").slice(0, 2).join("/");

/** The name of a blob follows from the hashes of what is in it, so nothing has to be read for it. */
export const blobOf = (hashes: readonly string[]): string => sha256(hashes.join("\n"));

export const manifestBlobOf = (releaseId: string): string => blobOf([releaseId]);

export const blobsOf = ({ manifest, runs }: StoredRelease): string[] => [
  manifest,
  ...runs.map(({ blob }) => blob),
];

const BLOB = /^[0-9a-f]{64}$/;

/** @throws TSUGI_FORMAT_UNKNOWN, TSUGI_STORE_DAMAGED */
export function parseStored(text: string, where: string): StoredRelease {
  const damaged = (problem: string) => storeDamaged(where, problem);
  let json: Partial<StoredRelease> | null;
  try {
    json = JSON.parse(text) as Partial<StoredRelease> | null;
  } catch {
    throw damaged("it is not JSON");
  }
  if (json === null || typeof json !== "object") throw damaged("it is not an object");
  if (json.format !== STORE_FORMAT) {
    const found = String(json.format);
    throw new TsugiError("TSUGI_FORMAT_UNKNOWN", { what: where, found, expected: STORE_FORMAT });
  }
  for (const key of ["name", "version", "pushedAt"] as const) {
    if (typeof json[key] !== "string") throw damaged(`"${key}" is not a string`);
  }
  if (!BLOB.test(String(json.releaseId))) throw damaged('"releaseId" is not 64 hex digits');
  if (!BLOB.test(String(json.manifest))) throw damaged('"manifest" is not 64 hex digits');
  const isRun = (run: Partial<StoredRelease["runs"][number]> | null) =>
    BLOB.test(String(run?.blob)) && Number.isSafeInteger(run?.files) && run!.files! > 0;
  if (!Array.isArray(json.runs) || !json.runs.every(isRun))
    throw damaged('"runs" is no list of runs');
  return json as StoredRelease;
}

export const storeDamaged = (file: string, problem: string, cause?: unknown): TsugiError =>
  new TsugiError("TSUGI_STORE_DAMAGED", { file, problem }, { cause });

/** Where blobs are read from: the store itself, or copies of them. */
export interface BlobSource {
  /** By the path below the store, as all of these. */
  open(path: string): AsyncIterable<Uint8Array>;
  /** For a message: the file that a person would look at. */
  fileOf(path: string): string;
}

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

export interface StoredManifest {
  manifest: Manifest;
  manifestBytes: string;
}

/** @throws TSUGI_STORE_DAMAGED where the manifest is not the one that was pushed */
export async function readStoredManifest(
  stored: StoredRelease,
  source: BlobSource,
): Promise<StoredManifest> {
  const path = STORE.blob(stored.manifest);
  const damaged = (problem: string) => storeDamaged(source.fileOf(path), problem);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of inflated(path, source)) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) throw damaged("it is too large for a manifest");
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  if (sha256(bytes) !== stored.releaseId) throw damaged("its SHA-256 differs");
  const manifestBytes = bytes.toString("utf8");
  const manifest = parseManifest(manifestBytes, source.fileOf(path));
  if (manifest.name === stored.name && manifest.version === stored.version) {
    return { manifest, manifestBytes };
  }
  const where = source.fileOf(STORE.release(stored.name, stored.version));
  throw storeDamaged(where, `its manifest is of ${manifest.name} ${manifest.version}`);
}

export interface StoredFile {
  file: ManifestFile;
  /** Has to be read to its end before the next file; that is where its SHA-256 is checked. */
  body: AsyncIterable<Uint8Array>;
}

/**
 * Every file of a release, in the order of its manifest. A blob whose files are all left out is not
 * opened. @throws TSUGI_STORE_DAMAGED, by the body too
 */
export async function* storedFiles(
  stored: StoredRelease,
  manifest: Manifest,
  source: BlobSource,
  isLeftOut: (path: string) => boolean = () => false,
): AsyncGenerator<StoredFile> {
  let run: OpenRun | undefined;
  const runs = runsOf(stored, manifest, source);
  try {
    for (const file of manifest.files) {
      if (!hasContent(file)) {
        if (!isLeftOut(file.path)) yield { file, body: nothing() };
        continue;
      }
      run ??= runs.next().value as OpenRun;
      run.left -= 1;
      run.isNeeded ??= run.files.some(({ path }) => !isLeftOut(path));
      if (run.isNeeded) yield { file, body: checked(file, run.path, run.bytes.take(file.size)) };
      if (run.left > 0) continue;
      if (run.isNeeded && !(await run.bytes.isAtEnd())) {
        throw storeDamaged(run.path, "it holds too many bytes");
      }
      run = undefined;
    }
  } finally {
    await run?.bytes.close();
  }
}

interface OpenRun {
  files: ManifestFile[];
  /** For a message. */
  path: string;
  /** Nothing is opened before the first of them is asked for. */
  bytes: Bytes;
  left: number;
  isNeeded?: boolean;
}

function* runsOf(
  stored: StoredRelease,
  manifest: Manifest,
  source: BlobSource,
): Generator<OpenRun, never> {
  const contents = manifest.files.filter(hasContent);
  let at = 0;
  for (const { blob, files: count } of stored.runs) {
    const files = contents.slice(at, at + count);
    at += count;
    const path = STORE.blob(blob);
    const bytes = new Bytes(inflated(path, source));
    yield { files, path: source.fileOf(path), bytes, left: count };
  }
  const where = source.fileOf(STORE.release(stored.name, stored.version));
  throw storeDamaged(where, "its blobs are too few for its files");
}

async function* checked(
  file: ManifestFile,
  path: string,
  content: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
    yield chunk;
  }
  if (size < file.size) throw storeDamaged(path, `it ends within ${file.path}`);
  if (hash.digest("hex") !== file.sha256) {
    throw storeDamaged(path, `the SHA-256 of ${file.path} differs`);
  }
}

async function* inflated(path: string, source: BlobSource): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  pipeline(Readable.from(source.open(path)), gunzip, () => {});
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (cause) {
    if (cause instanceof TsugiError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem = code === "ENOENT" ? "it is not there" : message;
    throw storeDamaged(source.fileOf(path), problem, cause);
  }
}

/** A stream that is read in pieces of given sizes. */
class Bytes {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Fewer where the stream ends before. */
  async *take(size: number): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0 && !(await this.isAtEnd()); ) {
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }

  async isAtEnd(): Promise<boolean> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return true;
      this.#rest = next.value;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
