/** What a store asks of the place that keeps its releases: a registry's repository, or an image layout. */
import { hasCode, TsugiError } from "../contract/errors.ts";
import type { StoredFacts } from "../oci/artefact.ts";
import { type Content, type Descriptor, digestOf, type ReleaseSource } from "../oci/source.ts";
import type { FoundRelease } from "../oci/take.ts";

export interface ReleaseName {
  /** Undefined: `version` is a tag or a digest in a registry's repository. */
  name?: string | undefined;
  /** `latest`: the one that was pushed last. */
  version: string;
}

export interface ListedRelease extends FoundRelease {
  /** Somebody has given it a name beside its version. */
  isTagged: boolean;
}

/** A layer or a configuration, on its way in. */
export interface Part extends Content {
  bytes: Uint8Array;
}

export function partOf(text: string): Part {
  const bytes = Buffer.from(text);
  return { digest: digestOf(bytes), size: bytes.length, bytes };
}

export interface Offer {
  release: StoredFacts;
  /** The image's manifest. */
  document: string;
  /** What it names. */
  parts: Part[];
}

export interface Repository extends ReleaseSource {
  /** Reading it moves nothing over a network that we know of. */
  readonly isHere: boolean;
  /** Whatever is in it. */
  isThere(): Promise<boolean>;
  releases(): Promise<ListedRelease[]>;
  find(wanted: ReleaseName): Promise<FoundRelease | undefined>;
  /**
   * Before a push, which takes the place of nothing that is no release.
   * @returns what had to be repaired for it, in words; @throws TSUGI_IMAGE_TAG_TAKEN
   */
  ready(version: string): Promise<string | undefined>;
  /** So that a prune leaves them while they come. @returns what takes that back */
  countOn(contents: readonly Pick<Part, "digest">[]): Promise<() => Promise<void>>;
  lacking(parts: readonly Part[]): Promise<Part[]>;
  /** @returns what had to be sent for it */
  put(parts: readonly Part[]): Promise<Part[]>;
  /**
   * The instant at which a release is there, under its version and as the latest. `there`: somebody else
   * was first, with the same one; `lacking`: a part has been taken away meanwhile.
   * @throws TSUGI_STORE_CONFLICT where somebody was first with another one
   */
  publish(offer: Offer): Promise<"published" | "there" | "lacking">;
  /** What a push that was cut off after its release was there has left undone. */
  complete(release: FoundRelease): Promise<void>;
  /** Puts a manifest there whose subject is a release; what it is made of is there. */
  refer(entry: Descriptor, manifest: Part, subject: string): Promise<void>;
  /** And what they alone were made of, and what refers to them. @returns the bytes that became free; null: not known */
  remove(releases: readonly FoundRelease[]): Promise<number | null>;
  close(): Promise<void>;
}

/** Signed stays signed: the same release without a signature brings nothing new. */
export const isAsGood = (present: StoredFacts, offered: StoredFacts): boolean =>
  (offered.signature ?? present.signature) === present.signature;

/** A version's tag that somebody has moved to another release: a push moves it back. */
export function orNone(error: unknown): undefined {
  if (!hasCode(error, "TSUGI_NOT_IN_STORE")) throw error;
}

/** @throws TSUGI_STORE_CONFLICT where `present` is another release */
export function refuseOther(
  store: { where: string },
  present: { name: string; version: string; releaseId: string },
  offered: { releaseId: string },
): void {
  if (present.releaseId === offered.releaseId) return;
  throw new TsugiError("TSUGI_STORE_CONFLICT", {
    store: store.where,
    name: present.name,
    version: present.version,
    found: present.releaseId.slice(0, 12),
    offered: offered.releaseId.slice(0, 12),
  });
}
