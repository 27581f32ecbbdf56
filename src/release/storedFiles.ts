/** Reads a release out of the blobs of a store (stored.ts), each file held against the manifest. */
import { createHash } from "node:crypto";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { TsugiError } from "../contract/errors.ts";
import {
  MAX_MANIFEST_BYTES,
  type Manifest,
  type ManifestFile,
  parseManifest,
  sha256,
} from "./manifest.ts";
import { hasContent, STORE, type StoredRelease, storeDamaged } from "./stored.ts";

/** Where blobs are read from: the store itself, or copies of them. */
export interface BlobSource {
  /** By the path below the store, as all of these. */
  open(path: string): AsyncIterable<Uint8Array>;
  /** For a message: the file that a person would look at. */
  fileOf(path: string): string;
}

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
