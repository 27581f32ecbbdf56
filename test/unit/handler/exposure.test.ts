/** Others who may write to a root, real ones; and files that lie beside the signed ones. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { findExposures, isPrivate } from "../../../src/handler/exposure.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { formatTrustedKey, signManifest } from "../../../src/release/signature.ts";
import {
  entriesOf,
  handmadeRelease,
  pack,
  temporaryFolder,
} from "../../helpers/handmadeRelease.ts";
import { needsRoot, OWNER, own, STRANGER } from "../../helpers/otherUsers.ts";

const NODE = "runtime/node-20.20.0-linux-x64/bin";

async function rootWithRelease() {
  const folder = temporaryFolder();
  const layout = layoutOf(folder.at("root"), "wall");
  for (const place of [layout.releases, layout.etc]) mkdirSync(place, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(layout.trustedKeys, formatTrustedKey(publicKey));
  const release = handmadeRelease("0.0.1");
  const source = folder.at("a.tar.gz");
  const signature = signManifest(release.manifestBytes, privateKey);
  writeFileSync(source, await pack(entriesOf(release, signature)));
  const handler = createReleaseHandler(layout);
  await handler.unpack({ source });
  return { folder, layout, handler, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe("a root that others may write to", { skip: needsRoot }, () => {
  test("is found at every place, with what is to be typed; its owner's own group is none", async () => {
    using at = await rootWithRelease();
    const { layout } = at;
    own(layout.root, OWNER);
    const look = async () => (await findExposures(layout)).map(({ path, fix }) => [path, fix]);
    assert.deepEqual(await look(), []);
    const places = ["bin", "lib", "lib/wall-0.0.1", `${NODE}/node`, "releases"];
    for (const place of ["", ...places, "releases/0.0.1", "etc", "etc/trusted_keys"]) {
      const path = join(layout.root, place);
      const closed = [[path, `chmod go-w ${path}`]];
      chmodSync(path, 0o757);
      assert.deepEqual(await look(), closed, `others: ${place}`);
      chmodSync(path, 0o775);
      assert.deepEqual(await look(), [], `its own group: ${place}`);
      chownSync(path, OWNER, STRANGER);
      assert.deepEqual(await look(), closed, `another group: ${place}`);
      chownSync(path, OWNER, 0);
      assert.deepEqual(await look(), [], `root's group: ${place}`);
      chmodSync(path, 0o755);
      if (place !== "") {
        chownSync(path, STRANGER, STRANGER);
        assert.deepEqual(
          await look(),
          [[path, `chown ${OWNER} ${path}`]],
          `a stranger's: ${place}`,
        );
      }
      chownSync(path, OWNER, OWNER);
    }
  });
});

test("what we own ourselves, in a root of somebody else's, gives nobody more rights", {
  skip: needsRoot,
}, async (t) => {
  using at = await rootWithRelease();
  const { layout } = at;
  own(layout.root, 0);
  chownSync(layout.releases, OWNER, OWNER);
  // As Kubernetes makes a volume for an fsGroup.
  chownSync(layout.root, 0, OWNER);
  chmodSync(layout.root, 0o2775);
  const look = async () => (await findExposures(layout)).map(({ path }) => path);
  assert.deepEqual(await look(), [layout.root, layout.releases], "for root, it does");
  t.mock.method(process as { getuid(): number }, "getuid", () => OWNER);
  assert.deepEqual(await look(), []);
});

test("a group is private when nobody else is in it", () => {
  const users = [
    { name: "root", uid: 0, gid: 0 },
    { name: "app", uid: 1000, gid: 1000 },
    { name: "ci", uid: 1001, gid: 1001 },
    { name: "web", uid: 1002, gid: 1003 },
  ];
  const members = new Map<number, string[]>([
    [1000, []],
    [1001, ["app"]],
    [1003, []],
    [1004, ["app"]],
  ]);
  const expected: [gid: number, isPrivate: boolean][] = [
    [1000, true],
    [0, true],
    [1001, false],
    [1003, false],
    [1004, true],
    [2000, false],
  ];
  for (const [gid, wanted] of expected) {
    assert.equal(isPrivate(gid, [1000], { users, members }), wanted, String(gid));
  }
  assert.ok(isPrivate(1001, [1000, 1001], { users, members }), "of two that are ours");
  assert.ok(isPrivate(2000, [2000], { users, members }), "of somebody whom no file knows");
});

test("a file beside the signed ones is refused where keys are trusted, at each start", async () => {
  using at = await rootWithRelease();
  const { layout, handler } = at;
  const plants = [
    "lib/wall-0.0.1/express.mjs",
    "lib/packages-0a0b0c0d/node_modules/x.js",
    "lib/tsugi-0.1.0/x.mjs",
    `${NODE}/npm`,
  ];
  for (const again of [false, true]) {
    await handler.verify("0.0.1", again);
    for (const plant of plants) {
      const path = join(layout.root, plant);
      writeFileSync(path, "evil");
      await assert.rejects(handler.verify("0.0.1", again), (error: unknown) => {
        assert.ok(error instanceof TsugiError, String(error));
        assert.equal(error.code, "TSUGI_RELEASE_DAMAGED");
        assert.ok(error.message.includes(`${plant} is not among what was signed`), error.message);
        return true;
      });
      rmSync(path);
    }
  }
  rmSync(layout.trustedKeys);
  writeFileSync(join(layout.root, plants[0]!), "the owner's own");
  await handler.verify("0.0.1", true);
});
