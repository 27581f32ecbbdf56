/**
 * An OCI image layout, as a store in a folder has it and as other tools make it:
 *
 *   oci-layout                {"imageLayoutVersion": "1.0.0"}
 *   index.json                manifests by their digests, each with a tag
 *   blobs/sha256/<digest>     manifests, configurations, layers
 *
 * Several applications may lie in one. A tag says nothing that counts: a release is found by the name
 * and the version that its manifest says, whoever has put it there and under whatever tag.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../contract/checks.ts";
import type { TsugiError } from "../contract/errors.ts";
import { isDescriptor, parseOciRelease } from "./artefact.ts";
import { LATEST, tagOf } from "./reference.ts";
import { type Content, type Descriptor, digestOf, type ReleaseSource } from "./source.ts";
import { type FoundRelease, storeDamaged } from "./take.ts";

export const LAYOUT = {
  marker: "oci-layout",
  index: "index.json",
  blobs: "blobs/sha256",
  blob: (digest: string) => `blobs/sha256/${digest.slice("sha256:".length)}`,
} as const;

const TAG = "org.opencontainers.image.ref.name";

export interface LayoutIndex {
  /** What is not ours stays. */
  [key: string]: unknown;
  manifests: Descriptor[];
}

export const tagIn = ({ annotations }: Descriptor): string | undefined => annotations?.[TAG];

export const tagged = (descriptor: Descriptor, tag: string): Descriptor => ({
  ...descriptor,
  annotations: { ...descriptor.annotations, [TAG]: tag },
});

/** What other tools find it by. */
export const layoutTag = (name: string, version: string): string => `${name}-${tagOf(version)}`;

/** What a layout asks of the place where it lies. */
export interface LayoutFiles {
  readonly where: string;
  /** Their bytes, in that order; undefined for what is not there. */
  read(paths: readonly string[]): AsyncIterable<{ path: string; bytes: Uint8Array | undefined }>;
}

export const filesBelow = (where: string): LayoutFiles => ({
  where,
  async *read(paths) {
    for (const path of paths) {
      const bytes = await readFile(join(where, path)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
        throw error;
      });
      yield { path, bytes };
    }
  },
});

export class ImageLayout<F extends LayoutFiles = LayoutFiles> implements ReleaseSource {
  readonly files: F;

  constructor(files: F) {
    this.files = files;
  }

  get where(): string {
    return this.files.where;
  }

  /** Undefined: there is no layout. @throws TSUGI_STORE_DAMAGED */
  async index(): Promise<LayoutIndex | undefined> {
    const [bytes] = await this.#read([LAYOUT.index]);
    if (bytes === undefined) return undefined;
    const json = parsed(bytes);
    const { manifests } = isRecord(json) ? json : {};
    if (Array.isArray(manifests) && manifests.every(isDescriptor)) return json as LayoutIndex;
    throw storeDamaged(this.fileOf(LAYOUT.index), "it is no list of manifests");
  }

  /** The releases that an index names, each once; what is no release of tsugi is somebody else's. */
  async releases(index: LayoutIndex | undefined): Promise<FoundRelease[]> {
    const digests = [...new Set(index?.manifests.map(({ digest }) => digest))];
    const read = await this.#read(digests.map(LAYOUT.blob));
    return digests.flatMap((digest, at) => {
      // Gone: somebody prunes.
      const bytes = read[at];
      if (bytes === undefined) return [];
      if (digestOf(bytes) !== digest) throw this.#differs(digest);
      const release = parseOciRelease(Buffer.from(bytes).toString("utf8"));
      return typeof release === "string" ? [] : [{ ...release, digest, size: bytes.length }];
    });
  }

  /** `version`: of a release, `latest` (the one that was pushed last), or any tag. */
  async find(name: string, version: string): Promise<FoundRelease | undefined> {
    const index = await this.index();
    const releases = (await this.releases(index)).filter((release) => release.name === name);
    if (version === LATEST) return releases.sort(newestFirst)[0];
    const tags = [layoutTag(name, version), version];
    const named = index?.manifests.filter((entry) => tags.includes(tagIn(entry) ?? "")) ?? [];
    const isTagged = ({ digest }: FoundRelease) => named.some((entry) => entry.digest === digest);
    const exact = releases.filter((release) => release.version === version);
    return exact.find(isTagged) ?? exact[0] ?? releases.find(isTagged);
  }

  async read(
    { digest }: Content,
    begin: () => Promise<(chunk: Uint8Array) => Promise<void>>,
  ): Promise<void> {
    const bytes = await this.bytesOf(digest);
    await (await begin())(bytes);
  }

  /** @throws TSUGI_STORE_DAMAGED */
  async bytesOf(digest: string): Promise<Uint8Array> {
    const [bytes] = await this.#read([LAYOUT.blob(digest)]);
    if (bytes === undefined)
      throw storeDamaged(this.fileOf(LAYOUT.blob(digest)), "it is not there");
    if (digestOf(bytes) !== digest) throw this.#differs(digest);
    return bytes;
  }

  /** For a message: the file that a person would look at. */
  fileOf(path: string): string {
    return `${this.where}/${path}`;
  }

  async #read(paths: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const found: (Uint8Array | undefined)[] = [];
    for await (const { bytes } of this.files.read(paths)) found.push(bytes);
    return found;
  }

  #differs(digest: string): TsugiError {
    return storeDamaged(this.fileOf(LAYOUT.blob(digest)), "its SHA-256 differs from its name");
  }
}

export const newestFirst = (a: FoundRelease, b: FoundRelease): number =>
  a.pushedAt < b.pushedAt ? 1 : a.pushedAt > b.pushedAt ? -1 : 0;

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
