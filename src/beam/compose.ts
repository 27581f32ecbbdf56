/** The manifest of a shaped BEAM tree, and its files in groups that compress well once. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Composed, composed } from "../pack/composed.ts";
import { filesBelow, groupOf } from "../pack/fileSet.ts";
import { ownPackage } from "../pack/ownPackage.ts";
import { thisPlatform } from "../platform/thisPlatform.ts";
import { tsugiDirName } from "../release/layout.ts";
import { hashFiles, type ManifestComponent } from "../release/manifest.ts";

export interface ComposeRequest {
  tree: string;
  name: string;
  version: string;
  build: "mix" | "otp";
  erts: string;
  otp: string;
  /** Names of the project's own applications: their folders change with every build. */
  own: string[];
}

export function composeBeam(request: ComposeRequest): Composed {
  const { tree, name, version, build, erts, otp, own } = request;
  const { version: tsugiVersion } = ownPackage();
  const libraries = readdirSync(join(tree, "lib")).sort();
  const isOwn = (folder: string) => own.some((app) => folder.startsWith(`${app}-`));
  const groups = [
    groupOf(filesBelow(join(tree, "bin"), "bin")),
    groupOf(filesBelow(join(tree, `erts-${erts}`), `erts-${erts}`), true),
    ...libraries.map((folder) =>
      groupOf(filesBelow(join(tree, "lib", folder), `lib/${folder}`), !isOwn(folder)),
    ),
    groupOf(filesBelow(join(tree, "releases", version), `releases/${version}`)),
  ];
  const files = groups.flatMap(({ entries }) => entries);
  const components: ManifestComponent[] = libraries.map((folder) => {
    const cut = folder.search(/-\d/);
    return {
      ...(isOwn(folder) ? { own: true } : {}),
      name: cut < 0 ? folder : folder.slice(0, cut),
      version: cut < 0 ? "" : folder.slice(cut + 1),
      dir: `lib/${folder}`,
      hash: hashFiles(files, `lib/${folder}`),
    };
  });
  const release = `releases/${version}`;
  components.push({ name: "config", hash: hashFiles(files, release), dir: release });
  return composed(
    {
      name,
      version,
      kind: "beam",
      runtime: { dir: `erts-${erts}`, version: otp, platform: thisPlatform() },
      tsugi: { dir: tsugiDirName(tsugiVersion), version: tsugiVersion },
      components,
      processes: [
        { name: "main", entry: `releases/${version}/start.boot`, workers: 1, overlap: true },
      ],
      states: [],
      usesHot: false,
      accepts: false,
      build,
    },
    groups,
  );
}
