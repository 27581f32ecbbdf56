import assert from "node:assert/strict";
import { existsSync, utimesSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cachePath, fillFolder, sweepCache, touch, writeWhole } from "../../../src/build/cache.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

describe("the cache", () => {
  const { folder, remove } = temporaryFolder("cache");
  const earlier = process.env.TSUGI_CACHE;
  before(() => {
    process.env.TSUGI_CACHE = folder;
  });
  after(() => {
    if (earlier === undefined) delete process.env.TSUGI_CACHE;
    else process.env.TSUGI_CACHE = earlier;
    remove();
  });

  test("a folder appears whole, and of two that fill it at once one stays", async () => {
    const target = cachePath("runtimes", "node-1");
    const fill = (text: string) =>
      fillFolder(target, async (temporary) => {
        await writeFile(join(temporary, "a"), text);
        await writeFile(join(temporary, "b"), text);
      });
    await Promise.all([fill("one"), fill("two")]);
    assert.deepEqual((await readdir(target)).sort(), ["a", "b"]);
    assert.deepEqual(await readdir(cachePath("runtimes")), ["node-1"]);
  });

  test("a fill that fails leaves nothing", async () => {
    const fails = fillFolder(cachePath("runtimes", "node-2"), () =>
      Promise.reject(new Error("no")),
    );
    await assert.rejects(fails, /no/);
    assert.deepEqual(await readdir(cachePath("runtimes")), ["node-1"]);
  });

  test("what was not used for long is swept, what was used stays", async () => {
    const [old, used] = [cachePath("members", "old.gz"), cachePath("members", "used.gz")];
    for (const path of [old, used]) {
      await writeWhole(path, "x");
      utimesSync(path, 0, 0);
    }
    await touch(used);
    await sweepCache();
    assert.ok(!existsSync(old));
    assert.ok(existsSync(used));
  });
});
