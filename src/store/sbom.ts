/** What a release is made of, as CycloneDX: the same release gives the same document. */
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import type { StoredFacts } from "../oci/artefact.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Package } from "./packages.ts";

export function sbomOf(release: StoredFacts, manifest: Manifest, packages: Package[]): string {
  const { name, version, releaseId } = release;
  const application = new Models.Component(Enums.ComponentType.Application, name, {
    version,
    bomRef: name,
    properties: new Models.PropertyRepository([
      new Models.Property("dev.tsugi.release.id", releaseId),
      ...(manifest.build === "bundle"
        ? [new Models.Property("dev.tsugi.sbom.lacks", "packages that are compiled in")]
        : []),
    ]),
  });
  const { runtime, tsugi, kind } = manifest;
  const platform = kind === "node" ? "node" : "erlang-otp";
  const parts = [
    new Models.Component(Enums.ComponentType.Platform, platform, {
      version: runtime.version,
      bomRef: platform,
      purl: `pkg:generic/${platform}@${runtime.version}`,
    }),
    componentOf({ name: "tsugi", version: tsugi.version }),
    ...packages.map(componentOf),
  ];
  for (const { bomRef } of parts) application.dependencies.add(bomRef);
  const bom = new Models.Bom({
    serialNumber: serialOf(releaseId),
    metadata: new Models.Metadata({ component: application }),
    components: new Models.ComponentRepository(parts),
  });
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  return new Serialize.JsonSerializer(factory).serialize(bom, { sortLists: true, space: 1 });
}

function componentOf({ name, version, license, purl }: Package): Models.Component {
  const [, group, rest] = /^(@[^/]+)\/(.+)$/.exec(name) ?? [];
  return new Models.Component(Enums.ComponentType.Library, rest ?? name, {
    version,
    bomRef: purl ?? `${name}@${version}`,
    ...(group === undefined ? {} : { group }),
    ...(purl === undefined ? {} : { purl }),
    ...(license === undefined
      ? {}
      : { licenses: new Models.LicenseRepository([new Models.NamedLicense(license)]) }),
  });
}

/** A UUID of the kind that everybody may make in their own way (8). */
const serialOf = (id: string): string =>
  `urn:uuid:${id.slice(0, 8)}-${id.slice(8, 12)}-8${id.slice(13, 16)}-a${id.slice(17, 20)}-${id.slice(20, 32)}`;
