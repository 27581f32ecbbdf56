/** The two documents that make layers an image (https://github.com/opencontainers/image-spec). */

import { defined } from "../contract/checks.ts";
import { CONFIG_TYPE } from "../oci/artefact.ts";
import { type OciPlatform, ociPlatformOf } from "../oci/platform.ts";
import { type Descriptor, digestOf, INDEX_TYPE, MANIFEST_TYPE } from "../oci/source.ts";
import type { OpenedRelease } from "../pack/inspect.ts";
import type { Account } from "./account.ts";
import type { Base } from "./base.ts";
import type { ImageLayer } from "./layers.ts";

export interface ImageDocuments {
  platform: OciPlatform;
  config: string;
  manifest: string;
}

/** The same release on the same base is the same image: there is no other date that all machines know. */
const CREATED = "1970-01-01T00:00:00Z";
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const NANOSECONDS = 1e9;

export interface ImageParts {
  opened: OpenedRelease;
  base: Base;
  layers: ImageLayer[];
  account: Account;
  /** In the image: `/srv/wall`. */
  root: string;
  hasShell: boolean;
}

export function describeImage(parts: ImageParts): ImageDocuments {
  const { opened, base, layers } = parts;
  const platform = ociPlatformOf(opened.manifest.runtime.platform);
  const labels = labelsOf(parts);
  const { history, rootfs, config: inherited } = base.config;
  const config = JSON.stringify({
    ...platform,
    created: CREATED,
    config: { ...inherited, ...howItRuns(parts), Labels: labels },
    rootfs: {
      type: "layers",
      diff_ids: [...rootfs.diff_ids, ...layers.map(({ diffId }) => diffId)],
    },
    // It names all layers, or none.
    ...defined({ history: history && [...history, ...layers.map(historyOf)] }),
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: descriptorOf(CONFIG_TYPE, config),
    layers: [
      ...base.layers,
      ...layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    ],
    annotations: labels,
  });
  return { platform, config, manifest };
}

/** Of one image for several platforms. */
export const describeIndex = (images: readonly ImageDocuments[]): string =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: images.map(({ platform, manifest }) => ({
      ...descriptorOf(MANIFEST_TYPE, manifest),
      platform,
    })),
  });

const descriptorOf = (mediaType: string, text: string): Descriptor => ({
  mediaType,
  digest: digestOf(text),
  size: Buffer.byteLength(text),
});

const historyOf = ({ title }: ImageLayer) => ({
  created: CREATED,
  created_by: `tsugi image: ${title}`,
});

export type ImageLabels = ReturnType<typeof labelsOf>;

function labelsOf({ opened: { manifest, releaseId }, base }: ImageParts) {
  return {
    "dev.tsugi.release.id": releaseId,
    "org.opencontainers.image.base.digest": base.digest,
    "org.opencontainers.image.base.name": base.name,
    "org.opencontainers.image.title": manifest.name,
    "org.opencontainers.image.version": manifest.version,
  };
}

function howItRuns({ opened: { manifest }, base, account, root, hasShell }: ImageParts) {
  const { name, runtime, tsugi } = manifest;
  // Without a shell there is no bin/<app>: what it would call is called.
  const command = hasShell
    ? [`${root}/bin/${name}`]
    : [`${root}/runtime/${runtime.dir}/bin/node`, `${root}/lib/${tsugi.dir}/control.mjs`];
  const inherited = base.config.config?.Env ?? [];
  const path = inherited.find((one) => one.startsWith("PATH="))?.slice("PATH=".length) ?? PATH;
  return {
    User: `${account.uid}:${account.gid}`,
    WorkingDir: root,
    Env: [
      ...inherited.filter((one) => !one.startsWith("PATH=")),
      `PATH=${path}:${root}/bin`,
      ...(hasShell ? [] : [`TSUGI_NAME=${name}`, `TSUGI_ROOT=${root}`]),
    ],
    Entrypoint: command,
    Cmd: ["foreground"],
    StopSignal: "SIGTERM",
    // Docker's and podman's; an orchestrator has probes of its own.
    Healthcheck: {
      Test: ["CMD", ...command, "ping"],
      Interval: 30 * NANOSECONDS,
      Timeout: 10 * NANOSECONDS,
      StartPeriod: 60 * NANOSECONDS,
      Retries: 3,
    },
  };
}
