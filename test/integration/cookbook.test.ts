/** docs/cookbook: its entries are one story, typed as it is written, on one host. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { pageAt, readPages } from "../helpers/markdown.ts";
import { makeSandbox, playPage, type Sandbox } from "../helpers/story.ts";

const STORY = [
  "README",
  "code",
  "state",
  "surroundings",
  "dependencies",
  "processes",
  "database",
  "connections",
  "protocols",
].map((name) => `docs/cookbook/${name}.md`);

describe("the cookbook", () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-cookbook-"));
  after(async () => {
    await runCommand(join(folder, "srv/board/bin/board"), ["stop"]).catch(() => {});
    rmSync(folder, { recursive: true, force: true });
  });
  let sandbox: Sandbox | undefined;
  let broken: string | undefined;
  for (const path of STORY) {
    test(`${path}: what it says of each change is so`, async (t) => {
      if (broken !== undefined) return t.skip(`${broken} has failed, which comes before`);
      broken = path;
      sandbox ??= await makeSandbox(folder);
      await playPage(pageAt(path), sandbox);
      broken = undefined;
    });
  }

  test("has no page that is not typed", () => {
    const pages = readPages().map(({ path }) => path);
    const cookbook = pages.filter((path) => path.startsWith("docs/cookbook/"));
    assert.deepEqual(cookbook.sort(), [...STORY].sort());
  });
});
