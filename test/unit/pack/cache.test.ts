import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import {
  cachePath,
  fillFolder,
  refuseForeignCache,
  sweepCache,
  touch,
  writeWhole,
} from "../../../src/pack/cache.ts";
import { needsRoot, own, STRANGER } from "../../helpers/otherUsers.ts";
import { temporaryFolder, useCache } from "../../helpers/projects.ts";

describe("the cache", () => {
  const { folder, remove } = temporaryFolder("cache");
  after(remove);
  after(useCache(folder));

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

  test("one that others may write to is refused, at each place, with what to do", async () => {
    await refuseForeignCache();
    const node = cachePath("runtimes", "node-3", "bin", "node");
    await writeWhole(node, "");
    await writeWhole(cachePath("scans", "a"), "");
    for (const path of [folder, cachePath("members"), cachePath("scans", "a"), node]) {
      const { mode } = statSync(path);
      chmodSync(path, mode | 0o002);
      await assert.rejects(refuseForeignCache(), (error: unknown) => {
        assert.ok(error instanceof TsugiError && error.code === "TSUGI_CACHE_EXPOSED");
        assert.ok(error.message.startsWith(`${path} of the build cache`), error.message);
        assert.match(error.hint, /rm -rf .*TSUGI_CACHE=/);
        return true;
      });
      chmodSync(path, mode);
    }
    await refuseForeignCache();
  });

  test("a runtime that somebody else has put there is refused", { skip: needsRoot }, async () => {
    const place = cachePath("runtimes", "node-3");
    own(place, STRANGER);
    await assert.rejects(refuseForeignCache(), /it belongs to user 54321, not to 0/);
    own(place, 0);
    await refuseForeignCache();
  });
});
