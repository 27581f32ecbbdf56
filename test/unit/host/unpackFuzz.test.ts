/**
 * Spoilt at random (but the same each time): a tarball is either refused with nothing left behind,
 * or unpacked to exactly what its manifest says. There is nothing in between, and no other error.
 */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { TsugiError } from "../../../src/errors.ts";
import { createReleaseHandler } from "../../../src/host/handler/index.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import {
  entriesOf,
  handmadeRelease,
  pack,
  temporaryFolder,
} from "../../helpers/handmadeRelease.ts";

const ROUNDS = Number(process.env.TSUGI_FUZZ_ROUNDS ?? 60);
const SEED = Number(process.env.TSUGI_FUZZ_SEED ?? 1);

/** mulberry32 */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Flips, cuts, doubles, moves: of the compressed bytes, or of the tar inside. */
function spoil(whole: Buffer, below: (most: number) => number): Buffer {
  const inside = below(3) > 0;
  let bytes = Buffer.from(inside ? gunzipSync(whole) : whole);
  for (let times = 1 + below(3); times > 0; times -= 1) {
    const at = below(bytes.length);
    const length = 1 + below(inside ? 1024 : 64);
    const block = inside && below(2) === 0 ? at - (at % 512) : at;
    switch (below(4)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, block), bytes.subarray(block + length)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, block + length), bytes.subarray(block)]);
        break;
      default:
        bytes.copyWithin(below(bytes.length), block, block + length);
    }
    if (bytes.length === 0) bytes = Buffer.from("x");
  }
  return inside ? gzipSync(bytes, { level: 1 }) : bytes;
}

test(`${ROUNDS} spoilt tarballs, seed ${SEED}`, async () => {
  const below = random(SEED);
  const whole = await pack(entriesOf(handmadeRelease("0.0.2")));
  const outcomes = { refused: 0, whole: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    using folder = temporaryFolder();
    const layout = layoutOf(folder.at("root"), "wall");
    mkdirSync(layout.releases, { recursive: true });
    const handler = createReleaseHandler(layout);
    const source = folder.at("a.tar.gz");
    writeFileSync(source, spoil(whole, below));
    const unpacked = await handler.unpack({ source }).catch((error: unknown) => error);
    const where = `round ${round}, seed ${SEED}`;
    if (unpacked instanceof Error) {
      assert.ok(unpacked instanceof TsugiError, `${where}: ${unpacked.stack}`);
      assert.equal(unpacked.exitCode, 4, `${where}: ${unpacked.message}`);
      const left = readdirSync(folder.path, { recursive: true }).map(String).sort();
      const allowed = ["a.tar.gz", "root", "root/releases", "root/releases/.staging"];
      assert.deepEqual(
        left.filter((path) => !allowed.includes(path)),
        [],
        where,
      );
      outcomes.refused += 1;
    } else {
      await handler.verify("0.0.2", true);
      outcomes.whole += 1;
    }
  }
  assert.ok(outcomes.refused > ROUNDS / 2, JSON.stringify(outcomes));
});
