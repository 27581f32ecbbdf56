/** A small release of `wall`, packed as a build packs it: a gzip member for each part. */
import { composed } from "../../src/pack/composed.ts";
import { groupOf, textFile } from "../../src/pack/fileSet.ts";
import { writeTarball } from "../../src/pack/tarball.ts";

const PACKAGE_JSON = JSON.stringify({
  name: "wall",
  license: "ISC",
  repository: { type: "git", url: "git+https://alice:rabbit@example.org/wall.git" },
});

const MS = JSON.stringify({ name: "@a/ms", version: "2.1.3", license: "MIT" });

export async function partedTarball(
  path: string,
  version: string,
  text = version,
  node = "not really node\n",
): Promise<void> {
  const groups = [
    groupOf([textFile("bin/wall", "#!/bin/sh\n", 0o755)]),
    groupOf([
      textFile(`lib/wall-${version}/app.mjs`, `export default "${text}";\n`),
      textFile(`lib/wall-${version}/package.json`, PACKAGE_JSON),
    ]),
    groupOf([
      textFile("lib/packages-0a0b0c0d/node_modules/@a/ms/package.json", MS),
      textFile("lib/packages-0a0b0c0d/node_modules/@a/ms/test/package.json", `{"name":"test"}`),
    ]),
    groupOf([textFile("lib/tsugi-0.1.0/control.mjs", "console.log('control');\n".repeat(50))]),
    groupOf([textFile(`releases/${version}/config.json`, "{}\n")]),
    groupOf([textFile("runtime/node-24.21.0-linux-x64/bin/node", node, 0o755)]),
  ];
  const { manifestFile } = composed(
    {
      name: "wall",
      version,
      kind: "node",
      runtime: { dir: "node-24.21.0-linux-x64", version: "24.21.0", platform: "linux-x64" },
      tsugi: { dir: "tsugi-0.1.0", version: "0.1.0" },
      components: [],
      processes: [{ name: "main", entry: "app.mjs", workers: 1, overlap: true }],
      states: [],
      usesHot: false,
      accepts: false,
      build: "bundle",
    },
    groups,
  );
  await writeTarball(path, [manifestFile], groups);
}
