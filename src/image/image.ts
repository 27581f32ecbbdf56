/**
 * A runnable image of a release, without a container engine:
 *
 *   open ──► refuse ──► base ──► what is in it ──► layers ──► documents ──► write: blobs, manifests, the tag last
 *
 * The release stands in it as `tar x` would have put it into `/srv/<app>`: root's, but for the folders that
 * the application writes.
 */
import { openAsBlob } from "node:fs";
import { TsugiError } from "../contract/errors.ts";
import { ARTEFACT_TYPE } from "../oci/artefact.ts";
import { tagOf } from "../oci/reference.ts";
import { digestOf, INDEX_TYPE } from "../oci/source.ts";
import { type OpenedRelease, openHead } from "../pack/inspect.ts";
import { keptBlob } from "../pack/keptBlob.ts";
import type { BuildLog } from "../pack/log.ts";
import { accountIn } from "./account.ts";
import { type Base, openBase } from "./base.ts";
import { type BaseFacts, readBase } from "./baseFacts.ts";
import { describeImage, describeIndex, type ImageDocuments } from "./document.ts";
import { accountLayer, type ImageLayer, releaseLayers } from "./layers.ts";
import type { ImageTarget } from "./target.ts";

export interface ImageRequest {
  /** Tarballs of one version, each for another platform. */
  sources: readonly string[];
  base: string;
  target: ImageTarget;
  /** Without: the version. */
  tag?: string | undefined;
  log: BuildLog;
}

export interface ImageMade {
  name: string;
  version: string;
  /** `oci://registry.example/team/wall-image`, or a folder's or a file's path */
  where: string;
  tag: string;
  digest: string;
  base: string;
  platforms: {
    /** `linux/amd64` */
    platform: string;
    digest: string;
    baseDigest: string;
    /** Whom it runs as: `10001:10001` */
    user: string;
    /** Compressed, the base among them. */
    bytes: number;
    layers: { title: string; digest: string; bytes: number }[];
    /** Without one it can't be upgraded inside, nor looked into by `exec`. */
    hasShell: boolean;
  }[];
  moved: { blobs: number; bytes: number };
}

interface Image extends ImageDocuments {
  base: Base;
  layers: ImageLayer[];
  user: string;
  hasShell: boolean;
}

/** @throws TSUGI_IMAGE_SOURCES, TSUGI_IMAGE_BASE, TSUGI_IMAGE_TAG_TAKEN, TSUGI_RELEASE_UNREADABLE */
export async function makeImage(request: ImageRequest): Promise<ImageMade> {
  const { sources, target, log, base } = request;
  const opened: OpenedRelease[] = [];
  for (const source of sources) opened.push(await openHead(source));
  refuseUnlike(opened);
  const { name, version } = opened[0]!.manifest;
  const tag = request.tag ?? tagOf(version);
  await refuseTaken(target, tag);
  const images: Image[] = [];
  for (const [at, source] of sources.entries()) {
    images.push(await imageOf(source, opened[at]!, base, log));
  }
  log.step(`Writing to ${target.where}`);
  const moved = { blobs: 0, bytes: 0 };
  for (const image of images) await bring(image, target, moved);
  const digest = await tagIn(target, tag, images);
  return {
    name,
    version,
    where: target.where,
    tag,
    digest,
    base,
    platforms: images.map(made),
    moved,
  };
}

function refuseUnlike(opened: readonly OpenedRelease[]): void {
  const refuse = (problem: string) => {
    throw new TsugiError("TSUGI_IMAGE_SOURCES", { problem });
  };
  const named = ({ manifest }: OpenedRelease) => `${manifest.name} ${manifest.version}`;
  const platforms = opened.map(({ manifest }) => manifest.runtime.platform);
  const [other] = new Set(opened.map(named).filter((name) => name !== named(opened[0]!)));
  if (other !== undefined) refuse(`${named(opened[0]!)} and ${other} are not one image`);
  const foreign = platforms.find((platform) => !platform.startsWith("linux-"));
  if (foreign !== undefined) refuse(`it was built for ${foreign}, and a container is Linux`);
  const twice = platforms.find((platform, at) => platforms.indexOf(platform) !== at);
  if (twice !== undefined) refuse(`two of them are for ${twice}`);
}

/** A repository of releases has their versions as its tags. */
async function refuseTaken(target: ImageTarget, tag: string): Promise<void> {
  const there = await target.manifest(tag);
  if (there === undefined || !there.bytes.includes(ARTEFACT_TYPE)) return;
  const { where } = target;
  const found = "a release for hosts";
  const instead = `tsugi image --push ${where}-image:${tag}`;
  throw new TsugiError("TSUGI_IMAGE_TAG_TAKEN", {
    where,
    tag,
    found,
    offered: "an image",
    instead,
  });
}

async function imageOf(
  source: string,
  opened: OpenedRelease,
  baseName: string,
  log: BuildLog,
): Promise<Image> {
  const { manifest } = opened;
  const root = `srv/${manifest.name}`;
  log.step(`Looking into ${baseName} for ${manifest.runtime.platform}`);
  const base = await openBase(baseName, manifest.runtime.platform);
  const facts = await readBase(base);
  refuseUnfit(base, facts, opened);
  const account = accountIn(facts, manifest.name, `/${root}`);
  const layers = [
    ...(await releaseLayers(source, opened, root, log)),
    await accountLayer(account, root),
  ];
  const { hasShell } = facts;
  const documents = describeImage({ opened, base, layers, account, root: `/${root}`, hasShell });
  return { ...documents, base, layers, hasShell, user: `${account.uid}:${account.gid}` };
}

/** What would only be seen when it does not start. */
function refuseUnfit(base: Base, { libraries, hasShell }: BaseFacts, { manifest }: OpenedRelease) {
  const unfit = (problem: string) =>
    new TsugiError("TSUGI_IMAGE_BASE", { base: base.name, problem });
  const { platform } = manifest.runtime;
  const loader = platform.endsWith("-musl") ? "ld-musl" : "ld-linux";
  const libc = platform.endsWith("-musl") ? "musl" : "glibc";
  if (![...libraries].some((name) => name.startsWith(loader))) {
    throw unfit(`it has no ${libc}, for which this release was built (${platform})`);
  }
  if (manifest.kind === "beam" && !hasShell) {
    throw unfit("it has no /bin/sh, which an Elixir or Erlang release starts with");
  }
  if (manifest.kind === "node" && !libraries.has("libstdc++.so.6")) {
    throw unfit("it has no libstdc++.so.6, which Node needs");
  }
}

/** What is there is not sent, nor brought to be sent. */
async function bring(
  { base, layers, config }: Image,
  target: ImageTarget,
  moved: ImageMade["moved"],
): Promise<void> {
  const lacks = async (digest: string, body: () => Promise<Blob>) => {
    if (await target.has(digest)) return;
    const blob = await body();
    await target.put(digest, blob);
    moved.blobs += 1;
    moved.bytes += blob.size;
  };
  for (const layer of base.layers) {
    await lacks(layer.digest, async () => openAsBlob((await keptBlob(base.source, layer)).path));
  }
  for (const { digest, file } of layers) await lacks(digest, () => openAsBlob(file));
  await lacks(digestOf(config), async () => new Blob([config]));
}

async function tagIn(target: ImageTarget, tag: string, images: readonly Image[]): Promise<string> {
  const [only, second] = images;
  if (second === undefined) return target.putManifest(tag, only!.manifest);
  for (const { manifest } of images) await target.putManifest(digestOf(manifest), manifest);
  return target.putManifest(tag, describeIndex(images), INDEX_TYPE);
}

const made = ({ platform, manifest, base, layers, user, hasShell }: Image) => ({
  platform: `${platform.os}/${platform.architecture}`,
  digest: digestOf(manifest),
  baseDigest: base.digest,
  user,
  bytes: [...base.layers, ...layers].reduce((sum, { size }) => sum + size, 0),
  layers: layers.map(({ title, digest, size }) => ({ title, digest, bytes: size })),
  hasShell,
});
