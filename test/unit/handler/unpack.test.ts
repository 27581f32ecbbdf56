import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { membersOf } from "../../../src/pack/members.ts";
import { compress } from "../../../src/pack/tarball.ts";
import { END_MEMBER, END_OF_TAR_BYTES } from "../../../src/release/endOfTar.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { formatTrustedKey, signManifest } from "../../../src/release/signature.ts";
import {
  bytesOf,
  entriesOf,
  handmadeRelease,
  pack,
  type RawEntry,
  sealed,
  temporaryFolder,
  writeTarball,
} from "../../helpers/handmadeRelease.ts";
import { partedTarball } from "../../helpers/partedTarball.ts";

function host() {
  const folder = temporaryFolder();
  const root = folder.at("root");
  mkdirSync(join(root, "releases"), { recursive: true });
  const layout = layoutOf(root, "wall");
  return {
    folder,
    root,
    layout,
    handler: createReleaseHandler(layout),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const failsWith =
  (code: string, pattern = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof TsugiError, String((error as Error).stack));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };

/** Every path below a folder, so that "nothing is left behind" can be said exactly. */
const listing = (root: string) => readdirSync(root, { recursive: true }).map(String).sort();

test("a tarball in the drop box is unpacked whole, registered, and removed", async () => {
  using at = host();
  const release = handmadeRelease("0.0.2");
  const { dir, tarball } = at.layout.release("0.0.2");
  mkdirSync(dir, { recursive: true });
  await writeTarball(tarball, release);
  let last = 0;
  const unpacked = await at.handler.unpack({ version: "0.0.2" }, ({ bytes }) => {
    last = bytes;
  });
  assert.deepEqual(unpacked, { version: "0.0.2", releaseId: release.releaseId, already: false });
  assert.ok(last > 0);
  for (const file of release.manifest.files) {
    const path = join(at.root, file.path);
    if (file.link) assert.equal(readlinkSync(path), file.link);
    else {
      assert.deepEqual(readFileSync(path), bytesOf(release.files[file.path]!));
      assert.equal(statSync(path).mode & 0o777, file.mode);
    }
  }
  assert.ok(!existsSync(tarball));
  const [entry] = (await at.handler.list()).releases;
  assert.deepEqual([entry?.status, entry?.verified], ["unpacked", true]);
  await at.handler.verify("0.0.2", true);
});

test("unpacking the same release again does nothing and says so", async () => {
  using at = host();
  const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  await at.handler.unpack({ source });
  assert.equal((await at.handler.unpack({ source })).already, true);
  assert.equal((await at.handler.unpack({ version: "0.0.2" })).already, true);
});

test("of two unpacks of the same release at once, the second finds it there", async () => {
  using at = host();
  const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  const both = await Promise.all([at.handler.unpack({ source }), at.handler.unpack({ source })]);
  assert.deepEqual([both[0].already, both[1].already], [false, true]);
  await at.handler.verify("0.0.2", true);
});

test("a tarball in the drop box of a release that is here already goes, too", async () => {
  using at = host();
  const release = handmadeRelease("0.0.2");
  await at.handler.unpack({ source: await writeTarball(at.folder.at("a.tar.gz"), release) });
  const { tarball } = at.layout.release("0.0.2");
  await writeTarball(tarball, release);
  assert.equal((await at.handler.unpack({ version: "0.0.2" })).already, true);
  assert.ok(!existsSync(tarball));
});

test("the tree of a build can be unpacked from its folder", async () => {
  using at = host();
  using elsewhere = host();
  const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  await elsewhere.handler.unpack({ source });
  const unpacked = await at.handler.unpack({ source: elsewhere.root });
  assert.equal(unpacked.version, "0.0.2");
  await at.handler.verify("0.0.2", true);
});

test("folders that two releases share are kept", async () => {
  using at = host();
  const first = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.1"));
  await at.handler.unpack({ source: first });
  const before = statSync(at.layout.node("node-20.20.0-linux-x64")).ino;
  const second = await writeTarball(at.folder.at("b.tar.gz"), handmadeRelease("0.0.2"));
  await at.handler.unpack({ source: second });
  assert.equal(statSync(at.layout.node("node-20.20.0-linux-x64")).ino, before);
});

test("where the host has what comes last, a tarball is held against its end all the same", async () => {
  using at = host();
  // Larger than what is read at once.
  const node = randomBytes(3 << 20).toString("hex");
  const tarballOf = async (version: string) => {
    await partedTarball(at.folder.at(version), version, version, node);
    return readFileSync(at.folder.at(version));
  };
  await tarballOf("0.0.1");
  await at.handler.unpack({ source: at.folder.at("0.0.1") });
  const source = at.folder.at("damaged");
  // One that is new here, and one that is here already.
  for (const version of ["0.0.2", "0.0.1"]) {
    const whole = await tarballOf(version);
    const runtime = membersOf(whole, version).find(({ first }) => first.startsWith("runtime/"))!;
    const damaged: Record<string, [Buffer, RegExp]> = {
      "cut by a byte": [whole.subarray(0, -1), /it can't be read to its end/],
      "without its end": [whole.subarray(0, runtime.end), /truncated/],
      "cut in what is here": [whole.subarray(0, runtime.end - 400), /it can't be read to its end/],
      "without what is here": [whole.subarray(0, runtime.start), /truncated/],
      "garbage behind it": [Buffer.concat([whole, Buffer.from("garbage")]), /can't be read|behind/],
    };
    const before = listing(at.root);
    for (const [what, [bytes, says]] of Object.entries(damaged)) {
      writeFileSync(source, bytes);
      await assert.rejects(
        at.handler.unpack({ source }),
        failsWith("TSUGI_UNPACK_REFUSED", says),
        `${version}, ${what}`,
      );
    }
    assert.deepEqual(listing(at.root), before);
  }
  // What is skipped is not read: docs/guides/trust.md says so.
  const flipped = await tarballOf("0.0.2");
  const runtime = membersOf(flipped, "").find(({ first }) => first.startsWith("runtime/"))!;
  flipped[runtime.end - 400]! ^= 1;
  writeFileSync(source, flipped);
  assert.equal((await at.handler.unpack({ source })).version, "0.0.2");
  await at.handler.verify("0.0.2", true);
});

test("the end of a tarball is the member that it is known by", async () => {
  assert.deepEqual(Buffer.concat(await compress(new Uint8Array(END_OF_TAR_BYTES))), END_MEMBER);
});

test("a shared folder with other bytes is refused", async () => {
  using at = host();
  const first = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.1"));
  await at.handler.unpack({ source: first });
  const before = listing(at.root);
  const other = handmadeRelease("0.0.2", {
    "lib/packages-0a0b0c0d/node_modules/ms/index.js": { bytes: "module.exports = 2;\n" },
  });
  const source = await writeTarball(at.folder.at("b.tar.gz"), other);
  await assert.rejects(
    at.handler.unpack({ source }),
    failsWith("TSUGI_FOLDER_CONFLICT", /packages/),
  );
  assert.deepEqual(listing(at.root), before);
});

test("the same version with other bytes is refused, and replaced by force when merely unpacked", async () => {
  using at = host();
  const first = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  await at.handler.unpack({ source: first });
  const other = handmadeRelease("0.0.2", { "lib/wall-0.0.2/app.mjs": { bytes: "other\n" } });
  const source = await writeTarball(at.folder.at("b.tar.gz"), other);
  await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_RELEASE_CONFLICT"));
  const forced = await at.handler.unpack({ source, force: true });
  assert.equal(forced.releaseId, other.releaseId);
  assert.equal(readFileSync(at.folder.at("root/lib/wall-0.0.2/app.mjs"), "utf8"), "other\n");
  await at.handler.commit("0.0.2");
  await assert.rejects(
    at.handler.unpack({ source: first, force: true }),
    failsWith("TSUGI_RELEASE_CONFLICT", /permanent/),
  );
});

test("a release of another application is refused", async () => {
  using at = host();
  const source = await writeTarball(
    at.folder.at("a.tar.gz"),
    handmadeRelease("1.0.0", {}, "fence"),
  );
  await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_UNPACK_REFUSED", /fence/));
});

test("a path that can't be looked at is not said to lead nowhere", async () => {
  using at = host();
  const source = at.folder.at("loop");
  symlinkSync(source, source);
  await assert.rejects(at.handler.unpack({ source }), { code: "ELOOP" });
});

test("what is not there is not found, and the drop box is named", async () => {
  using at = host();
  await assert.rejects(
    at.handler.unpack({ version: "9.9.9" }),
    (error) =>
      failsWith("TSUGI_RELEASE_NOT_FOUND")(error) &&
      /9\.9\.9\/wall\.tar\.gz/.test((error as TsugiError).hint),
  );
  await assert.rejects(
    at.handler.unpack({ version: "../../etc" }),
    failsWith("TSUGI_RELEASE_NOT_FOUND"),
  );
  await assert.rejects(
    at.handler.unpack({ source: at.folder.at("none.tar.gz") }),
    failsWith("TSUGI_RELEASE_NOT_FOUND", /none\.tar\.gz/),
  );
});

const change = (find: string, by: Partial<RawEntry>) => (entries: RawEntry[]) =>
  entries.map((entry) => (entry.name === find ? { ...entry, ...by } : entry));
const add = (entry: RawEntry) => (entries: RawEntry[]) => [...entries, entry];

const hostile: Record<string, { with: (entries: RawEntry[]) => RawEntry[]; says: RegExp }> = {
  "a path that climbs out": {
    with: add({ name: "../evil", bytes: "x" }),
    says: /not in its manifest/,
  },
  "an absolute path": { with: add({ name: "/tmp/evil", bytes: "x" }), says: /not in its manifest/ },
  "a file that the manifest does not name": {
    with: add({ name: "lib/wall-0.0.2/evil.js", bytes: "x" }),
    says: /evil\.js.*not in its manifest/,
  },
  "a device": {
    with: change("lib/wall-0.0.2/app.mjs", { type: "character-device", bytes: "" }),
    says: /character-device, expected a file/,
  },
  "a pipe": { with: add({ name: "lib/wall-0.0.2/pipe", type: "fifo" }), says: /fifo/ },
  "a hard link": {
    with: change("lib/wall-0.0.2/app.mjs", { type: "link", linkname: "/etc/passwd", bytes: "" }),
    says: /expected a file/,
  },
  "a link where a file should be": {
    with: change("lib/wall-0.0.2/app.mjs", { type: "symlink", linkname: "/etc/passwd", bytes: "" }),
    says: /expected a file/,
  },
  "a link to somewhere else": {
    with: change("lib/wall-0.0.2/node_modules", { linkname: "../../../../etc" }),
    says: /links to/,
  },
  "a setuid bit": { with: change("lib/wall-0.0.2/app.mjs", { mode: 0o4755 }), says: /mode 4755/ },
  "other bytes of the same length": {
    with: (entries) =>
      entries.map((entry) =>
        entry.name.endsWith("app.mjs")
          ? { ...entry, bytes: Buffer.from(entry.bytes!).fill("x") }
          : entry,
      ),
    says: /SHA-256 differs/,
  },
  "more bytes than promised": {
    with: change("lib/wall-0.0.2/app.mjs", { bytes: "x".repeat(5_000_000) }),
    says: /5000000 bytes, expected/,
  },
  "an entry twice": {
    with: (entries) => [...entries, entries.at(-1)!],
    says: /in it twice/,
  },
  "a missing file": { with: (entries) => entries.slice(0, -1), says: /truncated/ },
  "no manifest in front": { with: (entries) => entries.slice(1), says: /begins with/ },
  "a folder that no file lies in": {
    with: add({ name: "var/evil", type: "directory", mode: 0o755 }),
    says: /directory.*not in its manifest/,
  },
};

for (const [what, { with: spoil, says }] of Object.entries(hostile)) {
  test(`a tarball with ${what} is refused and leaves nothing behind`, async () => {
    using at = host();
    const before = listing(at.folder.path);
    const source = at.folder.at("a.tar.gz");
    writeFileSync(source, await pack(spoil(entriesOf(handmadeRelease("0.0.2")))));
    await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_UNPACK_REFUSED", says));
    assert.deepEqual(
      listing(at.folder.path).filter((path) => path !== "a.tar.gz" && !path.endsWith(".staging")),
      before,
    );
    assert.deepEqual(
      listing(at.root).filter((path) => /staging./.test(path)),
      [],
    );
  });
}

const hostileManifests: Record<
  string,
  Record<string, { bytes?: string; link?: string; mode?: number }>
> = {
  "etc/": { "etc/trusted_keys": { bytes: "x" } },
  "releases/permanent": { "releases/permanent": { bytes: "x" } },
  "another release": { "releases/0.0.1/config.json": { bytes: "x" } },
  "another runtime": { "runtime/node-99.0.0-linux-x64/bin/node": { bytes: "x" } },
  "another command": { "bin/sh": { bytes: "x" } },
  "a file below a link": {
    "lib/wall-0.0.2/x": { link: "../wall-0.0.1" },
    "lib/wall-0.0.2/x/app.mjs": { bytes: "x" },
  },
  "names that differ only in Unicode form": {
    "lib/wall-0.0.2/\u00e1": { bytes: "x" },
    "lib/wall-0.0.2/a\u0301": { bytes: "y" },
  },
  setuid: { "lib/wall-0.0.2/su": { bytes: "x", mode: 0o4755 } },
};

for (const [what, extra] of Object.entries(hostileManifests)) {
  test(`a manifest with ${what} is refused`, async () => {
    using at = host();
    const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2", extra));
    await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_UNPACK_REFUSED"));
    assert.deepEqual(listing(at.root), ["releases"]);
  });
}

test("names that differ only in case are two, as packages have them", async () => {
  using at = host();
  const release = handmadeRelease("0.0.2", { "lib/wall-0.0.2/APP.mjs": { bytes: "x" } });
  const source = await writeTarball(at.folder.at("a.tar.gz"), release);
  await at.handler.unpack({ source });
  assert.equal(readFileSync(join(at.root, "lib/wall-0.0.2/APP.mjs"), "utf8"), "x");
});

test("an entry out of the tree is refused", async () => {
  using at = host();
  const { manifest, files } = handmadeRelease("0.0.2");
  const [main] = manifest.processes;
  for (const change of [{ entry: "../../etc/x.mjs" }, { swap: "/etc/x.mjs" }]) {
    const altered = sealed({ ...manifest, processes: [{ ...main!, ...change }] }, files);
    const source = await writeTarball(at.folder.at("a.tar.gz"), altered);
    const refusal = failsWith("TSUGI_UNPACK_REFUSED", /entry leaves the tree/);
    await assert.rejects(at.handler.unpack({ source }), refusal);
  }
});

test("links and paths out of the tree are refused in the manifest already", async () => {
  using at = host();
  for (const extra of [
    { "lib/wall-0.0.2/x": { link: "../../../etc" } },
    { "lib/wall-0.0.2/x": { link: "/etc" } },
    { "lib/../../x": { bytes: "x" } },
  ]) {
    const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2", extra));
    await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_MANIFEST_INVALID"));
  }
});

test("a tarball cut off anywhere is refused", async () => {
  using at = host();
  const whole = await pack(entriesOf(handmadeRelease("0.0.2")));
  const source = at.folder.at("a.tar.gz");
  for (const part of [0, 1, 10, 0.2, 0.5, 0.8, 0.95]) {
    writeFileSync(source, whole.subarray(0, part < 1 ? Math.floor(whole.length * part) : part));
    await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_UNPACK_REFUSED"));
  }
  assert.deepEqual((await at.handler.list()).releases, []);
});

test("what is no tarball at all is refused", async () => {
  using at = host();
  const source = at.folder.at("a.tar.gz");
  for (const bytes of [Buffer.alloc(4096, "x"), Buffer.from([0x1f, 0x8b, 1, 2, 3])]) {
    writeFileSync(source, bytes);
    await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_UNPACK_REFUSED"));
  }
});

test("an unknown manifest format is refused", async () => {
  using at = host();
  const release = handmadeRelease("0.0.2");
  const newer = sealed({ ...release.manifest, format: 9 as 1 }, release.files);
  const source = await writeTarball(at.folder.at("a.tar.gz"), newer);
  await assert.rejects(at.handler.unpack({ source }), failsWith("TSUGI_FORMAT_UNKNOWN", /9/));
});

test("where keys are trusted, only what one of them signed is unpacked", async () => {
  using at = host();
  const trusted = generateKeyPairSync("ed25519");
  const stranger = generateKeyPairSync("ed25519");
  mkdirSync(at.layout.etc);
  writeFileSync(at.layout.trustedKeys, `# ours\n${formatTrustedKey(trusted.publicKey, "ci")}`);
  const release = handmadeRelease("0.0.2");
  const source = at.folder.at("a.tar.gz");
  const offer = async (signature?: string) => {
    writeFileSync(source, await pack(entriesOf(release, signature)));
    return at.handler.unpack({ source });
  };
  const good = signManifest(release.manifestBytes, trusted.privateKey);
  await assert.rejects(offer(), failsWith("TSUGI_SIGNATURE_REFUSED", /not signed/));
  await assert.rejects(
    offer(signManifest(release.manifestBytes, stranger.privateKey)),
    failsWith("TSUGI_SIGNATURE_REFUSED", /not trusted/),
  );
  await assert.rejects(
    offer(signManifest("something else", trusted.privateKey)),
    failsWith("TSUGI_SIGNATURE_REFUSED", /does not fit/),
  );
  assert.deepEqual(
    listing(at.root).filter((path) => !path.startsWith("etc")),
    ["releases"],
  );
  assert.equal((await offer(good)).already, false);
  assert.equal(readFileSync(at.layout.release("0.0.2").signature, "utf8"), good);
});

test("a release that was changed after it was unpacked does not verify", async () => {
  using at = host();
  const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  await at.handler.unpack({ source });
  writeFileSync(join(at.root, "lib/wall-0.0.2/app.mjs"), "changed");
  await assert.rejects(
    at.handler.verify("0.0.2", true),
    failsWith("TSUGI_RELEASE_DAMAGED", /app\.mjs/),
  );
});

test("a folder left by an unpack that crashed does not stand in the way", async () => {
  using at = host();
  mkdirSync(join(at.root, "lib/wall-0.0.2"), { recursive: true });
  writeFileSync(join(at.root, "lib/wall-0.0.2/app.mjs"), "from another build");
  mkdirSync(join(at.layout.staging, "abc"), { recursive: true });
  await at.handler.recover();
  assert.ok(!existsSync(at.layout.staging));
  const source = await writeTarball(at.folder.at("a.tar.gz"), handmadeRelease("0.0.2"));
  await at.handler.unpack({ source });
});
