import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { sourceOf } from "../../../src/cli/stores.ts";
import { keepBuilds } from "../../../src/pack/builds.ts";
import { buildsIn, type Layout, layoutOf } from "../../../src/release/layout.ts";

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
  writeFileSync(layout.registry, "{}");
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
