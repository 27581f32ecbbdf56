/** The manifest of a shaped BEAM tree, and its files in groups that compress well once. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
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
  /** The folder with the emulator, and Erlang's and Elixir's applications in its `lib`. */
  runtime: string;
  otp: string;
  /** Names of the project's own applications: their folders change with every build. */
  own: string[];
}

export function composeBeam(request: ComposeRequest): Composed {
  const { tree, name, version, build, erts, runtime, otp, own } = request;
  const { version: tsugiVersion } = ownPackage();
  const librariesIn = (folder: string) =>
    readdirSync(join(tree, folder))
      .sort()
      .map((library) => `${folder}/${library}`);
  const platform = librariesIn(`${runtime}/lib`);
  const libraries = librariesIn("lib");
  const isOwn = (folder: string) => own.some((app) => folder.startsWith(`lib/${app}-`));
  const isEmulator = ({ path }: { path: string }) => !path.startsWith(`${runtime}/lib/`);
  const groups = [
    groupOf(filesBelow(join(tree, "bin"), "bin")),
    groupOf(filesBelow(join(tree, runtime), runtime), true),
    ...libraries.map((folder) => groupOf(filesBelow(join(tree, folder), folder), !isOwn(folder))),
    groupOf(filesBelow(join(tree, "releases", version), `releases/${version}`)),
  ];
  const files = groups.flatMap(({ entries }) => entries);
  const components: ManifestComponent[] = [...platform, ...libraries].map((folder) => {
    const library = basename(folder);
    const cut = library.search(/-\d/);
    return {
      ...(isOwn(folder) ? { own: true } : {}),
      name: cut < 0 ? library : library.slice(0, cut),
      version: cut < 0 ? "" : library.slice(cut + 1),
      dir: folder,
      hash: hashFiles(files, folder),
    };
  });
  const emulator = hashFiles(files.filter(isEmulator), runtime);
  components.push({ name: "erts", version: erts, hash: emulator, dir: runtime });
  const release = `releases/${version}`;
  components.push({ name: "config", hash: hashFiles(files, release), dir: release });
  return composed(
    {
      name,
      version,
      kind: "beam",
      runtime: { dir: runtime, version: otp, platform: thisPlatform() },
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
