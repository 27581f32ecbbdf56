/** A host that takes a release out of a store that is a folder there. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { formatTrustedKey, signManifest } from "../../../src/release/signature.ts";
import { cutIntoRuns, STORE } from "../../../src/release/stored.ts";
import { openStore } from "../../../src/store/index.ts";
import {
  entriesOf,
  type HandmadeRelease,
  handmadeRelease,
  pack,
  temporaryFolder,
} from "../../helpers/handmadeRelease.ts";

function hostWithStore() {
  const folder = temporaryFolder();
  const root = folder.at("root");
  mkdirSync(join(root, "releases"), { recursive: true });
  const layout = layoutOf(root, "wall");
  const store = folder.at("store");
  const push = async (release: HandmadeRelease, signature?: string) => {
    const source = folder.at("pushed.tar.gz");
    writeFileSync(source, await pack(entriesOf(release, signature)));
    return (await openStore(store)).push({ source });
  };
  const blobs = () => readdirSync(join(store, "blobs")).map((name) => join(store, "blobs", name));
  const handler = createReleaseHandler(layout);
  return {
    root,
    layout,
    store,
    push,
    blobs,
    handler,
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

const failsWith = (code: string, pattern: RegExp, exitCode: number) => (error: unknown) => {
  assert.ok(error instanceof TsugiError, String((error as Error).stack));
  assert.deepEqual([error.code, error.exitCode], [code, exitCode], error.message);
  assert.match(error.message, pattern);
  return true;
};

test("a store reference is unpacked whole, with the app's name and without", async () => {
  using at = hostWithStore();
  const release = handmadeRelease("0.0.2");
  await at.push(release);
  await at.push(handmadeRelease("0.0.3"));
  for (const [named, version] of [
    ["wall@0.0.2", "0.0.2"],
    ["0.0.3", "0.0.3"],
  ]) {
    const source = `${at.store}#${named}`;
    assert.equal((await at.handler.peek({ source })).version, version);
    assert.equal((await at.handler.unpack({ source })).version, version);
    await at.handler.verify(version!, true);
  }
});

test("content of folders that are on the host is not read again", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.2"));
  await at.handler.unpack({ source: `${at.store}#0.0.2` });
  const next = handmadeRelease("0.0.3");
  await at.push(next);
  const shared = cutIntoRuns(next.manifest.files).filter(({ files }) =>
    /^(runtime|lib\/(tsugi|packages))/.test(files[0]!.path),
  );
  assert.equal(shared.length, 3);
  for (const { blob } of shared) rmSync(join(at.store, STORE.blob(blob)));
  await at.handler.unpack({ source: `${at.store}#0.0.3` });
  await at.handler.verify("0.0.3", true);
});

test("what the store lacks or has damaged is refused, and nothing is left", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.2"));
  const source = `${at.store}#0.0.2`;
  const none = failsWith("TSUGI_NOT_IN_STORE", /no wall 0\.0\.9/, 4);
  await assert.rejects(at.handler.unpack({ source: `${at.store}#0.0.9` }), none);
  const behindSsh = at.handler.unpack({ source: "ssh://depot/store#0.0.2" });
  await assert.rejects(behindSsh, failsWith("TSUGI_UNPACK_REFUSED", /folders only/, 4));
  for (const blob of at.blobs()) {
    const whole = readFileSync(blob);
    for (const bytes of [whole.subarray(0, 12), Buffer.concat([whole, whole]), Buffer.from("x")]) {
      writeFileSync(blob, bytes);
      const named = failsWith("TSUGI_UNPACK_REFUSED", new RegExp(blob), 4);
      await assert.rejects(at.handler.unpack({ source }), named);
      assert.deepEqual((await at.handler.registry()).releases, []);
      assert.deepEqual(readdirSync(at.root), ["releases"]);
      assert.ok(!existsSync(at.layout.release("0.0.2").manifest));
    }
    writeFileSync(blob, whole);
  }
  await at.handler.unpack({ source });
});

test("trusted keys hold for a store, too", async () => {
  using at = hostWithStore();
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  mkdirSync(at.layout.etc);
  writeFileSync(at.layout.trustedKeys, formatTrustedKey(publicKey), { mode: 0o644 });
  const release = handmadeRelease("0.0.2");
  const source = `${at.store}#0.0.2`;
  await at.push(release);
  const refused = failsWith("TSUGI_SIGNATURE_REFUSED", /not signed/, 4);
  await assert.rejects(at.handler.unpack({ source }), refused);
  await at.push(release, signManifest(release.manifestBytes, privateKey));
  await at.handler.unpack({ source });
});

test("another release under the name that was asked for is not taken", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.1"));
  const file = (version: string) => join(at.store, STORE.release("wall", version));
  const source = `${at.store}#0.0.2`;
  writeFileSync(file("0.0.2"), readFileSync(file("0.0.1")));
  const refused = failsWith("TSUGI_STORE_DAMAGED", /it is of wall 0\.0\.1/, 1);
  await assert.rejects(at.handler.unpack({ source }), refused);
  await assert.rejects(at.handler.peek({ source }), refused);
  const store = await openStore(at.store);
  await assert.rejects(store.find({ name: "wall", version: "0.0.2" }), refused);
  // Its name changed as well: then it is the manifest that disagrees.
  const stored = JSON.parse(readFileSync(file("0.0.1"), "utf8"));
  writeFileSync(file("0.0.2"), JSON.stringify({ ...stored, version: "0.0.2" }));
  await assert.rejects(
    at.handler.unpack({ source }),
    failsWith("TSUGI_UNPACK_REFUSED", /its manifest is of wall 0\.0\.1/, 4),
  );
  assert.ok(!existsSync(at.layout.release("0.0.1").dir), "and the older one has not come");
});

test("a signature of a wrong type is a damaged store, in words", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.1"));
  const file = join(at.store, STORE.release("wall", "0.0.1"));
  for (const signature of [1, {}, [], null]) {
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), signature }));
    await assert.rejects(
      at.handler.unpack({ source: `${at.store}#0.0.1` }),
      failsWith("TSUGI_STORE_DAMAGED", /"signature" is not a string/, 1),
    );
  }
});

test("no older release comes in than etc/trusted_keys allows, however well it is signed", async () => {
  using at = hostWithStore();
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  for (const version of ["0.0.1", "0.0.2", "0.0.10"]) {
    const release = handmadeRelease(version);
    await at.push(release, signManifest(release.manifestBytes, privateKey));
  }
  mkdirSync(at.layout.etc, { recursive: true });
  const trust = (...lines: string[]) =>
    writeFileSync(at.layout.trustedKeys, [formatTrustedKey(publicKey), ...lines, ""].join("\n"));
  const unpack = (version: string) => at.handler.unpack({ source: `${at.store}#${version}` });
  const old = failsWith("TSUGI_SIGNATURE_REFUSED", /older than not-before 0\.0\.2/, 4);
  for (const line of ["not-before 0.0.2", "not-before wall 0.0.2"]) {
    trust(line);
    await assert.rejects(unpack("0.0.1"), old, line);
  }
  trust("not-before other 9.9.9", "not-before wall 0.0.2");
  assert.equal((await unpack("0.0.2")).version, "0.0.2");
  assert.equal((await unpack("0.0.10")).version, "0.0.10", "by number, not by letter");
  for (const line of ["not-before", "not-before soon", "not-before wall other 1.0.0"]) {
    trust(line);
    await assert.rejects(
      unpack("0.0.2").then(() => at.handler.unpack({ source: `${at.store}#0.0.1` })),
      failsWith("TSUGI_TRUSTED_KEYS_INVALID", /expected: not-before/, 4),
    );
  }
});
