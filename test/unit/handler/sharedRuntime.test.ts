/** Roots side by side, of one owner who is not root: the bytes of their Node are there once. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { mustRun } from "../../helpers/commands.ts";
import { handmadeRelease, temporaryFolder, writeTarball } from "../../helpers/handmadeRelease.ts";
import { needsRoot, OWNER, STRANGER } from "../../helpers/otherUsers.ts";

const isRoot = needsRoot === false;
const act = (user: number) => isRoot && process.seteuid!(user);
before(() => act(OWNER));
after(() => act(0));

const NODE = "runtime/node-20.20.0-linux-x64/bin/node";

/** Roots in one folder, as in /srv. */
function hosts() {
  const folder = temporaryFolder();
  const root = (name: string) => {
    const path = folder.at(name);
    mkdirSync(join(path, "releases"), { recursive: true });
    const handler = createReleaseHandler(layoutOf(path, name));
    const node = join(path, NODE);
    const tarball = (version: string, bytes = "not really node\n") => {
      const extra = { [NODE]: { bytes, mode: 0o755 } };
      return writeTarball(
        folder.at(`${name}-${version}.tar.gz`),
        handmadeRelease(version, extra, name),
      );
    };
    return {
      path,
      node,
      handler,
      tarball,
      take: async (version: string) => handler.unpack({ source: await tarball(version) }),
      extract: async (version: string, bytes?: string) =>
        mustRun("tar", ["xzf", await tarball(version, bytes)], { cwd: path }),
      inode: () => statSync(node).ino,
      mode: () => statSync(node).mode & 0o777,
    };
  };
  return { root, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

test("a runtime that a neighbour has is linked, read-only, and stays when the neighbour goes", async () => {
  using at = hosts();
  const [wall, shop] = [at.root("wall"), at.root("shop")];
  await wall.take("1.0.0");
  await shop.take("2.0.0");
  assert.equal(shop.inode(), wall.inode());
  assert.deepEqual([shop.mode(), statSync(shop.node).nlink], [0o555, 2]);
  await shop.handler.verify("2.0.0", true);
  rmSync(wall.path, { recursive: true });
  assert.equal(statSync(shop.node).nlink, 1);
  await shop.handler.verify("2.0.0", true);
  // And the tree of it can be unpacked elsewhere, with the modes that it was packed with.
  const other = at.root("other");
  const copy = createReleaseHandler(layoutOf(other.path, "shop"));
  await copy.unpack({ source: shop.path });
  assert.equal(other.inode(), shop.inode());
});

test("after `tar x`, which knows of no neighbours, it is linked once it is verified", async () => {
  using at = hosts();
  const [wall, shop] = [at.root("wall"), at.root("shop")];
  await wall.extract("1.0.0");
  await shop.extract("2.0.0");
  assert.notEqual(shop.inode(), wall.inode());
  await shop.handler.verify("2.0.0");
  assert.deepEqual([shop.inode(), shop.mode()], [wall.inode(), 0o555]);
  await wall.handler.verify("1.0.0");
  assert.equal(shop.inode(), wall.inode());
  assert.deepEqual(readdirSync(join(shop.path, "releases", ".staging")), []);
});

const UNSAFE: Record<string, (node: string) => void> = {
  "others may write": (node) => chmodSync(node, 0o775),
  "has other bytes": () => {},
  "belongs to somebody else": (node) => {
    act(0);
    chownSync(node, STRANGER, STRANGER);
    act(OWNER);
  },
  "is no program there": (node) => chmodSync(node, 0o644),
  "runs as its owner": (node) => chmodSync(node, 0o4755),
};

for (const [what, spoil] of Object.entries(UNSAFE)) {
  const skip = what.includes("somebody") && needsRoot;
  test(`a neighbour's that ${what} is not linked`, { skip }, async () => {
    using at = hosts();
    const [wall, shop] = [at.root("wall"), at.root("shop")];
    await wall.extract("1.0.0", what === "has other bytes" ? "not really Node\n" : undefined);
    spoil(wall.node);
    await shop.take("2.0.0");
    assert.notEqual(shop.inode(), wall.inode());
    assert.deepEqual([shop.mode(), statSync(shop.node).nlink], [0o755, 1]);
    act(0);
    assert.notEqual(statSync(wall.node).mode & 0o222, 0, "what is not shared is left as it was");
    act(OWNER);
  });
}

test("root has a runtime in each of its roots, since nothing is read-only to root", {
  skip: needsRoot,
}, async () => {
  act(0);
  try {
    using at = hosts();
    const [wall, shop] = [at.root("wall"), at.root("shop")];
    await wall.take("1.0.0");
    await shop.take("2.0.0");
    assert.notEqual(shop.inode(), wall.inode());
  } finally {
    act(OWNER);
  }
});
