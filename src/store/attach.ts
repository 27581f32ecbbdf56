/** What is said of a release beside it: a document in an OCI artefact whose subject the release is. */
import type { About } from "../oci/artefact.ts";
import { type Descriptor, MANIFEST_TYPE } from "../oci/source.ts";
import type { FoundRelease } from "../oci/take.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Package } from "./packages.ts";
import { partOf, type Repository } from "./repository.ts";

const ATTACHMENTS = {
  sbom: { type: "application/vnd.cyclonedx+json", file: "sbom.cdx.json" },
  provenance: { type: "application/vnd.in-toto+json", file: "provenance.intoto.json" },
} as const;

export type Attachment = keyof typeof ATTACHMENTS;

export interface Said {
  found: FoundRelease;
  manifest: Manifest;
  about: About;
  packages: Package[];
}

/** The same attachment twice is there once. */
export async function attach(repository: Repository, kind: Attachment, said: Said): Promise<void> {
  const { type, file } = ATTACHMENTS[kind];
  const part = partOf(await textOf(kind, said));
  const empty = partOf("{}");
  const { digest, size } = said.found;
  const document = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    artifactType: type,
    config: {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: empty.digest,
      size: empty.size,
    },
    layers: [
      {
        mediaType: type,
        digest: part.digest,
        size: part.size,
        annotations: { "org.opencontainers.image.title": file },
      },
    ],
    subject: { mediaType: MANIFEST_TYPE, digest, size },
  });
  await repository.put(await repository.lacking([empty, part]));
  const manifest = partOf(document);
  const entry: Descriptor & { artifactType: string } = {
    mediaType: MANIFEST_TYPE,
    artifactType: type,
    digest: manifest.digest,
    size: manifest.size,
  };
  await repository.refer(entry, manifest, digest);
}

async function textOf(kind: Attachment, { found, manifest, about, packages }: Said) {
  if (kind === "sbom") {
    const { sbomOf } = await import("./sbom.ts");
    return sbomOf(found, manifest, packages);
  }
  const { provenanceOf } = await import("./provenance.ts");
  return provenanceOf(found, manifest, about, packages);
}
