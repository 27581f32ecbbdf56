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
import { recordIn } from "../contract/checks.ts";
import type { TsugiError } from "../contract/errors.ts";
import { isDescriptor, parseOciRelease } from "./artefact.ts";
import { isOfAnother, LATEST, tagOf } from "./reference.ts";
import {
  type Content,
  type Descriptor,
  digestOf,
  type ReleaseSource,
  storeDamaged,
} from "./source.ts";
import { type FoundRelease, notInStore } from "./take.ts";

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
  read(paths: readonly string[]): Promise<(Buffer | undefined)[]>;
}

export const filesBelow = (where: string): LayoutFiles => ({
  where,
  async read(paths) {
    const found: (Buffer | undefined)[] = [];
    for (const path of paths) {
      found.push(await readFile(join(where, path)).catch(ifGone(undefined)));
    }
    return found;
  },
});

export const ifGone =
  <T>(value: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return value;
    throw error;
  };

export class ImageLayout implements ReleaseSource {
  readonly where: string;
  readonly #files: LayoutFiles;

  constructor(files: LayoutFiles) {
    this.where = files.where;
    this.#files = files;
  }

  /** Undefined: there is no layout. @throws TSUGI_STORE_DAMAGED */
  async index(): Promise<LayoutIndex | undefined> {
    const [bytes] = await this.#files.read([LAYOUT.index]);
    if (bytes === undefined) return undefined;
    const json = recordIn(bytes.toString("utf8"));
    const { manifests } = json ?? {};
    if (Array.isArray(manifests) && manifests.every(isDescriptor)) return json as LayoutIndex;
    throw this.#damaged(LAYOUT.index, "it is no list of manifests");
  }

  /** The releases that an index names, each once; what is no release of tsugi is somebody else's. */
  async releases(index: LayoutIndex | undefined): Promise<FoundRelease[]> {
    const read = await this.blobs(index?.manifests.map(({ digest }) => digest) ?? []);
    return [...read].flatMap(([digest, bytes]) => {
      const release = parseOciRelease(bytes.toString("utf8"));
      return typeof release === "string" ? [] : [{ ...release, digest, size: bytes.length }];
    });
  }

  /** `version`: of a release, `latest` (the one that was pushed last), or any tag. @throws TSUGI_NOT_IN_STORE */
  async find(name: string, version: string): Promise<FoundRelease | undefined> {
    const index = await this.index();
    const releases = (await this.releases(index)).filter((release) => release.name === name);
    if (version === LATEST) return releases.sort(newestFirst)[0];
    const tags = [layoutTag(name, version), version];
    const named = index?.manifests.filter((entry) => tags.includes(tagIn(entry) ?? "")) ?? [];
    const isTagged = ({ digest }: FoundRelease) => named.some((entry) => entry.digest === digest);
    const exact = releases.filter((release) => release.version === version);
    const found = exact.find(isTagged) ?? exact[0] ?? releases.find(isTagged);
    if (found === undefined || !isOfAnother(version, found.version)) return found;
    throw notInStore(this, { name, version }, found);
  }

  async read(
    { digest }: Content,
    begin: () => Promise<(chunk: Uint8Array) => Promise<void>>,
  ): Promise<void> {
    const bytes = await this.bytesOf(digest);
    await (await begin())(bytes);
  }

  /** @throws TSUGI_STORE_DAMAGED */
  async bytesOf(digest: string): Promise<Buffer> {
    const bytes = (await this.blobs([digest])).get(digest);
    if (bytes === undefined) throw this.#damaged(LAYOUT.blob(digest), "it is not there");
    return bytes;
  }

  /** Those that are there, each once: others may be gone, as somebody prunes. @throws TSUGI_STORE_DAMAGED */
  async blobs(digests: readonly string[]): Promise<Map<string, Buffer>> {
    const asked = [...new Set(digests)];
    const read = await this.#files.read(asked.map(LAYOUT.blob));
    const found = new Map<string, Buffer>();
    for (const [at, digest] of asked.entries()) {
      const bytes = read[at];
      if (bytes === undefined) continue;
      if (digestOf(bytes) !== digest) {
        throw this.#damaged(LAYOUT.blob(digest), "its SHA-256 differs from its name");
      }
      found.set(digest, bytes);
    }
    return found;
  }

  /** Names the file that a person would look at. */
  #damaged(path: string, problem: string): TsugiError {
    return storeDamaged(`${this.where}/${path}`, problem);
  }
}

export const newestFirst = (a: FoundRelease, b: FoundRelease): number =>
  a.pushedAt < b.pushedAt ? 1 : a.pushedAt > b.pushedAt ? -1 : 0;
