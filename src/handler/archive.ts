/**
 * A release on its way in, as a stream of entries: out of a tarball (gzip members one after the
 * other, or a plain tar) or out of the tree of a build. Nothing here trusts what it reads.
 */
import { createReadStream } from "node:fs";
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import tar from "tar-stream";
import { exists, WITHOUT_WAITING } from "../platform/files.ts";
import { END_MEMBER } from "../release/endOfTar.ts";
import type { Manifest } from "../release/manifest.ts";
import { TarShape } from "./tarShape.ts";

export interface ArchiveEntry {
  path: string;
  type: "file" | "link" | "folder" | "other";
  /** What the archive calls it, for a message. */
  typeName: string;
  mode: number;
  size: number;
  link?: string;
  /** Has to be read to its end, or the stream stands still. */
  body: AsyncIterable<Uint8Array>;
}

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

/** Node's own 16 KiB make 8,000 turns of the event loop of one Node binary. */
const CHUNK_BYTES = 1024 * 1024;

/** Manifest, signature and their headers are read before any limit is known. */
const LIMIT_BEFORE_MANIFEST = 128 * 1024 * 1024;

export function openTarball(path: string): Archive {
  let left = LIMIT_BEFORE_MANIFEST;
  const shape = new TarShape();
  const guard = new Transform({
    transform(chunk: Uint8Array, _encoding, done) {
      left -= chunk.length;
      const isBomb = left < 0;
      if (isBomb) done(new Error("it holds more bytes than its manifest says"));
      else
        attempt(
          () => shape.push(chunk),
          (error) => done(error, chunk),
        );
    },
    flush: (done) => attempt(() => shape.end(), done),
  });
  return {
    entries: tarEntries(path, guard),
    limitBytes: (most) => {
      left = most;
    },
    expect: () => {},
    hasEnd: () => hasEnd(path),
  };
}

async function hasEnd(path: string): Promise<boolean> {
  const file = await open(path, WITHOUT_WAITING);
  try {
    const { size } = await file.stat();
    const { length } = END_MEMBER;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, Math.max(0, size - length));
    return buffer.equals(END_MEMBER);
  } finally {
    await file.close();
  }
}

function attempt(body: () => void, done: (error: Error | null) => void): void {
  let problem: Error | null = null;
  try {
    body();
  } catch (error) {
    problem = error as Error;
  }
  done(problem);
}

/** A number is a flag, too; the types of Node know words only. */
const AT_ONCE = { flags: WITHOUT_WAITING as unknown as string };

async function* tarEntries(path: string, guard: Transform): AsyncGenerator<ArchiveEntry> {
  const source = createReadStream(path, { ...AT_ONCE, highWaterMark: CHUNK_BYTES });
  const extract = tar.extract();
  const gunzip = (await isGzip(path)) ? createGunzip({ chunkSize: CHUNK_BYTES }) : undefined;
  const streams = gunzip === undefined ? [source, guard] : [source, gunzip, guard];
  for (const [index, stream] of streams.entries()) {
    stream.on("error", (error: Error) => extract.destroy(error));
    const next = streams[index + 1];
    if (next !== undefined) stream.pipe(next as Transform);
    else stream.pipe(extract as unknown as NodeJS.WritableStream);
  }
  try {
    for await (const entry of extract) {
      const { name, type, mode, size, linkname } = entry.header;
      yield {
        path: type === "directory" ? name.replace(/\/$/, "") : name,
        type: TYPES[type ?? ""] ?? "other",
        typeName: type ?? "unknown",
        mode: (mode ?? 0) & 0o7777,
        size: size ?? 0,
        ...(linkname ? { link: linkname } : {}),
        body: entry as unknown as AsyncIterable<Uint8Array>,
      };
    }
    if (gunzip !== undefined) await refuseBytesBehind(path, gunzip.bytesWritten);
  } finally {
    for (const stream of streams) stream.destroy();
  }
}

/** gunzip stops at a zero; what another reader makes of the rest is not ours to guess. */
async function refuseBytesBehind(path: string, read: number): Promise<void> {
  for await (const chunk of createReadStream(path, { ...AT_ONCE, start: read })) {
    if ((chunk as Buffer).some((byte) => byte !== 0)) {
      throw new Error("something lies behind the end of the archive");
    }
  }
}

const TYPES: Record<string, ArchiveEntry["type"]> = {
  file: "file",
  "contiguous-file": "file",
  symlink: "link",
  directory: "folder",
};

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path, WITHOUT_WAITING);
  try {
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return buffer[0] === 0x1f && buffer[1] === 0x8b;
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
    else yield { ...file, type: "link", typeName: "symlink", link, body: nothing() };
  }
}

/** `wanted`: what is shared between roots has it, too, but for the right to write. */
async function fileEntry(root: string, path: string, wanted = 0): Promise<ArchiveEntry> {
  const found = await stat(join(root, path));
  if (!found.isFile()) throw new Error(`${path} is no file`);
  const { size } = found;
  const mode = (found.mode & 0o777) === (wanted & 0o555) ? wanted : found.mode;
  const body = bytesOf(join(root, path));
  return { path, type: "file", typeName: "file", mode: mode & 0o777, size, body };
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
  return { path, mode: 0o644, size: bytes.length, type: "file", typeName: "file", body };
}

export async function* nothing(): AsyncGenerator<Uint8Array> {}
