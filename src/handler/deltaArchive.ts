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
import { type Archive, type ArchiveEntry, bytesOf, nothing, textEntry } from "./archive.ts";
import { type BaseFile, openBase } from "./deltaBase.ts";
import { SectionReader } from "./deltaSection.ts";
import { readManifest } from "./releaseList.ts";

const MAX_HEADER_BYTES = 1 << 20;
const PIECE_BYTES = 1 << 18;

/** @throws TSUGI_UNPACK_REFUSED, TSUGI_DELTA_STALE */
export async function openDelta(path: string, layout: Layout): Promise<Archive> {
  const { header, startOf } = await readHeader(path);
  if (header.name !== layout.name) {
    const problem = `it is a release of "${header.name}", this is the root of "${layout.name}"`;
    throw new TsugiError("TSUGI_UNPACK_REFUSED", { source: path, problem });
  }
  const reader = new DeltaReader(layout, path, header, await findBases(layout, header), startOf);
  return {
    entries: reader.entries(),
    limitBytes: () => {},
    expect: (manifest) => {
      reader.manifest = manifest;
    },
  };
}

async function readHeader(path: string) {
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
    const startOf = {} as Record<Section, number>;
    let at = end + 1;
    for (const section of SECTIONS) {
      startOf[section] = at;
      at += header.sections[section];
    }
    const { size } = await file.stat();
    if (size !== at) throw refuse(`it has ${size} bytes, expected ${at} (truncated?)`);
    return { header, startOf };
  } finally {
    await file.close();
  }
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

class DeltaReader {
  /** Known once its entry has been read. */
  manifest: Manifest | undefined;
  readonly #layout: Layout;
  readonly #header: DeltaHeader;
  readonly #bases: readonly Base[];
  readonly #sections: Record<Section, SectionReader>;

  constructor(
    layout: Layout,
    path: string,
    header: DeltaHeader,
    bases: readonly Base[],
    startOf: Record<Section, number>,
  ) {
    this.#layout = layout;
    this.#header = header;
    this.#bases = bases;
    const reader = (section: Section) =>
      new SectionReader(path, startOf[section], header.sections[section]);
    this.#sections = {
      control: reader("control"),
      differences: reader("differences"),
      literals: reader("literals"),
    };
  }

  async *entries(): AsyncGenerator<ArchiveEntry> {
    try {
      const { version, signature } = this.#header;
      const path = `releases/${version}/release.json`;
      yield textEntry(path, await this.#manifestBytes());
      if (signature !== undefined) yield textEntry(`${path}.sig`, signature);
      const here = this.#filesHere();
      for (const file of this.manifest!.files) {
        const { link } = file;
        if (link !== undefined) {
          yield { ...file, type: "link", typeName: "symlink", link, body: nothing() };
          continue;
        }
        const kind = await this.#sections.control.number();
        if (kind === IN_FOLDER) continue;
        yield { ...file, type: "file", typeName: "file", body: this.#bodyOf(file, kind, here) };
      }
      for (const section of SECTIONS) await this.#sections[section].expectEnd();
    } finally {
      for (const section of SECTIONS) this.#sections[section].close();
    }
  }

  async #manifestBytes(): Promise<Buffer> {
    const size = await this.#sections.control.number();
    if (size > MAX_MANIFEST_BYTES) throw new Error(`its manifest has ${size} bytes`);
    const bytes = await buffer(this.#made(size));
    if (releaseIdOf(bytes) !== this.#header.releaseId) {
      throw new Error("its manifest is not that of the release it names");
    }
    return bytes;
  }

  /** Contents that are on this host already, by their SHA-256. */
  #filesHere(): Map<string, string> {
    const found = new Map<string, string>();
    for (const { manifest } of this.#bases) {
      for (const { path, sha256, link } of manifest.files) {
        if (link === undefined) found.set(sha256, path);
      }
    }
    return found;
  }

  #bodyOf(file: ManifestFile, kind: number, here: Map<string, string>): AsyncIterable<Uint8Array> {
    if (kind === RECIPE) return this.#made(file.size);
    const path = kind === SAME_BYTES ? here.get(file.sha256) : undefined;
    if (path === undefined) throw new Error(`it does not bring ${file.path}, nor is that here`);
    return bytesOf(join(this.#layout.root, path));
  }

  /** The bytes of a recipe, in pieces. */
  async *#made(size: number): AsyncGenerator<Uint8Array> {
    const { control } = this.#sections;
    const regions = await control.number();
    if (regions === 0) {
      yield* this.#inPieces(size, (out) => this.#sections.literals.fill(out));
      return;
    }
    const base = await this.#openBase(await control.number(), await control.number());
    try {
      const recipe = new Recipe(this.#sections, base, { regions, size });
      yield* this.#inPieces(size, (out) => recipe.fill(out));
      await recipe.expectEnd();
    } finally {
      await base.close();
    }
  }

  async *#inPieces(size: number, fill: (out: Buffer) => Promise<void>): AsyncGenerator<Uint8Array> {
    for (let left = size; left > 0; left -= PIECE_BYTES) {
      const out = Buffer.allocUnsafe(Math.min(left, PIECE_BYTES));
      await fill(out);
      yield out;
    }
  }

  #openBase(baseNumber: number, fileNumber: number): Promise<BaseFile> {
    const base = this.#bases[baseNumber];
    if (base === undefined) throw new Error(`it has no base ${baseNumber}`);
    if (fileNumber === 0) {
      return openBase(this.#layout.release(base.version).manifest, base.manifestSize);
    }
    const file = base.manifest.files[fileNumber - 1];
    if (file === undefined || file.link !== undefined) {
      throw new Error(`${base.version} has no file ${fileNumber}`);
    }
    return openBase(join(this.#layout.root, file.path), file.size);
  }
}

/** One file that is made of regions of an old one and of new bytes, from front to back. */
class Recipe {
  readonly #sections: Record<Section, SectionReader>;
  readonly #base: BaseFile;
  #regionsLeft: number;
  #bytesLeft: number;
  /** Of the new bytes and then of the region that are next. */
  #newLeft = 0;
  #regionLeft = 0;
  #inBase = 0;

  constructor(
    sections: Record<Section, SectionReader>,
    base: BaseFile,
    { regions, size }: { regions: number; size: number },
  ) {
    this.#sections = sections;
    this.#base = base;
    this.#regionsLeft = regions;
    this.#bytesLeft = size;
  }

  async fill(out: Buffer): Promise<void> {
    for (let at = 0; at < out.length; ) {
      if (this.#newLeft === 0 && this.#regionLeft === 0) await this.#next();
      const part = out.subarray(
        at,
        at + Math.min(out.length - at, this.#newLeft || this.#regionLeft),
      );
      if (this.#newLeft > 0) {
        await this.#sections.literals.fill(part);
        this.#newLeft -= part.length;
      } else {
        await this.#sections.differences.fill(part);
        await this.#base.addTo(part, this.#inBase);
        this.#regionLeft -= part.length;
        this.#inBase += part.length;
      }
      at += part.length;
    }
  }

  async expectEnd(): Promise<void> {
    if (this.#regionsLeft > 0) throw new Error("a recipe goes on behind the end of its file");
  }

  async #next(): Promise<void> {
    if (this.#regionsLeft === 0) {
      this.#newLeft = this.#bytesLeft;
      return;
    }
    const { control } = this.#sections;
    this.#regionsLeft -= 1;
    this.#newLeft = await control.number();
    this.#regionLeft = await control.number();
    this.#inBase += await control.signedNumber();
    this.#bytesLeft -= this.#newLeft + this.#regionLeft;
    const end = this.#inBase + this.#regionLeft;
    const isInside = this.#inBase >= 0 && end <= this.#base.size && this.#bytesLeft >= 0;
    if (!isInside || this.#regionLeft === 0)
      throw new Error("a recipe reaches outside of its files");
  }
}
