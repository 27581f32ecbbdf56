/** A host that takes a release out of a store that is a folder there. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import type { Context } from "../../../src/control/context.ts";
import { inStore, withBrought } from "../../../src/control/fromStore.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { LAYOUT } from "../../../src/oci/layout.ts";
import { digestOf } from "../../../src/oci/source.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { formatTrustedKey, signManifest } from "../../../src/release/signature.ts";
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
  process.env.TSUGI_CACHE = folder.at("cache");
  const layout = layoutOf(root, "wall");
  const store = folder.at("store");
  const push = async (release: HandmadeRelease, signature?: string) => {
    const source = folder.at("pushed.tar.gz");
    writeFileSync(source, await pack(entriesOf(release, signature)));
    return (await openStore(store)).push({ source });
  };
  const handler = createReleaseHandler(layout);
  const context = { layout, resolvePath: (path: string) => path } as Context;
  /** As `bin/wall unpack` does it. */
  const unpack = (named: string) =>
    withBrought(context, named, "lacking", ({ source, version }) =>
      handler.unpack({ source, version }),
    );
  return {
    ...{ root, layout, store, push, handler, unpack, context },
    blobOf: (digest: string) => join(store, LAYOUT.blob(digest)),
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
  await at.push(handmadeRelease("0.0.2"));
  await at.push(handmadeRelease("0.0.3"));
  for (const [named, version] of [
    ["wall@0.0.2", "0.0.2"],
    ["latest", "0.0.3"],
  ]) {
    const reference = `${at.store}#${named}`;
    assert.equal(await inStore(at.context, reference), reference);
    assert.equal((await at.unpack(reference)).version, version);
    await at.handler.verify(version!, true);
  }
  const file = join(at.root, "a#1");
  writeFileSync(file, "");
  assert.equal(await inStore(at.context, file), undefined, "a file is what it is");
});

test("content of folders that are on the host is not read again", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.2"));
  await at.unpack(`${at.store}#0.0.2`);
  await at.push(handmadeRelease("0.0.3"));
  const { layers } = await (await openStore(at.store)).find({ name: "wall", version: "0.0.3" });
  const shared = layers.filter(({ annotations }) =>
    /^(runtime|lib\/(tsugi|packages))/.test(Object.values(annotations ?? {}).join()),
  );
  assert.equal(shared.length, 3);
  for (const { digest } of shared) rmSync(at.blobOf(digest));
  await at.unpack(`${at.store}#0.0.3`);
  await at.handler.verify("0.0.3", true);
});

test("what the store lacks or has damaged is refused, and nothing is left", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.2"));
  const source = `${at.store}#0.0.2`;
  const none = failsWith("TSUGI_NOT_IN_STORE", /no wall 0\.0\.9/, 4);
  await assert.rejects(at.unpack(`${at.store}#0.0.9`), none);
  const behindSsh = at.unpack("ssh://depot/store#0.0.2");
  await assert.rejects(behindSsh, failsWith("TSUGI_UNPACK_REFUSED", /folders and registries/, 4));
  const { layers, digest } = await (await openStore(at.store)).find({
    name: "wall",
    version: "0.0.2",
  });
  for (const blob of [digest, ...layers.map((layer) => layer.digest)].map(at.blobOf)) {
    const whole = readFileSync(blob);
    for (const bytes of [whole.subarray(0, 12), Buffer.concat([whole, whole]), Buffer.from("x")]) {
      writeFileSync(blob, bytes);
      const named = failsWith("TSUGI_STORE_DAMAGED", new RegExp(blob), 1);
      await assert.rejects(at.unpack(source), named);
      assert.deepEqual((await at.handler.list()).releases, []);
      const left = existsSync(at.layout.staging) ? readdirSync(at.layout.staging) : [];
      assert.deepEqual(left, []);
      assert.ok(!existsSync(at.layout.release("0.0.2").manifest));
    }
    writeFileSync(blob, whole);
  }
  await at.unpack(source);
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
  await assert.rejects(at.unpack(source), refused);
  await at.push(release, signManifest(release.manifestBytes, privateKey));
  await at.unpack(source);
});

test("another release under the name that was asked for is not taken", async () => {
  using at = hostWithStore();
  await at.push(handmadeRelease("0.0.1"));
  const store = await openStore(at.store);
  const { digest } = await store.find({ name: "wall", version: "0.0.1" });
  const document = readFileSync(at.blobOf(digest), "utf8").replaceAll('"0.0.1"', '"0.0.2"');
  const other = digestOf(document);
  writeFileSync(at.blobOf(other), document);
  const index = join(at.store, LAYOUT.index);
  writeFileSync(index, readFileSync(index, "utf8").replaceAll(digest, other));
  const source = `${at.store}#0.0.2`;
  await assert.rejects(
    at.unpack(source),
    failsWith("TSUGI_UNPACK_REFUSED", /it is version 0\.0\.1/, 4),
  );
  const found = await store.find({ name: "wall", version: "0.0.2" });
  const damaged = failsWith("TSUGI_STORE_DAMAGED", /says wall 0\.0\.2 .* holds wall 0\.0\.1/, 1);
  await assert.rejects(store.verify(found), damaged);
});

test("what a registry has of others under that tag is said to be no release, not damaged", async (t) => {
  using at = hostWithStore();
  const config = { mediaType: "application/vnd.oci.image.config.v1+json" };
  const image = JSON.stringify({ schemaVersion: 2, config, layers: [] });
  const registry = createServer((_request, response) => response.end(image));
  t.after(() => registry.close());
  await once(registry.listen(0, "127.0.0.1"), "listening");
  const { port } = registry.address() as AddressInfo;
  await assert.rejects(
    at.unpack(`oci://127.0.0.1:${port}/team/wall:0.0.2`),
    failsWith("TSUGI_UNPACK_REFUSED", /it is no release of tsugi/, 4),
  );
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
  const unpack = (version: string) => at.unpack(`${at.store}#${version}`);
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
      unpack("0.0.2").then(() => at.unpack(`${at.store}#0.0.1`)),
      failsWith("TSUGI_TRUSTED_KEYS_INVALID", /expected: not-before/, 4),
    );
  }
});
