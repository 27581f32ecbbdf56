import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { groupOf, textFile } from "../../../src/pack/fileSet.ts";
import { writeTarball } from "../../../src/pack/tarball.ts";
import { temporaryFolder } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("members");
after(remove);

test("a kept member that was spoilt is made again, and no release has it in it", async () => {
  process.env.TSUGI_CACHE = join(folder, "cache");
  const first = [textFile("releases/1/release.json", "{}")];
  const groups = [groupOf([textFile("runtime/node-1/bin/node", "node".repeat(5_000))], true)];
  const target = join(folder, "a.tar.gz");
  const sum = await writeTarball(target, first, groups);
  const members = join(folder, "cache", "members");
  const [member] = readdirSync(members).filter((name) => name.endsWith(".gz"));
  const path = join(members, member!);
  const whole = readFileSync(path);
  for (const spoilt of [Buffer.from(whole).fill(0, 20), whole.subarray(0, 30), Buffer.alloc(0)]) {
    writeFileSync(path, spoilt);
    assert.equal(await writeTarball(target, first, groups), sum);
    assert.deepEqual(readFileSync(path), whole);
  }
});
