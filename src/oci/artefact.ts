/**
 * A release as a store has it: an OCI image whose layers, one after the other, are the tarball.
 *
 *   layer 0        release.json and its signature
 *   layer 1…n-1    runtime, tsugi, packages, application: a gzip member of the tarball each
 *   layer n        the end of the tar archive
 *
 * So what two versions share is there once, and a tarball comes back byte for byte. The first layer and
 * the annotations say what it is; tools that know images show name, version and platform.
 */
import { defined, isRecord } from "../contract/checks.ts";
import { isSha256, type Manifest } from "../release/manifest.ts";
import { isAppName, isVersionName } from "../release/names.ts";
import { unitOf } from "../release/units.ts";
import { ociPlatformOf } from "./platform.ts";
import { type Descriptor, digestOf, MANIFEST_TYPE } from "./source.ts";

export const ARTEFACT_TYPE = "application/vnd.tsugi.release.v1";
export const CONFIG_TYPE = "application/vnd.oci.image.config.v1+json";
export const LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip";

/** What is said of a stored release. */
export interface StoredFacts {
  name: string;
  version: string;
  releaseId: string;
  kind: Manifest["kind"];
  platform: string;
  /** By the clock of the machine that pushed it. */
  pushedAt: string;
  /** Of what is unpacked. */
  bytes: number;
  /** The tarball that was pushed. */
  tarball: { bytes: number; sha256: string };
  signature?: string;
}

/** Known before anything of the release itself is read. */
export interface OciRelease extends StoredFacts {
  layers: Descriptor[];
}

/** For people and their tools. */
export interface About {
  source?: string;
  revision?: string;
  licenses?: string;
}

/** A layer with the digest that it has unpacked. */
export interface Layer extends Descriptor {
  diffId: string;
}

const KEYS = {
  name: "org.opencontainers.image.title",
  version: "org.opencontainers.image.version",
  pushedAt: "org.opencontainers.image.created",
  releaseId: "dev.tsugi.release.id",
  kind: "dev.tsugi.release.kind",
  platform: "dev.tsugi.release.platform",
  bytes: "dev.tsugi.release.bytes",
  sha256: "dev.tsugi.release.tarball.sha256",
  signature: "dev.tsugi.release.signature",
  source: "org.opencontainers.image.source",
  revision: "org.opencontainers.image.revision",
  licenses: "org.opencontainers.image.licenses",
} as const;

/** The two documents that make layers a release. The same release has the same ones. */
export function describeRelease(release: StoredFacts, layers: Layer[], about: About = {}) {
  const { platform, pushedAt, bytes, tarball } = release;
  const said: Partial<Record<keyof typeof KEYS, string>> = {
    ...{ ...about, ...release, tarball: undefined },
    bytes: String(bytes),
    sha256: tarball.sha256,
  };
  const labels = Object.fromEntries(
    Object.entries(KEYS).flatMap(([key, name]) => {
      const value = said[key as keyof typeof KEYS];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const config = JSON.stringify({
    created: pushedAt,
    ...ociPlatformOf(platform),
    config: { Labels: labels },
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
  });
  const size = Buffer.byteLength(config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: ARTEFACT_TYPE,
    config: { mediaType: CONFIG_TYPE, digest: digestOf(config), size },
    layers: layers.map(({ diffId: _, ...layer }) => layer),
    annotations: labels,
  });
  return { config, manifest };
}

/** The folder that is in a layer, or its first file. */
export const titleOf = ({ annotations }: Descriptor): string =>
  String(annotations?.[KEYS.name] ?? "").replace(/\.tar\.gz$/, "");

/**
 * Of the folder that begins with `first`: `lib/x.tar.gz`. To other tools a title is a file's name, under which
 * they put the layer as it is (`oras pull`).
 */
export const titled = (first: string): Pick<Descriptor, "annotations"> =>
  first === "" ? {} : { annotations: { [KEYS.name]: `${unitOf(first) ?? first}.tar.gz` } };

/** What is said of somebody else's, as of a container image. */
export const FOREIGN = "it is no release of tsugi";

/** @returns in words what is wrong with it, where it is no release */
export function parseOciRelease(text: string): OciRelease | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "its manifest is not JSON";
  }
  if (!isRecord(json) || json.artifactType !== ARTEFACT_TYPE) return FOREIGN;
  const { annotations, layers } = json;
  if (!isRecord(annotations) || !Array.isArray(layers) || layers.length < 2) {
    return "its manifest has no annotations or no layers";
  }
  if (!layers.every(isDescriptor)) return "one of its layers is not named by a digest";
  const said = (key: keyof typeof KEYS) => annotations[KEYS[key]];
  const keys = ["name", "version", "releaseId", "sha256"] as const;
  const [name, version, releaseId, sum] = keys.map(said);
  if (!isAppName(name)) return "it has no name";
  if (!isVersionName(version)) return "it has no version";
  if (!isSha256(releaseId) || !isSha256(sum)) return "its hashes are no SHA-256";
  const bytes = layers.reduce((total, { size }) => total + size, 0);
  const signature = said("signature");
  return {
    name,
    version,
    releaseId,
    kind: said("kind") === "beam" ? "beam" : "node",
    platform: String(said("platform") ?? ""),
    pushedAt: String(said("pushedAt") ?? ""),
    bytes: Number(said("bytes")) || 0,
    tarball: { bytes, sha256: sum },
    ...defined({ signature: typeof signature === "string" ? signature : undefined }),
    layers,
  };
}

export const isDescriptor = (value: unknown): value is Descriptor =>
  isRecord(value) &&
  typeof value.digest === "string" &&
  /^sha256:[0-9a-f]{64}$/.test(value.digest) &&
  Number.isSafeInteger(value.size) &&
  (value.size as number) >= 0;
