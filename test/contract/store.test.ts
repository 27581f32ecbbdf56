/** One suite for every place that a store can be in, and what only one of them can do wrong. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { TsugiError } from "../../src/contract/errors.ts";
import { LAYOUT, tagged, tagIn } from "../../src/oci/layout.ts";
import { type Descriptor, digestOf, MANIFEST_TYPE } from "../../src/oci/source.ts";
import { trustIn, verifyRelease } from "../../src/pack/inspect.ts";
import { identityOf } from "../../src/platform/processes.ts";
import { formatTrustedKey, signManifest } from "../../src/release/signature.ts";
import { OWN } from "../../src/store/files.ts";
import { openFolder, openStore } from "../../src/store/index.ts";
import { LayoutRepository } from "../../src/store/layout.ts";
import { SshFolder } from "../../src/store/ssh.ts";
import { Store } from "../../src/store/store.ts";
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

/** As another tool puts it there. */
function foreignBlob(folder: string, text: string, mediaType = "application/json") {
  const digest = digestOf(text);
  writeFileSync(join(folder, LAYOUT.blob(digest)), text);
  return { mediaType, digest, size: text.length };
}

interface Place {
  open(): Promise<Store>;
  /** Where the store's files can be looked at. */
  folder: string;
}

const PLACES: Record<string, () => Place> = {
  folder: () => {
    const folder = temporary.at(`store-${next()}`);
    return { folder, open: () => openStore(folder) };
  },
  ssh: () => {
    const folder = join(fleet.hosts[0]!.folder, `a store-${next()}`);
    return { folder, open: () => openStore(`ssh://depot${folder}`, fleet.configFile) };
  },
};

for (const [kind, make] of Object.entries(PLACES)) {
  describe(`store: ${kind}`, { skip: kind === "ssh" && skip }, () => {
    /** Of what is the same code wherever a store is, and slow where each command is a process. */
    const once = { skip: kind === "ssh" && "its folder has shown it" };
    let place: Place;
    let store: Store;
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
    const blobs = () => readdirSync(join(place.folder, LAYOUT.blobs)).sort();
    const hexOf = async (version: string) =>
      (await store.find({ name: "wall", version })).digest.replace("sha256:", "");
    const tags = () =>
      JSON.parse(readFileSync(join(place.folder, LAYOUT.index), "utf8")).manifests.map(tagIn);
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
      await store.verify(stored!);
      assert.deepEqual(readdirSync(join(place.folder, OWN.folder)).sort(), ["pushes", "tmp"]);
      assert.deepEqual(readdirSync(join(place.folder, OWN.pushes)), []);
      assert.deepEqual(readdirSync(join(place.folder, OWN.temporary)), []);
      assert.deepEqual(tags(), ["wall-1.0.0", "wall-latest"]);
    });

    test("of a second version only what it does not share is moved, and pulled", async () => {
      await push(wall("1.0.0"));
      await whole(wall("1.0.0"));
      const changed = wall("1.1.0", { "lib/wall-1.1.0/app.mjs": { bytes: "changed\n" } });
      const pushed = await push(changed);
      assert.ok(pushed.moved.blobs <= 6, `${pushed.moved.blobs} of ${pushed.blobs}`);
      assert.ok(pushed.moved.bytes < 20_000, String(pushed.moved.bytes));
      const pulled = await whole(changed);
      if (kind === "ssh") assert.ok(pulled.moved.blobs <= 5, String(pulled.moved.blobs));
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
      assert.deepEqual(tags().sort(), ["other-1.0.0", "other-latest", "wall-1.2.0", "wall-latest"]);
    });

    test("prune leaves what a push under way counts on, until that is given up", once, async () => {
      await push(wall("1.0.0"));
      const { layers } = await store.find({ name: "wall", version: "1.0.0" });
      const marker = join(place.folder, OWN.pushes, "0123");
      writeFileSync(marker, layers[0]!.digest);
      writeFileSync(join(place.folder, LAYOUT.index), '{"manifests":[]}');
      await store.prune({ keep: 1 });
      assert.deepEqual(blobs(), [layers[0]!.digest.replace("sha256:", "")]);
      const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
      utimesSync(marker, longAgo, longAgo);
      await store.prune({ keep: 1 });
      assert.deepEqual(blobs(), []);
    });

    test("prune leaves what has a tag of one's own, for as long as it has it", once, async () => {
      for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await push(wall(version));
      const path = join(place.folder, LAYOUT.index);
      const index = () => JSON.parse(readFileSync(path, "utf8"));
      const { digest, size } = await store.find({ name: "wall", version: "1.0.0" });
      const production = tagged({ mediaType: MANIFEST_TYPE, digest, size }, "production");
      const manifests = [...index().manifests, production];
      writeFileSync(path, JSON.stringify({ ...index(), manifests }));
      const removed = async () =>
        (await store.prune({ keep: 1 })).removed.map(({ version }) => version);
      assert.deepEqual(await removed(), ["1.1.0"]);
      await store.verify(await store.find({ name: "wall", version: "production" }));
      const left = index().manifests.filter((entry: Descriptor) => tagIn(entry) !== "production");
      writeFileSync(path, JSON.stringify({ ...index(), manifests: left }));
      assert.deepEqual(await removed(), ["1.0.0"]);
    });

    test(
      "prune sweeps what was given up, and leaves what other tools have put there",
      once,
      async () => {
        await push(wall("1.0.0"));
        await push(wall("1.1.0"));
        const layout = JSON.parse(readFileSync(join(place.folder, LAYOUT.index), "utf8"));
        const config = foreignBlob(place.folder, "{}");
        const document = JSON.stringify({ schemaVersion: 2, config, layers: [] });
        const foreign = foreignBlob(place.folder, document, MANIFEST_TYPE);
        layout.manifests.push(foreign);
        writeFileSync(
          join(place.folder, LAYOUT.index),
          JSON.stringify({ ...layout, mine: "stays" }),
        );
        const half = join(place.folder, OWN.temporary, "half");
        writeFileSync(half, "half");
        await store.prune({ keep: 1 });
        assert.ok(existsSync(half));
        const longAgo = new Date(Date.now() - 25 * 3600 * 1000);
        utimesSync(half, longAgo, longAgo);
        await store.prune({ keep: 1 });
        assert.deepEqual(readdirSync(join(place.folder, OWN.temporary)), []);
        for (const { digest } of [config, foreign]) {
          assert.ok(existsSync(join(place.folder, LAYOUT.blob(digest))));
        }
        assert.equal(
          JSON.parse(readFileSync(join(place.folder, LAYOUT.index), "utf8")).mine,
          "stays",
        );
        assert.deepEqual(
          (await store.list()).map(({ version }) => version),
          ["1.1.0"],
        );
      },
    );

    test("a push whose blobs are taken from under it uploads them again", once, async () => {
      await push(wall("1.0.0"));
      const files = await openFolder(place.folder);
      const sums = files.sums.bind(files);
      let looks = 0;
      files.sums = async (paths) => {
        const there = await sums(paths);
        looks += 1;
        if (looks === 1) {
          for (const name of blobs()) rmSync(join(place.folder, LAYOUT.blobs, name));
        }
        return there;
      };
      const second = wall("1.1.0");
      const robbed = new Store(new LayoutRepository(files));
      const source = await tarballOf(second);
      assert.ok((await robbed.push({ source })).moved.blobs > 6);
      await whole(second);
    });

    test(
      "a turn that nobody gives back is seen through: at once of a process that is gone",
      once,
      async () => {
        const lock = join(place.folder, OWN.lock);
        mkdirSync(join(place.folder, OWN.temporary), { recursive: true });
        const gone = spawnSync(process.execPath, ["-p", "process.pid"], { encoding: "utf8" });
        const [pids, { bootId }] = [readlinkSync("/proc/self/ns/pid"), identityOf(process.pid)];
        const left = { pid: Number(gone.stdout), startTime: "1", bootId, pids, id: "0" };
        writeFileSync(lock, JSON.stringify(left));
        await push(wall("1.0.0"));
        // Of another machine, as far as can be told: a minute later.
        writeFileSync(lock, JSON.stringify({ ...left, bootId: "another" }));
        const pushing = push(wall("1.1.0"));
        let isDone = false;
        pushing.then(() => {
          isDone = true;
        });
        await until("it waits for its turn", () => blobs().length > 8, 60_000);
        assert.ok(!isDone);
        const before = new Date(Date.now() - 61_000);
        utimesSync(lock, before, before);
        await pushing;
        assert.ok(!existsSync(lock));
        await whole(wall("1.1.0"));
      },
    );

    test("a damaged blob is named, nothing is left of the pull, and a push repairs it", async () => {
      const release = wall("1.0.0", { "lib/wall-1.0.0/own": { bytes: `${kind} has it` } });
      await push(release);
      const target = temporary.at(`damaged-${kind}`, "wall.tar.gz");
      const stored = await store.find({ name: "wall", version: "1.0.0" });
      const damage: [string, (path: string) => void][] = [
        ["cut", (path) => writeFileSync(path, readFileSync(path).subarray(0, -9))],
        ["other bytes", (path) => writeFileSync(path, "other bytes")],
        ["more bytes", (path) => appendFileSync(path, readFileSync(path))],
        ["no gzip", (path) => writeFileSync(path, "no gzip")],
        ["gone", (path) => rmSync(path)],
      ];
      // One way is enough where each command is a process on the other side.
      for (const [what, break_] of kind === "ssh" ? damage.slice(0, 1) : damage) {
        process.env.TSUGI_CACHE = temporary.at(`cache-${next()}`);
        const name = stored.layers[2]!.digest.replace("sha256:", "");
        const path = join(place.folder, LAYOUT.blobs, name);
        break_(path);
        const isNamed = failsWith("TSUGI_STORE_DAMAGED", new RegExp(name));
        await assert.rejects(store.pull(stored, { target }), isNamed, what);
        await assert.rejects(store.verify(stored), isNamed, what);
        assert.ok(!existsSync(target), what);
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
        const blob = join(place.folder, LAYOUT.blobs, await hexOf("1.1.0"));
        const before = blobs();
        for (const path of [blob, join(place.folder, LAYOUT.index)]) {
          const bytes = readFileSync(path);
          for (const text of ["", "{", '{"manifests": [3]}']) {
            writeFileSync(path, text);
            const named = failsWith("TSUGI_STORE_DAMAGED", new RegExp(basename(path)));
            await assert.rejects(store.prune({ keep: 1 }), named, text);
            await assert.rejects(store.list(), named, text);
            assert.deepEqual(blobs(), before);
          }
          writeFileSync(path, bytes);
        }
        await whole(wall("1.0.0"));
        // As the advice says: each once, as it was signed, also where a part of a third one is gone.
        const { privateKey } = generateKeyPairSync("ed25519");
        await push(wall("1.1.0"), signManifest(wall("1.1.0").manifestBytes, privateKey));
        await push(wall("1.2.0"));
        const { layers } = await store.find({ name: "wall", version: "1.2.0" });
        rmSync(join(place.folder, LAYOUT.blob(layers[0]!.digest)));
        const listed = async () =>
          (await store.list()).map(({ version, signature, isTagged }) => [
            version,
            !!signature,
            isTagged,
          ]);
        writeFileSync(join(place.folder, LAYOUT.index), '{"schemaVersion":2,"mani');
        await push(wall("1.3.0"));
        assert.deepEqual(await listed(), [
          ["1.3.0", false, false],
          ["1.1.0", true, false],
          ["1.0.0", false, false],
        ]);
        assert.equal((await store.prune({ keep: 9 })).removed.length, 0);
        for (const version of ["1.0.0", "1.1.0", "1.3.0"]) await whole(wall(version));
        assert.equal((await store.find({ name: "wall", version: "latest" })).version, "1.3.0");
        assert.ok(existsSync(join(place.folder, `${LAYOUT.index}.damaged`)));
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
      // That it lies here already, from when nobody has asked, makes it no better.
      const stored = await store.find({ name: "wall", version: "1.0.0" });
      await store.pull(stored, { target });
      await assert.rejects(attempt(), failsWith("TSUGI_SIGNATURE_REFUSED", /not signed/));
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
    const store = await openStore(folder);
    try {
      for (let n = 0; n < 8; n += 1) {
        const version = `1.${n}.0`;
        const files = { "lib/shared/a": shared(n), "lib/shared/b": shared(n + name.length) };
        const source = await tarballOf(handmadeRelease(version, files, name));
        await store.push({ source });
      }
    } finally {
      pushing -= 1;
    }
  };
  const pruner = async () => {
    const store = await openStore(folder);
    while (pushing > 0) await store.prune({ keep: 1 });
  };
  await (await openStore(folder)).push({ source: await tarballOf(wall("1.0.0")) });
  await Promise.all([pusher("a"), pusher("bb"), pusher("ccc"), pruner(), pruner()]);
  const store = await openStore(folder);
  await store.prune({ keep: 1 });
  const kept = await store.list();
  assert.deepEqual(
    kept.map(({ name, version }) => `${name} ${version}`),
    ["a 1.7.0", "bb 1.7.0", "ccc 1.7.0", "wall 1.0.0"],
  );
  for (const stored of kept) await store.verify(stored);
});

describe("store: behind ssh", { skip }, () => {
  test("a connection that is cut within a file leaves no part of it, and the store goes on", async () => {
    const folder = join(fleet.hosts[0]!.folder, `cut-${next()}`);
    const there = new SshFolder(`ssh://depot${folder}`, fleet.configFile);
    const temporaries = join(folder, OWN.temporary);
    const sizes = () => {
      const names = existsSync(temporaries) ? readdirSync(temporaries) : [];
      return names.map((name) => statSync(join(temporaries, name)).size);
    };
    // Less than what is placed at once: "place" comes when there is no further file.
    const bytes = Buffer.alloc(12_000_000, 2);
    const files = async function* () {
      yield { path: LAYOUT.blob(`sha256:${"0".repeat(64)}`), bytes };
      // What has arrived so far must not get its name.
      await until("half of it is there", () => sizes().some((size) => size > 100_000), 60_000);
      fleet.hosts[0]!.cut();
    };
    await assert.rejects(there.put(files()), failsWith("TSUGI_HOST_UNREACHABLE"));
    await until("the script has ended, and cleared up", () => sizes().length === 0, 60_000);
    assert.ok(
      !existsSync(join(folder, LAYOUT.blobs)) ||
        readdirSync(join(folder, LAYOUT.blobs)).length === 0,
    );
    await there.close();
    const again = await openStore(`ssh://depot${folder}`, fleet.configFile);
    await again.push({ source: await tarballOf(wall("1.0.0")) });
    await again.verify(await again.find({ name: "wall", version: "1.0.0" }));
    await again.close();
  });

  test("what is in the way of a lock, and gone a moment later, is no failure", async () => {
    const folder = join(fleet.hosts[0]!.folder, `lock-${next()}`);
    const once = join(fleet.folder, "ln-has-failed");
    const program = join(fleet.folder, "path", "ln");
    const real = readlinkSync(program);
    rmSync(program);
    const fails = `[ -e '${once}' ] || { touch '${once}'; echo "ln: File exists" >&2; exit 1; }`;
    writeFileSync(program, `#!/bin/sh\n${fails}\nexec ${real} "$@"\n`, { mode: 0o755 });
    const there = new SshFolder(`ssh://depot${folder}`, fleet.configFile);
    try {
      const file = { path: OWN.lock, bytes: Buffer.from("mine") };
      assert.deepEqual([await there.create(file), existsSync(once)], [true, true]);
      assert.equal(await there.create({ ...file, bytes: Buffer.from("yours") }), false);
      assert.equal(readFileSync(join(folder, OWN.lock), "utf8"), "mine");
      assert.deepEqual(readdirSync(join(folder, OWN.temporary)), []);
    } finally {
      await there.close();
      rmSync(program);
      symlinkSync(real, program);
    }
  });

  test("the other side needs a shell and coreutils, and quotes in a path do no harm", async () => {
    const folder = join(fleet.hosts[0]!.folder, `it's "$(touch x)" ${next()}`);
    const store = await openStore(`ssh://depot${folder}`, fleet.configFile);
    await store.push({ source: await tarballOf(wall("1.0.0")) });
    assert.ok(existsSync(join(folder, LAYOUT.index)));
    assert.ok(!existsSync(join(fleet.hosts[0]!.folder, "x")));
    await store.close();
  });
});
