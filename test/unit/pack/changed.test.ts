/** Files that somebody writes to while they are packed: a log, or the output of the build itself. */
import assert from "node:assert/strict";
import { appendFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { composed } from "../../../src/pack/composed.ts";
import { fileAt, groupOf } from "../../../src/pack/fileSet.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { build, type ReleaseKind } from "../../../src/pack/pipeline.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { handmadeRelease } from "../../helpers/handmadeRelease.ts";
import { snapshot, temporaryFolder, useCache } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("changed");
after(remove);
after(useCache(join(folder, "cache")));

const layout = layoutOf(join(folder, "wall"), "wall");
const log = join(folder, "build.log");

beforeEach(() => {
  rmSync(layout.root, { recursive: true, force: true });
  writeFileSync(log, "a line\n");
});

/** `meanwhile`: between the hash and the copy. */
function kindOf(version: string, stable: boolean, meanwhile: () => void): ReleaseKind<undefined> {
  return {
    decide: async () => undefined,
    layout: () => layout,
    compose: async () => {
      const { files: _, format: __, ...said } = handmadeRelease(version).manifest;
      return composed(said, [groupOf([fileAt(`lib/wall-${version}/build.log`, log)], stable)]);
    },
    refuse: meanwhile,
  };
}

const grow = () => appendFileSync(log, "another line\n");
const goes = () => rmSync(log);

for (const stable of [false, true]) {
  const where = stable ? "a folder that versions share" : "the application's folder";
  test(`one in ${where} that grows meanwhile is an error with its name, and nothing is written`, async () => {
    await build(
      kindOf("0.0.1", stable, () => {}),
      undefined,
      silentLog,
    );
    const before = snapshot(layout.root);
    await assert.rejects(build(kindOf("0.0.2", stable, grow), undefined, silentLog), {
      code: "TSUGI_FILE_CHANGED",
      message: `${log} has changed while it was packed.`,
    });
    assert.deepEqual(snapshot(layout.root), before);
  });
}

test("one that is gone meanwhile is said by its name, too", async () => {
  await assert.rejects(build(kindOf("0.0.1", false, goes), undefined, silentLog), {
    code: "TSUGI_FILE_CHANGED",
    message: `${log} has gone while it was packed.`,
  });
  assert.deepEqual(readdirSync(layout.root), []);
});

test("one that was only touched is packed", async () => {
  const { already } = await build(
    kindOf("0.0.1", false, () => writeFileSync(log, "a line\n")),
    undefined,
    silentLog,
  );
  assert.equal(already, false);
});
