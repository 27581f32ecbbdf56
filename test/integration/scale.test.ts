/** `npm run long -- scale` with a few hosts in a few seconds: what it counts is what is so. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { thisPlatform } from "../../src/platform/thisPlatform.ts";
import { whyNoRegistry } from "../helpers/ociRegistry.ts";
import { followAll } from "../helpers/scale/followed.ts";
import { rollOut } from "../helpers/scale/rollouts.ts";
import { followedText, rolledText } from "../helpers/scale/words.ts";

const HOSTS = 20;
const folder = mkdtempSync(join(tmpdir(), "tsugi-scale-"));
after(() => rmSync(folder, { recursive: true, force: true }));

// The release that is deployed is none, but says that it is for this.
const elsewhere = thisPlatform() === "linux-x64" ? false : "the played hosts are linux-x64";

describe("twenty hosts by ssh", { skip: elsewhere }, () => {
  test("a bad version is tried by the canary, a dead host keeps all from changing", async () => {
    const quick: [number, number] = [0.01, 0.05];
    const delays = { login: quick, slowLogin: 0.2, session: 0.01 };
    const takes = { unpack: quick, check: quick, upgrade: quick };
    const rolled = await rollOut(join(folder, "ssh"), HOSTS, { ...delays, ...takes }, 1, () => {});
    const [dead, well, bad, few] = rolled.map(({ deployed, runs }) => ({ ...deployed, runs }));
    assert.deepEqual([dead?.exitCode, dead?.tried, dead?.runs], [4, 0, { "1.0.0": HOSTS }]);
    assert.deepEqual([well?.exitCode, well?.results], [0, { done: HOSTS }], well?.error);
    assert.deepEqual(well?.runs, { "1.1.0": HOSTS });
    assert.deepEqual(bad?.waves, [1]);
    assert.deepEqual([bad?.tried, bad?.handedBack, bad?.runs], [1, 1, { "1.1.0": HOSTS }]);
    // The eleventh is, in the third batch of two after five canaries: no other is begun.
    assert.deepEqual([few?.tried, few?.handedBack, few?.rolledBack], [11, 1, 10]);
    assert.deepEqual(few?.runs, { "1.1.0": HOSTS });
    assert.match(rolledText(rolled), /hosts that tried it \| 0 \| 20 \| 1 \| 11 \|/);
    for (const { deployed } of rolled) assert.doesNotMatch(deployed.stderr, /Warning/);
  });
});

const skip = elsewhere || (await whyNoRegistry());

test("twenty hosts that follow: who has a share of them reaches nobody else", {
  skip,
}, async () => {
  const followed = await followAll(join(folder, "follow"), {
    ...{ hosts: HOSTS, everyMs: 500, upgradeMs: [50, 100], sharePercent: 25 },
    ...{ reactMs: 100, processes: 2 },
  });
  const { among, start, quiet, good, share, after, all, back, runs } = followed;
  assert.ok(among > 0 && among < HOSTS, `${among}`);
  assert.equal(start.requests.byKind["GET manifests by tag"]! >= HOSTS, true);
  assert.deepEqual(Object.keys(quiet.requests.byKind), ["GET manifests by tag"]);
  assert.deepEqual([good.tried, good.upgraded], [HOSTS, HOSTS]);
  // What says what it is, bin/, the application, its settings, and the end: the rest is there.
  assert.equal(good.requests.byKind["GET blobs"], 5 * HOSTS);
  assert.deepEqual([share.tried, share.handedBack, share.upgraded], [among, among, 0]);
  assert.deepEqual([after.tried, after.requests.byKind["GET blobs"]], [0, undefined]);
  assert.equal(all.tried, all.handedBack);
  assert.ok(back.requests.all >= HOSTS);
  assert.deepEqual(runs, { "1.1.0": HOSTS });
  assert.match(followedText(followed), new RegExp(`a bad version, for ${among} by`));
});
