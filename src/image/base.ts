/**
 * What an image stands on, named as docker names it, or a layout on this machine:
 *
 *   debian:stable-slim                      docker.io/library/debian
 *   gcr.io/distroless/cc-debian12           without a tag: latest
 *   registry.example/base@sha256:…          that very one
 *   oci:<folder>[:tag]                      an OCI image layout, as skopeo writes it
 */
import { resolve } from "node:path";
import { isRecord } from "../contract/checks.ts";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { isDescriptor } from "../oci/artefact.ts";
import { OciClient } from "../oci/client.ts";
import { type OciPlatform, ociPlatformOf } from "../oci/platform.ts";
import { LATEST, type OciReference, REPOSITORY } from "../oci/reference.ts";
import type { Descriptor } from "../oci/source.ts";
import { LayoutFolder } from "./layoutFolder.ts";

/** Where images come from: a registry's repository, or a folder. */
export type ImageSource = Pick<OciClient, "where" | "manifest" | "read">;

/** As far as we go on with it: https://github.com/opencontainers/image-spec/blob/main/config.md */
export interface ImageConfig {
  config?: { Env?: string[] } & Record<string, unknown>;
  rootfs: { type: "layers"; diff_ids: string[] };
  history?: ({ empty_layer?: boolean } & Record<string, unknown>)[];
}

export interface Base {
  name: string;
  digest: string;
  source: ImageSource;
  config: ImageConfig;
  layers: Descriptor[];
}

/** `platform`: a release's. @throws TSUGI_IMAGE_BASE, TSUGI_REGISTRY_DENIED, TSUGI_STORE_FAILED */
export async function openBase(name: string, platform: string): Promise<Base> {
  const { source, reference } = sourceOf(name);
  const unfit = (problem: string) => new TsugiError("TSUGI_IMAGE_BASE", { base: name, problem });
  const { digest, json } = await forPlatform(source, reference, platform, unfit);
  const { config: described, layers } = json;
  if (!isDescriptor(described) || !Array.isArray(layers) || !layers.every(isDescriptor)) {
    throw unfit("its manifest names no layers");
  }
  const text = await textOf(source, described);
  const config = parsed(text, unfit) as unknown as ImageConfig;
  if (config.rootfs?.diff_ids?.length !== layers.length) {
    throw unfit("its configuration and its manifest do not name the same layers");
  }
  return { name, digest, source, config, layers: layers.map(asOci) };
}

type Unfit = (problem: string) => TsugiError;

/** An index leads to the manifest of one platform. */
async function forPlatform(
  source: ImageSource,
  reference: string,
  platform: string,
  unfit: Unfit,
): Promise<{ digest: string; json: Record<string, unknown> }> {
  const found = await source.manifest(reference);
  if (found === undefined) throw unfit(`there is no ${reference} in ${source.where}`);
  const json = parsed(found.bytes, unfit);
  const { manifests } = json;
  if (!Array.isArray(manifests)) return { digest: found.digest, json };
  const wanted = ociPlatformOf(platform);
  const isWanted = (one: Descriptor & { platform?: Partial<OciPlatform> }) =>
    one.platform?.os === wanted.os && one.platform.architecture === wanted.architecture;
  const one = manifests.filter(isDescriptor).find(isWanted);
  if (one === undefined) throw unfit(`it is not there for ${wanted.os}/${wanted.architecture}`);
  const manifest = await source.manifest(one.digest);
  if (manifest === undefined) throw unfit(`its index names ${one.digest}, which is not there`);
  return { digest: one.digest, json: parsed(manifest.bytes, unfit) };
}

function sourceOf(name: string): { source: ImageSource; reference: string } {
  const layout = /^oci:(?!\/\/)(.+?)(?::([\w.-]+))?$/.exec(name);
  if (layout !== null) {
    return { source: new LayoutFolder(resolve(layout[1]!)), reference: layout[2] ?? LATEST };
  }
  const named = parseImageName(name);
  return { source: new OciClient(named), reference: named.reference ?? LATEST };
}

const NAME = new RegExp(
  `^(?:(?:oci|docker)://)?(?:([A-Za-z0-9.-]+(?::\\d+)?)/)?(${REPOSITORY})(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const HUB = "registry-1.docker.io";

/** @throws TSUGI_IMAGE_BASE */
export function parseImageName(text: string): OciReference {
  const [, first, rest, tag = LATEST, digest] = NAME.exec(text) ?? [];
  if (rest === undefined) {
    throw new TsugiError("TSUGI_IMAGE_BASE", { base: text, problem: "it is no name of an image" });
  }
  const reference = digest ?? tag;
  // As docker has it: a name without a dot or a port is no host.
  const isHost = first !== undefined && (/[.:]/.test(first) || first === "localhost");
  if (isHost && !/^(index\.)?docker\.io$/.test(first))
    return { host: first, repository: rest, reference };
  const names = isHost || first === undefined ? rest : `${first}/${rest}`;
  return { host: HUB, repository: names.includes("/") ? names : `library/${names}`, reference };
}

/** Docker's own names for what is the same bytes. */
const asOci = ({ mediaType, digest, size }: Descriptor): Descriptor => ({
  mediaType: mediaType
    .replace(
      "application/vnd.docker.image.rootfs.diff.tar",
      "application/vnd.oci.image.layer.v1.tar",
    )
    .replace(".tar.gzip", ".tar+gzip")
    .replace(".tar.zstd", ".tar+zstd"),
  digest,
  size,
});

async function textOf(source: ImageSource, descriptor: Descriptor): Promise<string> {
  let parts: Uint8Array[] = [];
  await source.read(descriptor, async () => {
    parts = [];
    return async (chunk) => void parts.push(chunk);
  });
  return Buffer.concat(parts).toString("utf8");
}

function parsed(text: string, unfit: Unfit): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (isRecord(json)) return json;
  } catch (error) {
    throw unfit(messageOf(error));
  }
  throw unfit("its manifest is no object");
}
