/** Deltas, from the match of two files to a release that was made of another one on a host. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import type { Inventory } from "../../../src/release/delta.ts";
import { lastingName, unzigzag, zigzag } from "../../../src/release/delta.ts";
import { makeDelta, type ReleaseContent } from "../../../src/release/deltaMake.ts";
import { findRegions } from "../../../src/release/deltaMatch.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { unitHash, unitsOf } from "../../../src/release/units.ts";
import {
  bytesOf,
  type HandmadeFile,
  type HandmadeRelease,
  handmadeRelease,
  temporaryFolder,
  writeTarball,
} from "../../helpers/handmadeRelease.ts";

/** Bytes that nothing compresses, the same each time. */
function noise(bytes: number, seed = "x"): Buffer {
  const parts: Buffer[] = [];
  for (let n = 0; n * 32 < bytes; n += 1) {
    parts.push(createHash("sha256").update(`${seed} ${n}`).digest());
  }
  return Buffer.concat(parts).subarray(0, bytes);
}

const contentOf = (release: HandmadeRelease): ReleaseContent => ({
  manifest: release.manifest,
  manifestBytes: release.manifestBytes,
  read: async ({ path }) => bytesOf(release.files[path]!),
});

const inventoryOf = (...releases: HandmadeRelease[]): Inventory => ({
  format: 1,
  name: "wall",
  platform: "linux-x64",
  releases: releases.map(({ manifest: { version }, releaseId }) => ({
    version,
    releaseId,
    status: "unpacked",
  })),
  folders: releases.flatMap(({ manifest }) =>
    unitsOf(manifest).map((unit) => ({
      folder: unit.folder,
      fileCount: unit.files.length,
      bytes: 0,
      hash: unitHash(unit),
    })),
  ),
});

async function hostWith(...releases: HandmadeRelease[]) {
  const folder = temporaryFolder();
  const root = folder.at("root");
  const layout = layoutOf(root, "wall");
  mkdirSync(layout.releases, { recursive: true });
  const handler = createReleaseHandler(layout);
  for (const release of releases) {
    await handler.unpack({ source: await writeTarball(folder.at("a.tar.gz"), release) });
  }
  return { folder, root, layout, handler, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

async function deltaFile(
  at: { folder: { at(path: string): string } },
  bases: HandmadeRelease[],
  release: HandmadeRelease,
) {
  const delta = await makeDelta(inventoryOf(...bases), contentOf(release), bases.map(contentOf));
  const source = at.folder.at("delta");
  writeFileSync(source, Buffer.concat(delta.chunks));
  assert.equal(readFileSync(source).length, delta.bytes);
  return { source, ...delta };
}

const covered = (base: Buffer, target: Buffer) =>
  findRegions(base, target).reduce((sum, { length }) => sum + length, 0);

test("regions cover what is in both files, wherever it went", () => {
  const [a, b, c] = [noise(5000, "a"), noise(7000, "b"), noise(3000, "c")];
  const base = Buffer.concat([a, b, c]);
  assert.equal(covered(base, base), base.length);
  assert.ok(covered(base, Buffer.concat([c, a, noise(500, "new"), b])) > 14_950);
  assert.ok(covered(a, b) < 100);
  for (const short of [0, 1, 15, 16, 17]) covered(a.subarray(0, short), a.subarray(0, short));
});

test("a region goes on over single bytes that changed, as addresses in code do", () => {
  const base = noise(40_000);
  const target = Buffer.concat([noise(100, "in front"), base]);
  for (let at = 130; at < target.length; at += 37) target[at]! += 1;
  const regions = findRegions(base, target);
  assert.ok(regions.length < 5, String(regions.length));
  assert.ok(covered(base, target) > 39_900);
});

test("behind a block that was replaced by another of its length the old alignment goes on", () => {
  const base = noise(100_000);
  const target = Buffer.concat([
    base.subarray(0, 40_000),
    noise(5000, "new"),
    base.subarray(45_000),
  ]);
  const found = covered(base, target);
  assert.ok(found > 94_900 && found < 95_600, String(found));
});

test("regions lie in both files and follow one another", () => {
  const base = noise(20_000);
  const target = Buffer.concat([base.subarray(9000), noise(300, "n"), base.subarray(0, 12_000)]);
  let end = 0;
  for (const { start, length, base: inBase } of findRegions(base, target)) {
    assert.ok(start >= end && length > 0 && inBase >= 0 && inBase + length <= base.length);
    end = start + length;
  }
  assert.ok(end <= target.length);
});

test("a file keeps its name from version to version", () => {
  assert.equal(lastingName("lib/wall-0.0.2/app.mjs"), lastingName("lib/wall-0.10.0-rc.1/app.mjs"));
  assert.equal(
    lastingName("lib/packages-0a0b0c0d/node_modules/ms/index.js"),
    lastingName("lib/packages-12345678/node_modules/ms/index.js"),
  );
  assert.equal(
    lastingName("runtime/node-24.1.0-linux-x64/bin/node"),
    lastingName("runtime/node-26.0.0-linux-x64/bin/node"),
  );
  assert.equal(
    lastingName("erts-13.1.5-ab12cd34/lib/kernel-8.5.3/ebin/code.beam"),
    lastingName("erts-15.2.7-0f1e2d3c/lib/kernel-10.2/ebin/code.beam"),
  );
  assert.equal(lastingName("releases/1.0.0/config.json"), lastingName("releases/2/config.json"));
  assert.notEqual(lastingName("lib/a-1.0.0/x.js"), lastingName("lib/b-1.0.0/x.js"));
  for (const number of [0, 1, -1, 2 ** 40, -(2 ** 40)])
    assert.equal(unzigzag(zigzag(number)), number);
});

const bundle = (line: string) => `${noise(300_000).toString("base64")}\n${line}\n`;

const withApp = (version: string, line: string, extra: Record<string, HandmadeFile> = {}) =>
  handmadeRelease(version, {
    [`lib/wall-${version}/app.mjs`]: { bytes: bundle(line) },
    "runtime/node-20.20.0-linux-x64/bin/node": { bytes: noise(1_000_000, "node"), mode: 0o755 },
    ...extra,
  });

test("a delta of one changed line is small, and gives the release byte for byte", async () => {
  const [old, now] = [withApp("0.0.1", "let a = 1;"), withApp("0.0.2", "let a = 2;")];
  using at = await hostWith(old);
  const { source, bytes } = await deltaFile(at, [old], now);
  assert.ok(bytes < 2000, `${bytes} bytes`);
  const unpacked = await at.handler.unpack({ source, delta: true });
  assert.deepEqual(unpacked, { version: "0.0.2", releaseId: now.releaseId, already: false });
  await at.handler.verify("0.0.2", true);
  using whole = await hostWith(old, now);
  const tree = (root: string) =>
    readdirSync(root, { recursive: true })
      .map(String)
      .filter((path) => !/^releases\/(RELEASES\.json|\.staging)/.test(path))
      .sort();
  assert.deepEqual(tree(at.root), tree(whole.root));
  assert.equal(
    readFileSync(at.layout.release("0.0.2").manifest, "utf8"),
    readFileSync(whole.layout.release("0.0.2").manifest, "utf8"),
  );
});

test("another Node and another package travel as what changed in them; the same files not at all", async () => {
  const packages = (hash: string, last: string) =>
    Object.fromEntries(
      Array.from({ length: 60 }, (_, n) => [
        `lib/packages-${hash}/node_modules/p${n}/index.js`,
        { bytes: noise(5000, n === 59 ? last : `p${n}`) },
      ]),
    );
  const old = withApp("0.0.1", "a", packages("11111111", "last"));
  const node = Buffer.concat([noise(700_000, "node"), noise(1000, "!"), noise(300_000, "end")]);
  const now = withApp("0.0.2", "a", {
    ...packages("22222222", "changed"),
    "runtime/node-20.20.0-linux-x64/bin/node": { bytes: "unused" },
    "runtime/node-21.0.0-linux-x64/bin/node": { bytes: node, mode: 0o755 },
  });
  delete now.files["runtime/node-20.20.0-linux-x64/bin/node"];
  now.manifest.files = now.manifest.files.filter(({ path }) => !/node-20/.test(path));
  now.manifest.runtime.dir = "node-21.0.0-linux-x64";
  const { sealed } = await import("../../helpers/handmadeRelease.ts");
  const release = sealed(now.manifest, now.files);
  using at = await hostWith(old);
  const { source, bytes } = await deltaFile(at, [old], release);
  assert.ok(bytes < 310_000 + 1000 + 5000 + 5000, `${bytes} bytes`);
  await at.handler.unpack({ source, delta: true });
  await at.handler.verify("0.0.2", true);
});

test("without a base a delta is the whole release, and still gives it", async () => {
  using at = await hostWith();
  const release = withApp("0.0.2", "a");
  const { source } = await deltaFile(at, [], release);
  await at.handler.unpack({ source, delta: true });
  await at.handler.verify("0.0.2", true);
});
