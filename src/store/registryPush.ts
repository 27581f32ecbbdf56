/**
 * push into a registry: look → layers that are not there → config → manifest by its version → `latest`.
 *
 * Cut off anywhere, no tag names what is not whole. A registry cannot create a tag only where there is
 * none: of two pushes of one version at the same time, the one that was overtaken sees it and fails.
 */
import { openAsBlob } from "node:fs";
import { TsugiError } from "../contract/errors.ts";
import { describeRelease, LAYER_TYPE, type Layer, titled } from "../oci/artefact.ts";
import { digestOf, type OciClient } from "../oci/client.ts";
import { LATEST, tagOf } from "../oci/reference.ts";
import { lookUpVersion } from "../oci/take.ts";
import { type OpenedRelease, visitRelease } from "../pack/inspect.ts";
import { membersOf } from "../pack/members.ts";
import { isoNow } from "../platform/clock.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { defined } from "../protocol/shape.ts";
import { type Pushed, type PushRequest, refuseOther } from "./push.ts";

/** @throws TSUGI_STORE_CONFLICT, TSUGI_RELEASE_DIFFERS, TSUGI_RELEASE_UNREADABLE */
export async function pushToRegistry(
  client: OciClient,
  { source, onStep }: PushRequest,
): Promise<Pushed> {
  onStep?.(`Reading ${source}`);
  const opened = await visitRelease(source, { opened: async () => true, copyTo: () => undefined });
  const { manifest, signature, releaseId } = opened;
  const { name, version } = manifest;
  const present = await lookUpVersion(client, version);
  if (present !== undefined) refuseOther(client, present, opened);
  const layers = await layersOf(source);
  const { config, manifest: document } = await describe(source, opened, layers, present?.pushedAt);
  onStep?.(`Pushing ${name} ${version} to ${client.where}`);
  const moved = await upload(client, source, layers, config);
  // What is there and signed stays signed.
  const already = present !== undefined && (signature ?? present.signature) === present.signature;
  if (!already) {
    const digest = await client.putManifest(tagOf(version), document);
    const there = await lookUpVersion(client, version);
    if (there !== undefined && there.digest !== digest) refuseOther(client, there, opened);
    await client.putManifest(LATEST, document);
  }
  return { name, version, releaseId, already, blobs: layers.length + 1, moved };
}

async function layersOf(source: string): Promise<Layer[]> {
  const members = await membersOf(source);
  if (members.length < 3) {
    const problem = "it was not packed by tsugi, so that it has no parts";
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: source, problem });
  }
  return members.map(({ start, end, sha256, unpackedSha256, first }) => ({
    mediaType: LAYER_TYPE,
    digest: `sha256:${sha256}`,
    size: end - start,
    diffId: `sha256:${unpackedSha256}`,
    ...titled(first),
  }));
}

async function describe(
  source: string,
  { manifest, signature, releaseId }: OpenedRelease,
  layers: Layer[],
  pushedAt = isoNow(),
) {
  const { name, version, kind, runtime, files } = manifest;
  const release = {
    ...{ name, version, releaseId, kind, pushedAt },
    platform: runtime.platform,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    tarball: {
      bytes: layers.reduce((sum, { size }) => sum + size, 0),
      sha256: await sha256OfFile(source),
    },
    ...defined({ signature }),
  };
  return describeRelease(release, layers);
}

async function upload(
  client: OciClient,
  source: string,
  layers: readonly Layer[],
  config: string,
): Promise<Pushed["moved"]> {
  const moved = { blobs: 0, bytes: 0 };
  const bring = async (digest: string, body: Blob) => {
    if (await client.has(digest)) return;
    await client.put(digest, body);
    moved.blobs += 1;
    moved.bytes += body.size;
  };
  const tarball = await openAsBlob(source);
  let start = 0;
  for (const { digest, size } of layers) {
    await bring(digest, tarball.slice(start, start + size));
    start += size;
  }
  await bring(digestOf(config), new Blob([config]));
  return moved;
}
