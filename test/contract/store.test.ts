/** One suite for every place that a store can be in, and what only one of them can do wrong. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { TsugiError } from "../../src/contract/errors.ts";
import { trustIn, verifyRelease } from "../../src/pack/inspect.ts";
import { formatTrustedKey, signManifest } from "../../src/release/signature.ts";
import { type ContentStore, openContentStore } from "../../src/store/index.ts";
import { verifyStored } from "../../src/store/pull.ts";
import {
  entriesOf,
  type HandmadeFile,
  type HandmadeRelease,
  handmadeRelease,
  pack,
  temporaryFolder,
} from "../helpers/handmadeRelease.ts";
import { until } from "../helpers/installed.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();
const temporary = temporaryFolder();
let fleet: SshFleet;
let count = 0;
const next = () => {
  count += 1;
  return count;
};

before(async () => {
  // Copies of what a store elsewhere has: not the machine's.
  process.env.TSUGI_CACHE = temporary.at("cache");
  if (!skip) fleet = await startSshHosts(["depot"]);
});
after(async () => {
  await fleet?.remove();
  temporary[Symbol.dispose]();
});

/** What does not fit into a run with others. */
const LARGE = { bytes: Buffer.alloc(300_000, "large and always the same\n") };

async function tarballOf(release: HandmadeRelease, signature?: string): Promise<string> {
  const path = temporary.at(`${next()}.tar.gz`);
  writeFileSync(path, await pack(entriesOf(release, signature)));
  return path;
}

/** `wall`, with a folder of packages that two versions share, under another name in each. */
function wall(version: string, extra: Record<string, HandmadeFile> = {}, name = "wall") {
  const packages: Record<string, HandmadeFile> = {};
  for (let index = 0; index < 60; index += 1) {
    const path = `lib/packages-${version}/node_modules/p${index}/index.js`;
    packages[path] = { bytes: `module.exports = ${index};\n`.repeat(40) };
  }
  const large = { [`lib/${name}-${version}/large.bin`]: LARGE };
  return handmadeRelease(version, { ...packages, ...large, ...extra }, name);
}

const failsWith =
  (code: string, pattern = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof TsugiError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };

interface Place {
  open(): Promise<ContentStore>;
  /** Where the store's files can be looked at. */
  folder: string;
}

const PLACES: Record<string, () => Place> = {
  folder: () => {
    const folder = temporary.at(`store-${next()}`);
    return { folder, open: () => openContentStore(folder) };
  },
  ssh: () => {
    const folder = join(fleet.hosts[0]!.folder, `a store-${next()}`);
    return { folder, open: () => openContentStore(`ssh://depot${folder}`, fleet.configFile) };
  },
};

for (const [kind, make] of Object.entries(PLACES)) {
  describe(`store: ${kind}`, { skip: kind === "ssh" && skip }, () => {
    /** Of what is the same code wherever a store is, and slow where each command is a process. */
    const once = { skip: kind === "ssh" && "its folder has shown it" };
    let place: Place;
    let store: ContentStore;
    beforeEach(async () => {
      place = make();
      store = await place.open();
    });
    afterEach(() => store.close());

    const push = async (release: HandmadeRelease, signature?: string) =>
      store.push({ source: await tarballOf(release, signature) });
    const pull = async (version: string, name = "wall") => {
      const target = temporary.at(`pulled-${next()}`, "wall.tar.gz");
      return store.pull(await store.find({ name, version }), { target });
    };
    const blobs = () => readdirSync(join(place.folder, "blobs")).sort();
    const whole = async (release: HandmadeRelease) => {
      const { name, version } = release.manifest;
      const pulled = await pull(version, name);
      assert.equal(pulled.releaseId, release.releaseId);
      assert.equal((await verifyRelease(pulled.file)).releaseId, release.releaseId);
      return pulled;
    };

    test("what was pushed is listed, read and pulled as it was", async () => {
      const release = wall("1.0.0", {
        "lib/wall-1.0.0/empty": { bytes: "" },
        "lib/wall-1.0.0/run.sh": { bytes: "#!/bin/sh\n", mode: 0o755 },
      });
      const pushed = await push(release);
      assert.equal(pushed.already, false);
      assert.equal(pushed.moved.blobs, pushed.blobs);
      const [stored, ...others] = await store.list();
      assert.deepEqual(others, []);
      assert.equal(stored!.releaseId, release.releaseId);
      assert.equal((await store.manifest(stored!)).manifestBytes, release.manifestBytes);
      assert.equal((await store.find({ name: "wall", version: "latest" })).version, "1.0.0");
      await whole(release);
      await verifyStored(store, stored!);
      assert.deepEqual(readdirSync(join(place.folder, "tmp")), []);
      assert.deepEqual(readdirSync(join(place.folder, "pushes")), []);
    });

    test("of a second version only what it does not share is moved, and pulled", async () => {
      await push(wall("1.0.0"));
      await whole(wall("1.0.0"));
      const changed = wall("1.1.0", { "lib/wall-1.1.0/app.mjs": { bytes: "changed\n" } });
      const pushed = await push(changed);
      assert.ok(pushed.moved.blobs <= 4, `${pushed.moved.blobs} of ${pushed.blobs}`);
      assert.ok(pushed.moved.bytes < 20_000, String(pushed.moved.bytes));
      const pulled = await whole(changed);
      if (kind === "ssh") assert.ok(pulled.moved.blobs <= 4, String(pulled.moved.blobs));
    });

    test("the same release again moves nothing; another one of its version is refused", async () => {
      await push(wall("1.0.0"));
      const again = await push(wall("1.0.0"));
      assert.deepEqual([again.already, again.moved.blobs], [true, 0]);
      const other = wall("1.0.0", { "lib/wall-1.0.0/app.mjs": { bytes: "other\n" } });
      await assert.rejects(push(other), failsWith("TSUGI_STORE_CONFLICT", /wall 1\.0\.0/));
      await whole(wall("1.0.0"));
    });

    test("of pushes at once, of one release or of two with one version, one is first", async () => {
      const one = wall("1.0.0");
      const same = await Promise.all([push(one), push(one), push(one)]);
      assert.deepEqual(same.map(({ already }) => already).sort(), [false, true, true]);
      const other = wall("2.0.0", { "lib/wall-2.0.0/app.mjs": { bytes: "other\n" } });
      const both = await Promise.allSettled([push(wall("2.0.0")), push(other)]);
      const refused = both.filter((result) => result.status === "rejected");
      assert.equal(refused.length, 1);
      failsWith("TSUGI_STORE_CONFLICT")(refused[0]!.reason);
      await whole(one);
      await whole(both[0]!.status === "fulfilled" ? wall("2.0.0") : other);
    });

    test("prune keeps the newest of each app and every blob that they are made of", async () => {
      for (const version of ["1.0.0", "1.1.0", "1.2.0"]) {
        await push(wall(version, { [`lib/wall-${version}/only`]: { bytes: version } }));
      }
      await push(wall("1.0.0", {}, "other"));
      const before = blobs().length;
      const dry = await store.prune({ keep: 1, dryRun: true });
      assert.equal(blobs().length, before);
      const pruned = await store.prune({ keep: 1 });
      const gone = ["wall 1.1.0", "wall 1.0.0"];
      for (const { removed } of [dry, pruned]) {
        assert.deepEqual(
          removed.map(({ name, version }) => `${name} ${version}`),
          gone,
        );
      }
      assert.ok(pruned.freedBytes! > 0);
      assert.ok(blobs().length < before);
      await whole(wall("1.2.0", { "lib/wall-1.2.0/only": { bytes: "1.2.0" } }));
      await whole(wall("1.0.0", {}, "other"));
      await assert.rejects(pull("1.0.0"), failsWith("TSUGI_NOT_IN_STORE"));
      assert.deepEqual(readdirSync(join(place.folder, "trash")), []);
    });

    test("prune leaves what a push under way counts on, until that has been given up", async () => {
      await push(wall("1.0.0"));
      const release = join(place.folder, "releases/wall/1.0.0.json");
      const { manifest } = JSON.parse(readFileSync(release, "utf8"));
      const marker = join(place.folder, "pushes/0123.json");
      writeFileSync(marker, JSON.stringify({ blobs: [manifest] }));
      writeFileSync(join(place.folder, "tmp/half"), "half");
      rmSync(release);
      await store.prune({ keep: 1 });
      assert.deepEqual(blobs(), [`${manifest}.gz`]);
      assert.ok(existsSync(join(place.folder, "tmp/half")));
      const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
      utimesSync(marker, longAgo, longAgo);
      utimesSync(join(place.folder, "tmp/half"), longAgo, longAgo);
      await store.prune({ keep: 1 });
      assert.deepEqual(blobs(), []);
      assert.deepEqual(readdirSync(join(place.folder, "tmp")), []);
    });

    test("a blob that comes into use while a prune works goes back", once, async () => {
      await push(wall("1.0.0"));
      const release = join(place.folder, "releases/wall/1.0.0.json");
      const kept = readFileSync(release);
      rmSync(release);
      const before = blobs();
      const { files } = store;
      const move = files.move.bind(files);
      let moved = 0;
      files.move = async (moves) => {
        await move(moves);
        // Another machine's push, which saw all its blobs a moment ago, ends now.
        if (moved === 0 && moves.length > 0) writeFileSync(release, kept);
        moved += moves.length;
      };
      await store.prune({ keep: 1 });
      assert.equal(moved, 2 * before.length);
      assert.deepEqual(blobs(), before);
      await whole(wall("1.0.0"));
    });

    test("a push whose blobs are taken from under it uploads them again", once, async () => {
      await push(wall("1.0.0"));
      const { files } = store;
      const present = files.present.bind(files);
      let looks = 0;
      files.present = async (paths) => {
        const there = await present(paths);
        looks += 1;
        if (looks === 1) {
          for (const name of blobs()) rmSync(join(place.folder, "blobs", name));
        }
        return there;
      };
      const second = wall("1.1.0");
      await push(second);
      await whole(second);
    });

    test("what a killed prune has left in its trash is found there", async () => {
      await push(wall("1.0.0"));
      mkdirSync(join(place.folder, "trash/0123"), { recursive: true });
      const lost = blobs();
      for (const name of lost) {
        renameSync(join(place.folder, "blobs", name), join(place.folder, "trash/0123", name));
      }
      await whole(wall("1.0.0"));
      assert.deepEqual(blobs(), lost);
    });

    test("a damaged blob is named, nothing is left of the pull, and a push repairs it", async () => {
      const release = wall("1.0.0", { "lib/wall-1.0.0/own": { bytes: `${kind} has it` } });
      await push(release);
      const target = temporary.at(`damaged-${kind}`, "wall.tar.gz");
      const stored = await store.find({ name: "wall", version: "1.0.0" });
      const damage: [string, (path: string) => void][] = [
        ["cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, -9))],
        ["other bytes", (path) => writeFileSync(path, readFileSync(join(path, "..", blobs()[0]!)))],
        ["more bytes", (path) => appendFileSync(path, readFileSync(path))],
        ["no gzip", (path) => writeFileSync(path, "no gzip")],
        ["gone", (path) => rmSync(path)],
      ];
      // One way is enough where each command is a process on the other side.
      for (const [what, break_] of kind === "ssh" ? damage.slice(0, 1) : damage) {
        process.env.TSUGI_CACHE = temporary.at(`cache-${next()}`);
        const name = blobs().find(
          (blob) => blob !== blobs()[0] && !blob.includes(stored.manifest),
        )!;
        const path = join(place.folder, "blobs", name);
        break_(path);
        const isNamed = failsWith("TSUGI_STORE_DAMAGED", new RegExp(name));
        await assert.rejects(store.pull(stored, { target }), isNamed, what);
        await assert.rejects(verifyStored(store, stored), isNamed, what);
        assert.ok(!existsSync(target), what);
        rmSync(path, { force: true });
        assert.equal((await push(release)).already, true);
        await store.pull(stored, { target });
        rmSync(target);
      }
      assert.deepEqual(readdirSync(temporary.at(`damaged-${kind}`)), []);
    });

    test(
      "a release that can't be read is named, and a prune stops before anything goes",
      once,
      async () => {
        await push(wall("1.0.0"));
        await push(wall("1.1.0"));
        const path = join(place.folder, "releases/wall/1.1.0.json");
        const before = blobs();
        const texts = [
          "",
          "{",
          '{"format": 2}',
          readFileSync(path, "utf8").replace(/"runs": \[[\s\S]*/, '"runs": [3]}'),
        ];
        for (const text of texts) {
          writeFileSync(path, text);
          const named = (error: unknown) => /1\.1\.0\.json/.test(String((error as Error).message));
          await assert.rejects(store.prune({ keep: 1 }), named, text);
          await assert.rejects(store.list(), named, text);
          assert.deepEqual(blobs(), before);
        }
        await whole(wall("1.0.0"));
      },
    );

    test("with trusted keys, only what one of them has signed is pulled; signing may come later", async () => {
      const { publicKey, privateKey } = generateKeyPairSync("ed25519");
      const file = temporary.at(`keys-${next()}`);
      writeFileSync(file, formatTrustedKey(publicKey), { mode: 0o644 });
      const refuseUntrusted = await trustIn(file);
      const release = wall("1.0.0");
      await push(release);
      const target = temporary.at(`signed-${kind}.tar.gz`);
      const attempt = async () =>
        store.pull(await store.find({ name: "wall", version: "1.0.0" }), {
          target,
          refuseUntrusted,
        });
      await assert.rejects(attempt(), failsWith("TSUGI_SIGNATURE_REFUSED", /not signed/));
      assert.ok(!existsSync(target));
      await push(release, signManifest(release.manifestBytes, privateKey));
      await attempt();
      assert.notEqual((await verifyRelease(target, file)).signedBy, null);
    });

    test("a store that is not there says so, and a file of that name too", async () => {
      const looked = failsWith("TSUGI_STORE_FAILED", /there is no such folder/);
      await assert.rejects(store.list(), looked);
      await assert.rejects(store.find({ name: "wall", version: "1.0.0" }), looked);
      writeFileSync(place.folder, "a file");
      await assert.rejects(push(wall("1.0.0")), failsWith("TSUGI_STORE_FAILED"));
    });
  });
}

test("pushes and prunes at once, for a while: what is listed is whole", async () => {
  const folder = temporary.at(`store-${next()}`);
  const shared = (n: number) => ({
    bytes: Buffer.alloc(70_000, `content ${n % 5}, which comes into use and goes out of it\n`),
  });
  let pushing = 3;
  const pusher = async (name: string) => {
    const store = await openContentStore(folder);
    for (let n = 0; n < 8; n += 1) {
      const version = `1.${n}.0`;
      const files = { "lib/shared/a": shared(n), "lib/shared/b": shared(n + name.length) };
      const source = await tarballOf(handmadeRelease(version, files, name));
      await store.push({ source });
    }
    pushing -= 1;
  };
  const pruner = async () => {
    const store = await openContentStore(folder);
    while (pushing > 0) await store.prune({ keep: 1 });
  };
  await (await openContentStore(folder)).push({ source: await tarballOf(wall("1.0.0")) });
  await Promise.all([pusher("a"), pusher("bb"), pusher("ccc"), pruner(), pruner()]);
  const store = await openContentStore(folder);
  await store.prune({ keep: 1 });
  const kept = await store.list();
  assert.deepEqual(
    kept.map(({ name, version }) => `${name} ${version}`),
    ["a 1.7.0", "bb 1.7.0", "ccc 1.7.0", "wall 1.0.0"],
  );
  for (const stored of kept) await verifyStored(store, stored);
});

describe("store: behind ssh", { skip }, () => {
  test("a connection that is cut within a file leaves no part of it, and the store goes on", async () => {
    const folder = join(fleet.hosts[0]!.folder, `cut-${next()}`);
    const store = await openContentStore(`ssh://depot${folder}`, fleet.configFile);
    const sizes = () => {
      const names = existsSync(join(folder, "tmp")) ? readdirSync(join(folder, "tmp")) : [];
      return names.map((name) => statSync(join(folder, "tmp", name)).size);
    };
    // Less than what is placed at once: "place" comes when there is no further file.
    const bytes = Buffer.alloc(12_000_000, 2);
    const files = async function* () {
      yield { path: "blobs/large.gz", bytes };
      // What has arrived so far must not get its name.
      await until("half of it is there", () => sizes().some((size) => size > 100_000), 60_000);
      fleet.hosts[0]!.cut();
    };
    await assert.rejects(store.files.put(files()), failsWith("TSUGI_HOST_UNREACHABLE"));
    await until("the script has ended, and cleared up", () => sizes().length === 0, 60_000);
    assert.ok(
      !existsSync(join(folder, "blobs")) || readdirSync(join(folder, "blobs")).length === 0,
    );
    await store.close();
    const again = await openContentStore(`ssh://depot${folder}`, fleet.configFile);
    await again.push({ source: await tarballOf(wall("1.0.0")) });
    await verifyStored(again, await again.find({ name: "wall", version: "1.0.0" }));
    await again.close();
  });

  test("the other side needs a shell and coreutils, and quotes in a path do no harm", async () => {
    const folder = join(fleet.hosts[0]!.folder, `it's "$(touch x)" ${next()}`);
    const store = await openContentStore(`ssh://depot${folder}`, fleet.configFile);
    await store.push({ source: await tarballOf(wall("1.0.0")) });
    assert.ok(existsSync(join(folder, "releases/wall/1.0.0.json")));
    assert.ok(!existsSync(join(fleet.hosts[0]!.folder, "x")));
    await store.close();
  });
});
