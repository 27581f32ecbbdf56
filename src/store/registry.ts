/**
 * A repository in a registry: one application, a tag for each version, and `latest`.
 *
 * A registry cannot create a tag only where there is none: of two that name one version at the same
 * moment, the one that was overtaken sees it and fails.
 */

import { recordIn } from "../contract/checks.ts";
import { hasCode, TsugiError } from "../contract/errors.ts";
import { FOREIGN, isDescriptor, parseOciRelease, type StoredFacts } from "../oci/artefact.ts";
import { OciClient } from "../oci/client.ts";
import { LATEST, parseOciReference, tagOf } from "../oci/reference.ts";
import { type Content, type Descriptor, INDEX_TYPE } from "../oci/source.ts";
import { type FoundRelease, lookUp, notInStore, releaseAt } from "../oci/take.ts";
import { someAtOnce } from "../platform/turns.ts";
import { Mounts } from "./mounts.ts";
import {
  isAsGood,
  type ListedRelease,
  type Offer,
  orNone,
  type Part,
  type ReleaseName,
  type Repository,
  refuseOther,
} from "./repository.ts";

/** Questions that are asked at once. */
const AT_ONCE = 8;

export class RegistryRepository implements Repository {
  readonly isHere = false;
  readonly #client: OciClient;
  readonly #host: string;
  readonly #name: string;

  /** @throws TSUGI_OCI_REFERENCE */
  constructor(location: string) {
    const { host, repository, reference } = parseOciReference(location);
    if (reference !== undefined) throw new TsugiError("TSUGI_OCI_REFERENCE", { text: location });
    this.#client = new OciClient({ host, repository });
    [this.#host, this.#name] = [host, repository];
  }

  get where(): string {
    return this.#client.where;
  }

  /** One that nobody has pushed to yet answers as well. */
  async isThere(): Promise<boolean> {
    return true;
  }

  /** Each once, however many tags name it. */
  async releases(): Promise<ListedRelease[]> {
    const tags = (await this.#client.tags()).filter((tag) => tag !== LATEST && !isListTag(tag));
    const found = await someAtOnce(AT_ONCE, tags, (tag) => this.#releaseAt(tag));
    const listed = new Map<string, ListedRelease>();
    for (const [at, release] of found.entries()) {
      if (release === undefined) continue;
      const { digest, version } = release;
      const isTagged = tags[at] !== tagOf(version) || listed.get(digest)?.isTagged === true;
      listed.set(digest, { ...release, isTagged });
    }
    return [...listed.values()];
  }

  find({ name, version }: ReleaseName): Promise<FoundRelease | undefined> {
    const isVersion = name !== undefined && version !== LATEST;
    return isVersion ? this.#ofVersion(version) : this.#lookUp(version);
  }

  async #lookUp(tag: string): Promise<FoundRelease | undefined> {
    const found = await lookUp(this.#client, tag);
    if (found !== FOREIGN) return found;
    const place = `${this.where}:${tag}`;
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem: found });
  }

  /** A version's tag has to be that version: a tag is only a name that somebody has given. */
  async #ofVersion(version: string): Promise<FoundRelease | undefined> {
    const found = await this.#lookUp(tagOf(version));
    if (found === undefined || found.version === version) return found;
    throw notInStore(this, { version }, found);
  }

  /** An image of the same name is what a repository is mostly for. */
  async ready(version: string): Promise<undefined> {
    const { where } = this;
    for (const tag of [tagOf(version), LATEST]) {
      const there = await this.#client.manifest(tag);
      if (there === undefined || parseOciRelease(there.bytes) !== FOREIGN) continue;
      const [found, offered] = ["an image, and no release of tsugi", "a release for hosts"];
      const instead = `tsugi push --store ${where}-releases`;
      throw new TsugiError("TSUGI_IMAGE_TAG_TAKEN", { where, tag, found, offered, instead });
    }
  }

  /** A registry's own collection of garbage knows of uploads, or is run when nobody pushes. */
  async countOn() {
    return async () => {};
  }

  async lacking(parts: readonly Part[]): Promise<Part[]> {
    const there = await someAtOnce(AT_ONCE, parts, ({ digest }) => this.#client.has(digest));
    return parts.filter((_, at) => !there[at]);
  }

  async put(parts: readonly Part[]): Promise<Part[]> {
    const mounts = new Mounts(this.#host);
    const sent: Part[] = [];
    for (const part of parts) {
      const { digest, bytes } = part;
      const body = new Blob([bytes as Uint8Array<ArrayBuffer>]);
      const from = mounts.of(digest, this.#name);
      if (!(await this.#client.put(digest, body, from))) sent.push(part);
    }
    await mounts.keep(
      parts.map(({ digest }) => digest),
      this.#name,
    );
    return sent;
  }

  async publish({ release, document }: Offer): Promise<"published" | "there"> {
    // Its layers took a while: somebody may have been first.
    const first = await this.#present(release);
    if (first !== undefined && isAsGood(first, release)) {
      await this.complete(first);
      return "there";
    }
    await this.#client.putManifest(tagOf(release.version), document);
    await this.#present(release);
    await this.#client.putManifest(LATEST, document);
    return "published";
  }

  /** @throws TSUGI_STORE_CONFLICT where that version is another release */
  async #present(release: StoredFacts): Promise<FoundRelease | undefined> {
    const there = await this.#ofVersion(release.version).catch(orNone);
    if (there !== undefined) refuseOther(this, there, release);
    return there;
  }

  /** `latest` is named after the version. */
  async complete({ digest, pushedAt }: FoundRelease): Promise<void> {
    const latest = await this.#lookUp(LATEST);
    if (latest !== undefined && latest.pushedAt >= pushedAt) return;
    const own = await this.#client.manifest(digest);
    if (own !== undefined) await this.#client.putManifest(LATEST, own.bytes);
  }

  /** Where the registry does not know of referrers, a tag of the subject's digest lists them. */
  async refer(entry: Descriptor, manifest: Part, subject: string): Promise<void> {
    const document = Buffer.from(manifest.bytes).toString("utf8");
    if (await this.#client.putReferrer(document)) return;
    const manifests = (await this.#listedAt(subject)).filter(
      ({ digest }) => digest !== entry.digest,
    );
    const index = { schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [...manifests, entry] };
    await this.#client.putManifest(listTag(subject), JSON.stringify(index), INDEX_TYPE);
  }

  read(content: Content, begin: Parameters<OciClient["read"]>[1]): Promise<void> {
    return this.#client.read(content, begin);
  }

  /** What they alone were made of goes when the registry collects its garbage. */
  async remove(releases: readonly FoundRelease[]): Promise<null> {
    for (const { digest } of releases) {
      const said = parsedIndex(await this.#client.referrers(digest));
      const listed = await this.#listedAt(digest);
      const list = listed.length > 0 ? await this.#client.manifest(listTag(digest)) : undefined;
      const others = [...said, ...listed].map((entry) => entry.digest);
      for (const gone of [digest, ...others, ...(list === undefined ? [] : [list.digest])]) {
        if (await this.#client.deleteManifest(gone)) continue;
        const problem = "it does not let anybody remove a release";
        throw new TsugiError("TSUGI_STORE_FAILED", { store: this.where, problem });
      }
    }
    return null;
  }

  async #listedAt(subject: string): Promise<Descriptor[]> {
    return parsedIndex((await this.#client.manifest(listTag(subject)))?.bytes);
  }

  async close(): Promise<void> {}

  /** Something else under a tag of its own is nobody's business. */
  async #releaseAt(tag: string): Promise<FoundRelease | undefined> {
    const found = await releaseAt(this.#client, tag).catch((error) => {
      if (hasCode(error, "TSUGI_STORE_DAMAGED")) return undefined;
      throw error;
    });
    return found === FOREIGN ? undefined : found;
  }
}

/** The referrers tag schema of the specification. */
const listTag = (digest: string): string => digest.replace(":", "-");
const isListTag = (tag: string): boolean => /^sha256-[0-9a-f]{64}$/.test(tag);

function parsedIndex(text: string | undefined): Descriptor[] {
  const { manifests } = recordIn(text) ?? {};
  return Array.isArray(manifests) ? manifests.filter(isDescriptor) : [];
}
