/** Roots of Erlang's releases side by side, of one owner who is not root: their runtime is there once. */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { compileBeamHost, ERTS, handmadeBeamRelease } from "../helpers/handmadeBeam.ts";
import { temporaryFolder, writeTarball } from "../helpers/handmadeRelease.ts";
import { as, needsRoot, OWNER, own, STRANGER } from "../helpers/otherUsers.ts";

const skip = (await elixirMissing()) || needsRoot;
const folder = temporaryFolder();
const builds = new BeamBuilds();
after(() => {
  folder[Symbol.dispose]();
  builds.dispose();
});
const VM = `${ERTS}/bin/beam.smp`;
let places = 0;

/** A place of the owner's, as /srv, with roots in it. */
function newPlace(user = OWNER) {
  const path = folder.at(`srv${places}`);
  places += 1;
  mkdirSync(path);
  own(path, user);
  const root = (name: string) => rootAt(join(path, name), user);
  return { path, root };
}

function rootAt(path: string, user: number) {
  mkdirSync(join(path, "releases"), { recursive: true });
  own(path, user);
  const vm = join(path, VM);
  const tarball = async (version: string, bytes = "not really a VM\n") => {
    const release = handmadeBeamRelease(version, { [VM]: { bytes, mode: 0o755 } });
    const file = await writeTarball(`${path}-${version}.tar.gz`, release);
    chmodSync(file, 0o644);
    return file;
  };
  const erlang = (expression: string, actor = user) => {
    const host = [`TSUGI_ROOT=${path}`, "TSUGI_NAME=shop", "erl", "-noshell"];
    const { status, output } = as(actor, "env", [
      ...[...host, "-pa", folder.at("ebin"), "-eval"],
      `io:format("~0tp", [try ${expression} of Value -> Value catch throw:E -> tsugi_error:to_map(E) end]), halt().`,
    ]);
    assert.equal(status, 0, output);
    return output;
  };
  const info = () => statSync(vm);
  return {
    path,
    vm,
    take: async (version: string) =>
      assert.match(
        erlang(`tsugi_unpack:unpack("${await tarball(version)}", #{})`),
        /already => false/,
      ),
    extract: async (version: string, bytes?: string) => {
      await mustRun("tar", ["xzf", await tarball(version, bytes), "-C", path]);
      own(path, user);
    },
    verify: (version: string) =>
      assert.equal(erlang(`tsugi_unpack:verify_once("${version}")`), "true"),
    remove: (version: string) =>
      assert.equal(erlang(`application:start(sasl), tsugi_remove:remove("${version}")`), "ok"),
    info,
    seen: () => ({ mode: info().mode & 0o777, links: info().nlink }),
  };
}

const SHARED = { mode: 0o555, links: 2 };
const ALONE = { mode: 0o755, links: 1 };

describe("a runtime of Erlang that a neighbour has", { skip }, () => {
  before(async () => {
    chmodSync(folder.path, 0o755);
    await compileBeamHost(folder.at("ebin"));
  });

  test("is linked by an unpack, read-only", async () => {
    const place = newPlace();
    const [wall, shop] = [place.root("wall"), place.root("shop")];
    await wall.take("1.0.0");
    await shop.take("2.0.0");
    assert.equal(shop.info().ino, wall.info().ino);
    assert.deepEqual(shop.seen(), SHARED);
    // It is there now: what comes next neither takes nor touches it.
    await shop.take("3.0.0");
    assert.deepEqual(shop.seen(), SHARED);
    assert.deepEqual(readdirSync(join(shop.path, "releases", ".staging")), []);
    for (const version of ["2.0.0", "3.0.0"]) shop.verify(version);
    // What a release and a root take along is their own name for it.
    shop.remove("2.0.0");
    assert.deepEqual(shop.seen(), SHARED);
    rmSync(wall.path, { recursive: true });
    assert.equal(shop.info().nlink, 1);
    shop.verify("3.0.0");
  });

  test("is linked after `tar x`, which knows of no neighbours, once it is verified", async () => {
    const place = newPlace();
    const [wall, shop] = [place.root("wall"), place.root("shop")];
    await wall.extract("1.0.0");
    await shop.extract("2.0.0");
    assert.notEqual(shop.info().ino, wall.info().ino);
    shop.verify("2.0.0");
    assert.equal(shop.info().ino, wall.info().ino);
    assert.deepEqual(shop.seen(), SHARED);
    wall.verify("1.0.0");
    assert.equal(shop.info().ino, wall.info().ino);
    assert.deepEqual(readdirSync(join(shop.path, "releases", ".staging")), []);
  });

  const UNSAFE: Record<string, (vm: string) => void> = {
    "may be written by others": (vm) => chmodSync(vm, 0o775),
    "has other bytes": () => {},
    "belongs to somebody else": (vm) => chownSync(vm, STRANGER, STRANGER),
    "is no program there": (vm) => chmodSync(vm, 0o644),
    "runs as its owner": (vm) => chmodSync(vm, 0o4755),
    "is a link to elsewhere": (vm) => {
      renameSync(vm, `${vm}.other`);
      symlinkSync(`${vm}.other`, vm);
    },
  };
  for (const [what, spoil] of Object.entries(UNSAFE)) {
    test(`is not linked where it ${what}`, async () => {
      const place = newPlace();
      const [wall, shop] = [place.root("wall"), place.root("shop")];
      await wall.extract("1.0.0", what === "has other bytes" ? "not really a vm\n" : undefined);
      spoil(wall.vm);
      await shop.take("2.0.0");
      assert.notEqual(shop.info().ino, wall.info().ino);
      assert.deepEqual(shop.seen(), ALONE);
      assert.notEqual(wall.info().mode & 0o222, 0, "what is not shared is left as it was");
    });
  }

  test("is copied on another file system, and is not root's to share", async (t) => {
    const [place, ofRoot] = [newPlace(), newPlace(0)];
    for (const { root } of [ofRoot]) {
      const [wall, shop] = [root("wall"), root("shop")];
      await wall.take("1.0.0");
      await shop.take("2.0.0");
      assert.deepEqual(shop.seen(), ALONE);
    }
    const elsewhere = `/dev/shm/tsugi-share-${process.pid}`;
    try {
      const wall = rootAt(join(elsewhere, "wall"), OWNER);
      chmodSync(elsewhere, 0o755);
      if (statSync(elsewhere).dev === statSync(place.path).dev) return t.skip("one file system");
      symlinkSync(wall.path, join(place.path, "wall"));
      await wall.extract("1.0.0");
      const shop = place.root("shop");
      await shop.take("2.0.0");
      assert.deepEqual(shop.seen(), ALONE);
      assert.deepEqual(wall.seen(), ALONE);
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });

  test("serves both, and stays with one when the other is gone", async () => {
    const one = await builds.get("0.0.1", { fixture: "shop-0.0.1" });
    const place = newPlace();
    const hosts = [await BeamHost.install(one), await BeamHost.install(one)];
    try {
      const roots = hosts.map((host, index) => {
        const root = join(place.path, `shop${index}`);
        for (const folder of [host.root, host.env.PATH!]) chmodSync(join(folder, ".."), 0o755);
        own(host.root, OWNER);
        renameSync(host.root, root);
        symlinkSync(root, host.root);
        return root;
      });
      const runtime = readdirSync(roots[0]!).find((name) => name.startsWith("erts-"))!;
      const linked = (root: string) =>
        as(OWNER, "find", [join(root, runtime), "-type", "f", "-links", "+1"]).output.split("\n");
      const all = as(OWNER, "find", [join(roots[0]!, runtime), "-type", "f"]).output.split("\n");
      for (const host of hosts) await host.must("start");
      assert.deepEqual(linked(roots[1]!).length, all.length);
      for (const host of hosts) {
        assert.match(await host.get("/add"), /./);
        await host.must("doctor");
      }
      const [first, second] = hosts as [BeamHost, BeamHost];
      await first.must("stop");
      rmSync(roots[0]!, { recursive: true });
      assert.deepEqual(linked(roots[1]!), [""]);
      assert.match(await second.get("/add"), /./);
      await second.must("restart");
      await second.must("doctor");
    } finally {
      for (const host of hosts) await (existsSync(host.bin) ? host.remove() : host.erase());
    }
  });
});
