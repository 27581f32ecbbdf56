/**
 * A delta (release/delta.ts) as a stream of entries, like any other archive: what it does not bring is
 * read from the releases that are here. It is as little trusted as a tarball: it can name nothing but
 * files of those releases, by number, and every file it makes is held against the manifest.
 */

import { open } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { TsugiError } from "../contract/errors.ts";
import { WITHOUT_WAITING } from "../platform/files.ts";
import {
  DELTA_MAGIC,
  type DeltaHeader,
  IN_FOLDER,
  parseHeader,
  RECIPE,
  SAME_BYTES,
  SECTIONS,
  type Section,
} from "../release/delta.ts";
import type { Layout } from "../release/layout.ts";
import {
  MAX_MANIFEST_BYTES,
  type Manifest,
  type ManifestFile,
  releaseIdOf,
} from "../release/manifest.ts";
import { type Archive, bytesOf, nothing, textEntry } from "./archive.ts";
import { openBase } from "./deltaBase.ts";
import { SectionReader } from "./deltaSection.ts";
import { readManifest } from "./releaseList.ts";
import type { ArchiveEntry } from "./tar.ts";

const MAX_HEADER_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 18;

/** @throws TSUGI_UNPACK_REFUSED, TSUGI_DELTA_STALE */
export async function openDelta(path: string, layout: Layout): Promise<Archive> {
  const { header, start } = await readHeader(path);
  if (header.name !== layout.name) {
    const problem = `it is a release of "${header.name}", this is the root of "${layout.name}"`;
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source: path, problem });
  }
  const bases = await findBases(layout, header);
  let manifest: Manifest | undefined;
  const entries = async function* () {
    const sections = openSections(path, header, start);
    try {
      yield* entriesOf({ layout, header, bases, sections }, () => manifest!);
      for (const section of SECTIONS) await sections[section].expectEnd();
    } finally {
      for (const section of SECTIONS) await sections[section].close();
    }
  };
  return {
    entries: entries(),
    limitBytes: () => {},
    expect: (expected) => {
      manifest = expected;
    },
  };
}

/** `start`: of its first section. */
async function readHeader(path: string): Promise<{ header: DeltaHeader; start: number }> {
  const refuse = (problem: string) =>
    new TsugiError("TSUGI_UNPACK_REFUSED", { source: path, problem });
  const file = await open(path, WITHOUT_WAITING);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAX_HEADER_BYTES), 0, undefined, 0);
    const head = buffer.subarray(0, bytesRead);
    if (!head.toString("latin1").startsWith(DELTA_MAGIC)) throw refuse("it is no delta");
    const end = head.indexOf("\n", DELTA_MAGIC.length);
    const header = parseHeader(head.toString("utf8", DELTA_MAGIC.length, Math.max(end, 0)));
    if (header === undefined) throw refuse("its header can't be read");
    const expected = SECTIONS.reduce((sum, section) => sum + header.sections[section], end + 1);
    const { size } = await file.stat();
    if (size !== expected) throw refuse(`it has ${size} bytes, expected ${expected} (truncated?)`);
    return { header, start: end + 1 };
  } finally {
    await file.close();
  }
}

type Sections = Record<Section, SectionReader>;

function openSections(path: string, { sections }: DeltaHeader, start: number): Sections {
  let at = start;
  const opened = SECTIONS.map((section) => {
    at += sections[section];
    return [section, new SectionReader(path, at - sections[section], sections[section])];
  });
  return Object.fromEntries(opened) as Sections;
}

interface Base {
  version: string;
  manifest: Manifest;
  manifestSize: number;
}

/** The releases it was made against, which have to be here as they were then. */
async function findBases(layout: Layout, header: DeltaHeader): Promise<Base[]> {
  const bases: Base[] = [];
  for (const { version, releaseId } of header.bases) {
    const found = await readManifest(layout, version).catch(() => undefined);
    if (found?.releaseId !== releaseId) {
      const here = found === undefined ? "is not here" : `is ${found.releaseId.slice(0, 12)} here`;
      throw new TsugiError("TSUGI_DELTA_STALE", {
        version: header.version,
        problem: `it builds on ${version} (${releaseId.slice(0, 12)}), which ${here}`,
        bin: layout.bin,
      });
    }
    const { manifest, bytes } = found;
    bases.push({ version, manifest, manifestSize: Buffer.byteLength(bytes) });
  }
  return bases;
}

interface Delta {
  layout: Layout;
  header: DeltaHeader;
  bases: readonly Base[];
  sections: Sections;
}

/** `manifest`: known once its entry has been read. */
async function* entriesOf(delta: Delta, manifest: () => Manifest): AsyncGenerator<ArchiveEntry> {
  const { version, signature } = delta.header;
  const path = `releases/${version}/release.json`;
  yield textEntry(path, await manifestBytes(delta));
  if (signature !== undefined) yield textEntry(`${path}.sig`, signature);
  const here = filesHere(delta);
  for (const file of manifest().files) {
    const { link } = file;
    if (link !== undefined) {
      yield { ...file, type: "symlink", link, body: nothing() };
      continue;
    }
    const kind = await delta.sections.control.number();
    if (kind === IN_FOLDER) continue;
    yield { ...file, type: "file", body: bodyOf(delta, file, kind, here) };
  }
}

async function manifestBytes(delta: Delta): Promise<Buffer> {
  const size = await delta.sections.control.number();
  if (size > MAX_MANIFEST_BYTES) throw new Error(`its manifest has ${size} bytes`);
  const bytes = await buffer(made(delta, size));
  if (releaseIdOf(bytes) !== delta.header.releaseId) {
    throw new Error("its manifest is not that of the release it names");
  }
  return bytes;
}

/** Contents that are on this host already, by their SHA-256. */
function filesHere({ bases }: Delta): Map<string, string> {
  const files = bases.flatMap(({ manifest }) => manifest.files);
  const found = files.filter(({ link }) => link === undefined);
  return new Map(found.map(({ path, sha256 }) => [sha256, path]));
}

function bodyOf(
  delta: Delta,
  file: ManifestFile,
  kind: number,
  here: ReadonlyMap<string, string>,
): AsyncIterable<Uint8Array> {
  if (kind === RECIPE) return inPieces(made(delta, file.size));
  const path = kind === SAME_BYTES ? here.get(file.sha256) : undefined;
  if (path === undefined) throw new Error(`it does not bring ${file.path}, nor is that here`);
  return bytesOf(join(delta.layout.root, path));
}

/** What a recipe makes: regions of an old file and new bytes, from front to back. */
async function* made(delta: Delta, size: number): AsyncGenerator<Buffer> {
  const { control, differences, literals } = delta.sections;
  const regions = await control.number();
  if (regions === 0) return yield* literals.pieces(size);
  const base = await baseFile(delta, await control.number(), await control.number());
  try {
    let left = size;
    let inBase = 0;
    for (let region = 0; region < regions; region += 1) {
      if (left === 0) throw new Error("a recipe goes on behind the end of its file");
      const added = await control.number();
      const length = await control.number();
      inBase += await control.signedNumber();
      left -= added + length;
      const isInside = inBase >= 0 && inBase + length <= base.size && left >= 0;
      if (!isInside || length === 0) throw new Error("a recipe reaches outside of its files");
      yield* literals.pieces(added);
      for await (const piece of differences.pieces(length)) {
        await base.addTo(piece, inBase);
        inBase += piece.length;
        yield piece;
      }
    }
    yield* literals.pieces(left);
  } finally {
    await base.close();
  }
}

/** Regions may be short, and each piece is written by itself. */
async function* inPieces(parts: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let kept: Buffer[] = [];
  let bytes = 0;
  for await (const part of parts) {
    kept.push(part);
    bytes += part.length;
    if (bytes < PIECE_BYTES) continue;
    yield Buffer.concat(kept);
    [kept, bytes] = [[], 0];
  }
  yield Buffer.concat(kept);
}

function baseFile({ layout, bases }: Delta, baseNumber: number, fileNumber: number) {
  const base = bases[baseNumber];
  if (base === undefined) throw new Error(`it has no base ${baseNumber}`);
  if (fileNumber === 0) {
    return openBase(layout.release(base.version).manifest, base.manifestSize);
  }
  const file = base.manifest.files[fileNumber - 1];
  if (file === undefined || file.link !== undefined) {
    throw new Error(`${base.version} has no file ${fileNumber}`);
  }
  return openBase(join(layout.root, file.path), file.size);
}
