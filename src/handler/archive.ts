/**
 * A release on its way in, as a stream of entries: out of a tarball (gzip members one after the
 * other, or a plain tar) or out of the tree of a build. Nothing here trusts what it reads.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";
import { exists, WITHOUT_WAITING } from "../platform/files.ts";
import { END_MEMBER } from "../release/endOfTar.ts";
import type { Manifest } from "../release/manifest.ts";
import { type ArchiveEntry, readTar } from "./tar.ts";

export interface Archive {
  entries: AsyncIterable<ArchiveEntry>;
  /** The tree of a build, whose modes went through somebody's umask. */
  isTree?: boolean;
  /** The most bytes that may still come; more is a bomb. Set once the manifest is known. */
  limitBytes(most: number): void;
  /** Once the manifest is known: a tree has to be told which files to give. */
  expect(manifest: Manifest): void;
  /** Its last bytes are those of every tarball: what is not needed before them may be skipped. Else all is read. */
  hasEnd?(): Promise<boolean>;
}

/** What a release says of itself, before its files come. */
export interface OpenedRelease {
  manifest: Manifest;
  manifestBytes: string;
  signature: string | undefined;
  releaseId: string;
}

/** Node's own 16 KiB make 8,000 turns of the event loop of one Node binary. */
const CHUNK_BYTES = 1024 * 1024;

/** Manifest, signature and their headers are read before any limit is known. */
const LIMIT_BEFORE_MANIFEST = 128 * 1024 * 1024;

export function openTarball(path: string): Archive {
  let left = LIMIT_BEFORE_MANIFEST;
  const limited = async function* () {
    for await (const chunk of unpacked(path)) {
      left -= chunk.length;
      if (left < 0) throw new Error("it holds more bytes than its manifest says");
      yield chunk;
    }
  };
  return {
    entries: readTar(limited()),
    limitBytes: (most) => {
      left = most;
    },
    expect: () => {},
    hasEnd: async () => {
      const { size } = await stat(path);
      const { length } = END_MEMBER;
      return (await bytesAt(path, Math.max(0, size - length), length)).equals(END_MEMBER);
    },
  };
}

/** A number is a flag, too; the types of Node know words only. */
const AT_ONCE = { flags: WITHOUT_WAITING as unknown as string };

async function* unpacked(path: string): AsyncGenerator<Uint8Array> {
  const isGzip = (await bytesAt(path, 0, 2)).toString("hex") === "1f8b";
  const source = createReadStream(path, { ...AT_ONCE, highWaterMark: CHUNK_BYTES });
  if (!isGzip) return yield* source;
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  // What goes wrong is thrown where it is read.
  yield* pipeline(source, gunzip, () => {});
  // gunzip stops at a zero; what another reader makes of the rest is not ours to guess.
  for await (const chunk of createReadStream(path, { ...AT_ONCE, start: gunzip.bytesWritten })) {
    if ((chunk as Buffer).some((byte) => byte !== 0)) {
      throw new Error("something lies behind the end of the archive");
    }
  }
}

async function bytesAt(path: string, position: number, length: number): Promise<Buffer> {
  const file = await open(path, WITHOUT_WAITING);
  try {
    return (await file.read(Buffer.alloc(length), 0, length, position)).buffer;
  } finally {
    await file.close();
  }
}

/** The release of a tree such as a build leaves. @returns undefined where the folder holds none */
export async function openFolder(root: string, version?: string): Promise<Archive | undefined> {
  const found = version ?? (await onlyVersionIn(root));
  if (found === undefined || !(await exists(join(root, "releases", found, "release.json")))) {
    return undefined;
  }
  let manifest: Manifest | undefined;
  const known = () => manifest;
  return {
    entries: folderEntries(root, found, known),
    isTree: true,
    limitBytes: () => {},
    expect: (expected) => {
      manifest = expected;
    },
  };
}

async function onlyVersionIn(root: string): Promise<string | undefined> {
  const releases = join(root, "releases");
  const permanent = await readFile(join(releases, "permanent"), "utf8").catch(() => "");
  if (permanent !== "") return permanent.split(" ")[0];
  const names = await readdir(releases).catch(() => []);
  const versions: string[] = [];
  for (const name of names) {
    if (await exists(join(releases, name, "release.json"))) versions.push(name);
  }
  return versions.length === 1 ? versions[0] : undefined;
}

async function* folderEntries(
  root: string,
  version: string,
  manifest: () => Manifest | undefined,
): AsyncGenerator<ArchiveEntry> {
  for (const name of ["release.json", "release.json.sig"]) {
    const path = `releases/${version}/${name}`;
    if (await exists(join(root, path))) yield await fileEntry(root, path);
  }
  for (const file of manifest()?.files ?? []) {
    const { path, link } = file;
    if (link === undefined) yield await fileEntry(root, path, file.mode);
    else yield { ...file, type: "symlink", link, body: nothing() };
  }
}

/** `wanted`: what is shared between roots has it, too, but for the right to write. */
async function fileEntry(root: string, path: string, wanted = 0): Promise<ArchiveEntry> {
  const found = await stat(join(root, path));
  if (!found.isFile()) throw new Error(`${path} is no file`);
  const { size } = found;
  const mode = (found.mode & 0o777) === (wanted & 0o555) ? wanted : found.mode;
  const body = bytesOf(join(root, path));
  return { path, type: "file", mode: mode & 0o777, size, body };
}

/** To its end, and into `file`, which is closed then. */
export async function readBody(
  body: AsyncIterable<Uint8Array>,
  file?: FileHandle,
): Promise<{ size: number; sha256: string }> {
  const hash = createHash("sha256");
  let size = 0;
  try {
    for await (const chunk of body) {
      hash.update(chunk);
      size += chunk.length;
      await file?.writeFile(chunk);
    }
  } finally {
    await file?.close();
  }
  return { size, sha256: hash.digest("hex") };
}

/** Opened when it is read: an error of a stream that nobody reads would end the process. */
export async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { ...AT_ONCE, highWaterMark: 256 * 1024 });
}

/** What a release is described by comes first, and not from a file of its own. */
export function textEntry(path: string, text: string | Uint8Array): ArchiveEntry {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  const body = (async function* () {
    yield bytes;
  })();
  return { path, mode: 0o644, size: bytes.length, type: "file", body };
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}
