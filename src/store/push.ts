/** push: look → parts that are not there → the release itself, which is there from that instant on. */

import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { describeRelease } from "../oci/artefact.ts";
import { digestOf } from "../oci/source.ts";
import type { FoundRelease } from "../oci/take.ts";
import { isoNow } from "../platform/clock.ts";
import { sha256 } from "../release/manifest.ts";
import { replacedSigner, signerOf } from "../release/signature.ts";
import { type Attachment, attach } from "./attach.ts";
import { inFolder } from "./inFolder.ts";
import { type Parcel, parcelOf } from "./parcel.ts";
import {
  isAsGood,
  type Offer,
  orNone,
  type Part,
  partOf,
  type Repository,
  refuseOther,
} from "./repository.ts";

export interface PushRequest {
  /** A tarball, or a tree that has the release. */
  source: string;
  onStep?: (text: string) => void;
  /** What is said of it beside it. */
  attach?: readonly Attachment[];
}

export interface Pushed {
  name: string;
  version: string;
  releaseId: string;
  /** The store had this very release. */
  already: boolean;
  blobs: number;
  attached: readonly Attachment[];
  /** Whose signature another one has taken the place of. */
  replacedSigner?: string;
  /** What was not there yet, as it went over the wire. */
  moved: { blobs: number; bytes: number };
}

/** Again where a prune was quicker: once in a blue moon, so that more than this is something else. */
const MOST_LOOKS = 5;

/** @throws TSUGI_STORE_CONFLICT, TSUGI_IMAGE_TAG_TAKEN, TSUGI_RELEASE_DIFFERS, TSUGI_RELEASE_UNREADABLE */
export function push(
  repository: Repository,
  { source, onStep, attach: attached = [] }: PushRequest,
): Promise<Pushed> {
  return inFolder(async (folder) => {
    onStep?.(`Reading ${source}`);
    let present: FoundRelease | undefined;
    const parcel = await parcelOf(source, folder, async (opened) => {
      const { name, version } = opened.manifest;
      const repaired = await repository.ready(version);
      if (repaired !== undefined) onStep?.(repaired);
      present = await repository.find({ name, version }).catch(orNone);
      if (present !== undefined) refuseOther(repository, present, opened);
    });
    const { opened } = parcel;
    const offer = offerOf(parcel, present?.pushedAt ?? isoNow());
    const { name, version, releaseId } = offer.release;
    onStep?.(`Pushing ${name} ${version} to ${repository.where}`);
    const there = present !== undefined && isAsGood(present, offer.release) ? present : undefined;
    const manifest = { digest: digestOf(offer.document) };
    const forget = await repository.countOn([...offer.parts, manifest]);
    const { already, moved } = await bring(repository, offer, there).finally(forget);
    if (attached.length > 0) {
      const found = (await repository.find({ name, version }))!;
      const said = { ...parcel, found, manifest: opened.manifest };
      for (const kind of attached) await attach(repository, kind, said);
    }
    const replaced = already
      ? undefined
      : replacedSigner(signerOf(present?.signature ?? ""), signerOf(opened.signature ?? ""));
    const facts = {
      name,
      version,
      releaseId,
      already,
      attached,
      ...defined({ replacedSigner: replaced }),
    };
    return { ...facts, blobs: offer.parts.length, moved };
  });
}

/** What was built is the same whenever it is pushed; what is said of it has a time. */
function offerOf({ opened, layers, tarball, about }: Parcel, pushedAt: string): Offer {
  const { manifest, signature, releaseId } = opened;
  const { name, version, kind, runtime, files } = manifest;
  const release = {
    ...{ name, version, releaseId, kind, pushedAt, platform: runtime.platform },
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    tarball: { bytes: tarball.length, sha256: sha256(tarball) },
    ...defined({ signature }),
  };
  const { config, manifest: document } = describeRelease(release, layers, about);
  const parts: Part[] = [];
  let start = 0;
  for (const { digest, size } of layers) {
    parts.push({ digest, size, bytes: tarball.subarray(start, start + size) });
    start += size;
  }
  return { release, document, parts: [...parts, partOf(config)] };
}

/** `there`: also then a part of it may have been lost. */
async function bring(repository: Repository, offer: Offer, there: FoundRelease | undefined) {
  const moved = { blobs: 0, bytes: 0 };
  for (let look = 1; look <= MOST_LOOKS; look += 1) {
    const lacking = await repository.lacking(offer.parts);
    const sent = await repository.put(lacking);
    moved.blobs += sent.length;
    moved.bytes += sent.reduce((sum, { size }) => sum + size, 0);
    if (there !== undefined) {
      await repository.complete(there);
      return { already: true, moved };
    }
    const outcome = await repository.publish(offer);
    if (outcome !== "lacking") return { already: outcome === "there", moved };
  }
  const problem = "what was written was gone a moment later";
  throw new TsugiError("TSUGI_STORE_FAILED", { store: repository.where, problem });
}
