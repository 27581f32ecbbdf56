/** Makes a delta (delta.ts): on a machine that has the new release, and knows what the host has. */
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { type BrotliCompress, constants, createBrotliCompress } from "node:zlib";
import { defined } from "../contract/checks.ts";
import {
  DELTA_FORMAT,
  DELTA_MAGIC,
  type DeltaHeader,
  IN_FOLDER,
  type Inventory,
  lastingName,
  presentFolders,
  pushNumber,
  RECIPE,
  SAME_BYTES,
  SECTIONS,
  type Section,
  zigzag,
} from "./delta.ts";
import { findRegions, type Region } from "./deltaMatch.ts";
import { type Manifest, type ManifestFile, releaseIdOf } from "./manifest.ts";
import { unitOf } from "./units.ts";

/** A release that can be read: the new one, and older ones that the host has too. */
export interface ReleaseContent {
  manifest: Manifest;
  manifestBytes: string;
  signature?: string;
  /** Undefined where only the manifest is known: its files are found, but not compared. */
  read(file: ManifestFile): Promise<Uint8Array | undefined>;
}

export interface Delta {
  header: DeltaHeader;
  /** Of the whole delta. */
  bytes: number;
  chunks: Uint8Array[];
}

/** Below it a file is sent as it is. */
const WORTH_COMPARING_BYTES = 64;

/**
 * @param bases  whatever older releases are at hand; those that the host does not have are not used
 */
export async function makeDelta(
  inventory: Inventory,
  release: ReleaseContent,
  bases: readonly ReleaseContent[],
): Promise<Delta> {
  const onHost = new Set(inventory.releases.map(({ releaseId }) => releaseId));
  const usable = bases.filter(({ manifestBytes }) => onHost.has(releaseIdOf(manifestBytes)));
  return new DeltaWriter(inventory, release, usable).write();
}

class DeltaWriter {
  readonly #release: ReleaseContent;
  readonly #bases: readonly ReleaseContent[];
  readonly #present: Set<string>;
  readonly #known = new Set<string>();
  /** By lasting name: where the newest predecessor is. */
  readonly #predecessors = new Map<string, { base: number; file: number }>();
  readonly #sections: Record<Section, Compressor>;

  constructor(inventory: Inventory, release: ReleaseContent, bases: readonly ReleaseContent[]) {
    this.#release = release;
    this.#bases = bases;
    this.#present = presentFolders(inventory, release.manifest);
    for (const [base, { manifest }] of bases.entries()) {
      for (const [file, { path, link, sha256 }] of manifest.files.entries()) {
        if (link !== undefined) continue;
        this.#known.add(sha256);
        const name = lastingName(path);
        if (!this.#predecessors.has(name)) this.#predecessors.set(name, { base, file });
      }
    }
    const changedBytes = this.#files()
      .filter((file) => this.#kindOf(file) === RECIPE)
      .reduce((sum, { size }) => sum + size, 0);
    const compressor = () => new Compressor(changedBytes);
    this.#sections = {
      control: compressor(),
      differences: compressor(),
      literals: compressor(),
    };
  }

  async write(): Promise<Delta> {
    const { manifestBytes } = this.#release;
    const text = Buffer.from(manifestBytes);
    const base = this.#bases[0];
    await this.#control([text.length]);
    await this.#recipe(text, base && { base: 0, file: 0, bytes: Buffer.from(base.manifestBytes) });
    for (const file of this.#files()) {
      const kind = this.#kindOf(file);
      await this.#control([kind]);
      if (kind === RECIPE) await this.#file(file);
    }
    return this.#finish();
  }

  #files(): ManifestFile[] {
    return this.#release.manifest.files.filter(({ link }) => link === undefined);
  }

  #kindOf({ path, sha256 }: ManifestFile): number {
    if (this.#present.has(unitOf(path) ?? "")) return IN_FOLDER;
    return this.#known.has(sha256) ? SAME_BYTES : RECIPE;
  }

  async #file(file: ManifestFile): Promise<void> {
    const bytes = await this.#release.read(file);
    if (bytes?.length !== file.size) throw new Error(`${file.path} is not as its manifest says`);
    const place = this.#predecessors.get(lastingName(file.path));
    const isWorth = place !== undefined && file.size >= WORTH_COMPARING_BYTES;
    const base = isWorth ? this.#bases[place.base]! : undefined;
    const old = base && (await base.read(base.manifest.files[place!.file]!));
    await this.#recipe(bytes, old && { base: place!.base, file: place!.file + 1, bytes: old });
  }

  async #recipe(
    target: Uint8Array,
    from: { base: number; file: number; bytes: Uint8Array } | undefined,
  ): Promise<void> {
    const regions = from === undefined ? [] : findRegions(from.bytes, target);
    await this.#control([regions.length]);
    if (regions.length === 0) return this.#sections.literals.write(target);
    await this.#control([from!.base, from!.file]);
    let [at, inBase] = [0, 0];
    for (const region of regions) {
      const { start, length, base } = region;
      await this.#control([start - at, length, zigzag(base - inBase)]);
      await this.#sections.literals.write(target.subarray(at, start));
      await this.#sections.differences.write(differences(from!.bytes, target, region));
      [at, inBase] = [start + length, base + length];
    }
    await this.#sections.literals.write(target.subarray(at));
  }

  #control(numbers: number[]): Promise<void> {
    const out: number[] = [];
    for (const number of numbers) pushNumber(out, number);
    return this.#sections.control.write(Uint8Array.from(out));
  }

  async #finish(): Promise<Delta> {
    const { manifest, manifestBytes, signature } = this.#release;
    const sections = await Promise.all(SECTIONS.map((name) => this.#sections[name].end()));
    const sizes = sections.map((chunks) => chunks.reduce((sum, { length }) => sum + length, 0));
    const header: DeltaHeader = {
      format: DELTA_FORMAT,
      name: manifest.name,
      version: manifest.version,
      releaseId: releaseIdOf(manifestBytes),
      ...defined({ signature }),
      bases: this.#bases.map((base) => ({
        version: base.manifest.version,
        releaseId: releaseIdOf(base.manifestBytes),
      })),
      sections: { control: sizes[0]!, differences: sizes[1]!, literals: sizes[2]! },
    };
    const head = Buffer.from(`${DELTA_MAGIC}${JSON.stringify(header)}\n`);
    const chunks = [head, ...sections.flat()];
    return { header, chunks, bytes: chunks.reduce((sum, { length }) => sum + length, 0) };
  }
}

function differences(base: Uint8Array, target: Uint8Array, region: Region): Uint8Array {
  const { start, length, base: inBase } = region;
  const out = new Uint8Array(length);
  for (let n = 0; n < length; n += 1) out[n] = target[start + n]! - base[inBase + n]!;
  return out;
}

/** Small writes are gathered: a Node binary has a million of them. */
const GATHERED_BYTES = 1 << 18;

class Compressor {
  readonly #stream: BrotliCompress;
  readonly #out: Uint8Array[] = [];
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** `changedBytes`: the more there is, the less time a byte is worth. */
  constructor(changedBytes: number) {
    const quality = changedBytes < 1 << 20 ? 11 : changedBytes < 1 << 24 ? 9 : 5;
    this.#stream = createBrotliCompress({
      params: {
        [constants.BROTLI_PARAM_QUALITY]: quality,
        [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      },
    });
    this.#stream.on("data", (chunk: Uint8Array) => this.#out.push(chunk));
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes >= GATHERED_BYTES) await this.#flush();
  }

  async end(): Promise<Uint8Array[]> {
    await this.#flush();
    this.#stream.end();
    await finished(this.#stream);
    return this.#out;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.concat(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!this.#stream.write(bytes)) await once(this.#stream, "drain");
  }
}
