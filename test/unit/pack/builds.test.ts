import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { sourceOf } from "../../../src/cli/stores.ts";
import { keepBuilds } from "../../../src/pack/builds.ts";
import { composed } from "../../../src/pack/composed.ts";
import { groupOf, textFile } from "../../../src/pack/fileSet.ts";
import { writeTree } from "../../../src/pack/tree.ts";
import { buildsIn, type Layout, layoutOf } from "../../../src/release/layout.ts";
import type { Manifest } from "../../../src/release/manifest.ts";

let project: string;
let layout: Layout;

beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "tsugi-builds-"));
  layout = layoutOf(join(buildsIn(project), "wall"), "wall");
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

function build(version: string, minutes: number): void {
  const { dir, manifest, tarball } = layout.release(version);
  mkdirSync(dir, { recursive: true });
  writeFileSync(manifest, "{}");
  writeFileSync(tarball, version);
  utimesSync(manifest, minutes * 60, minutes * 60);
}

test("push and deploy take the last build, also of a tree that somebody has started", async () => {
  for (const [minutes, version] of ["1.0.0", "1.1.0"].entries()) build(version, minutes);
  await keepBuilds(layout, "1.1.0");
  mkdirSync(layout.run, { recursive: true });
  writeFileSync(layout.releaseList, "{}");
  writeFileSync(layout.permanent, `1.0.0 ${"0".repeat(64)} node-1 tsugi-1\n`);
  for (const place of [project, layout.root]) {
    assert.equal(sourceOf(place), layout.release("1.1.0").tarball);
  }
  // The same version once more is the last one, too.
  await keepBuilds(layout, "1.0.0");
  assert.equal(sourceOf(project), layout.release("1.0.0").tarball);
});

test("a tree that says nothing of it has its newest", () => {
  for (const [minutes, version] of ["1.0.10", "1.0.9"].entries()) build(version, minutes);
  assert.equal(sourceOf(project), layout.release("1.0.9").tarball);
});

const VERSIONS = ["1.0.0", "1.1.0", "1.2.0", "1.3.0", "1.4.0", "1.5.0"];
const OF_OTP = { runtime: "erts-16.0", own: "lib/shop", shared: "lib/cowboy-2.1.0" };
const OF_NODE = { runtime: "runtime/node-24", own: "lib/wall", shared: "lib/tsugi-1.0.0" };

for (const [kind, folders] of Object.entries({ beam: OF_OTP, node: OF_NODE })) {
  test(`the five last builds stay with what they share (${kind})`, async () => {
    for (const version of VERSIONS) await write(kind as Manifest["kind"], version, folders);
    const [gone, ...kept] = VERSIONS;
    const isThere = (path: string) => existsSync(join(layout.root, path));
    assert.ok(!isThere(`releases/${gone}`) && !isThere(`${folders.own}-${gone}`));
    for (const version of kept) {
      assert.ok(isThere(`releases/${version}/wall.tar.gz`));
      assert.ok(isThere(`${folders.own}-${version}/code`));
    }
    assert.ok(isThere(`${folders.shared}/code`) && isThere(`${folders.runtime}/bin/vm`));
    assert.ok(isThere("bin/wall"));
  });
}

test("code of a library that changed without its version is what the next build has", async () => {
  await write("beam", "1.0.0", OF_OTP);
  await write("beam", "1.1.0", OF_OTP, "edoc");
  assert.equal(readFileSync(join(layout.root, OF_OTP.shared, "code"), "utf8"), "edoc");
});

async function write(
  kind: Manifest["kind"],
  version: string,
  { runtime, own, shared }: typeof OF_OTP,
  code = "code",
): Promise<void> {
  const file = (path: string, text: string) => groupOf([textFile(path, text)], text !== version);
  const groups = [
    file(`${runtime}/bin/vm`, "vm"),
    file(`${shared}/code`, code),
    file(`${own}-${version}/code`, version),
    file("bin/wall", "#!/bin/sh"),
  ];
  const release = composed(
    {
      name: "wall",
      version,
      kind,
      runtime: { dir: runtime.split("/").at(-1)!, version: "1", platform: "linux-x64" },
      tsugi: { dir: "tsugi-1.0.0", version: "1.0.0" },
      components: [],
      processes: [],
      states: [],
      usesHot: false,
      accepts: false,
      build: "bundle",
    },
    groups,
  );
  const first = [release.manifestFile];
  await writeTree(layout, { ...release, first }, async (tarball) => {
    writeFileSync(tarball, version);
    return "";
  });
  await keepBuilds(layout, version);
}
