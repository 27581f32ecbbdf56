import assert from "node:assert/strict";
import { chmodSync, existsSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { stableDeps } from "../../../src/beam/stableDeps.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { needsRoot, STRANGER } from "../../helpers/otherUsers.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("stable-deps");
after(remove);
process.env.TSUGI_CACHE = join(folder, "cache");
const project = join(folder, "project");
mkdirSync(join(project, "deps/plug"), { recursive: true });
writeFileSync(join(project, "deps/plug/mix.exs"), "plug");
mkdirSync(join(folder, "theirs"));

async function compiledIn(place: string): Promise<string> {
  const { env, unlock: release } = await stableDeps(project, "shop", silentLog, place);
  await release();
  const { MIX_DEPS_PATH: path = "" } = env;
  assert.ok(existsSync(join(path, "plug/mix.exs")), path);
  return path;
}

test("dependencies are compiled under the one path, where that is ours", async () => {
  const place = join(folder, "stable");
  assert.equal(await compiledIn(place), join(place, "shop"));
});

describe("the one path, taken by somebody else", { skip: needsRoot }, () => {
  const own = join(folder, "cache/beam/deps/shop");
  const taken: Record<string, (path: string) => void> = {
    "their file": (path) => writeFileSync(path, ""),
    "their link to a folder": (path) => symlinkSync(join(folder, "theirs"), path),
    "their link to nowhere": (path) => symlinkSync("/nowhere/at/all", path),
    "their folder": (path) => mkdirSync(path),
  };
  for (const [what, take] of Object.entries(taken)) {
    test(`${what}: the build goes on in a folder of its own`, async () => {
      const place = join(folder, what);
      take(place);
      lchownSync(place, STRANGER, STRANGER);
      assert.equal(await compiledIn(place), own);
    });
  }

  test("a folder of ours that everybody may write to is not used either", async () => {
    const place = join(folder, "open");
    mkdirSync(place);
    chmodSync(place, 0o777);
    assert.equal(await compiledIn(place), own);
  });
});
