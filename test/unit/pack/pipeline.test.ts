/** A kept member that says of itself that it is whole, and is another. */
import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { textFile } from "../../../src/pack/fileSet.ts";
import { verifyRelease } from "../../../src/pack/inspect.ts";
import { silentLog } from "../../../src/pack/log.ts";
import { build, type ReleaseKind } from "../../../src/pack/pipeline.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { sha256 } from "../../../src/release/manifest.ts";
import { bytesOf, handmadeRelease } from "../../helpers/handmadeRelease.ts";
import { temporaryFolder, useCache } from "../../helpers/projects.ts";

const { folder, remove } = temporaryFolder("pipeline");
after(remove);
after(useCache(join(folder, "cache")));

const release = handmadeRelease("0.0.1", { "lib/wall-0.0.1/node_modules": { bytes: "a file" } });
const layout = layoutOf(join(folder, "wall"), "wall");
const groups = release.manifest.files.map((entry) => ({
  files: [textFile(entry.path, bytesOf(release.files[entry.path]!), entry.mode)],
  entries: [entry],
  stable: true,
}));
const kind: ReleaseKind<undefined> = {
  decide: async () => undefined,
  layout: () => layout,
  compose: async () => {
    const manifestFile = textFile("releases/0.0.1/release.json", release.manifestBytes);
    const { manifest, releaseId } = release;
    return { manifest, releaseId, manifestFile, groups };
  },
};

test("is part of no release that is signed", async () => {
  await build(kind, undefined, silentLog);
  const members = join(folder, "cache", "members");
  for (const name of readdirSync(members).filter((name) => name.endsWith(".gz"))) {
    const evil = gzipSync(Buffer.alloc(512));
    writeFileSync(join(members, name), evil);
    writeFileSync(join(members, `${name}.sha256`), sha256(evil));
  }
  const again = (key?: Parameters<typeof build>[1]) => {
    rmSync(layout.root, { recursive: true });
    return build(kind, key, silentLog);
  };
  const { tarball } = await again();
  await assert.rejects(verifyRelease(tarball), /TSUGI|wall/);
  const signed = await again(generateKeyPairSync("ed25519").privateKey);
  assert.equal((await verifyRelease(signed.tarball)).signedBy, signed.signedBy);
  assert.equal(sha256(readFileSync(signed.tarball)), signed.sha256);
});
