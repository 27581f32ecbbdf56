import assert from "node:assert/strict";
import { existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cachePath, fillFolder, sweepCache, touch, writeWhole } from "../../../src/pack/cache.ts";
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

  test("a folder that several builds lack is filled by one, whole, and then left alone", async () => {
    const target = cachePath("runtimes", "node-1");
    let fills = 0;
    const fill = async () => {
      await fillFolder(
        target,
        () => existsSync(join(target, "b")),
        async (temporary) => {
          fills += 1;
          await writeFile(join(temporary, "a"), "");
          await writeFile(join(temporary, "b"), "");
        },
      );
      return statSync(target).ino;
    };
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, "broken"), "");
    const seen = await Promise.all([fill(), fill(), fill()]);
    assert.deepEqual([fills, new Set(seen).size], [1, 1]);
    assert.deepEqual((await readdir(target)).sort(), ["a", "b"]);
    assert.deepEqual(await readdir(cachePath("runtimes")), ["node-1"]);
  });

  test("a fill that fails leaves nothing", async () => {
    const isWhole = () => false;
    const fill = () => Promise.reject(new Error("no"));
    const fails = fillFolder(cachePath("runtimes", "node-2"), isWhole, fill);
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
