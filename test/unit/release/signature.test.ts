import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTrustedKeys } from "../../../src/release/signature.ts";

/** y of the points whose order divides eight, in every way to write them. */
const SMALL = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
];

test("a key that fits every signature is none", () => {
  for (const hex of SMALL) {
    for (const sign of [0, 0x80]) {
      const raw = Buffer.from(hex, "hex");
      raw[31]! |= sign;
      const parsed = parseTrustedKeys(`ed25519 ${raw.toString("base64")} me\n`);
      assert.ok("problem" in parsed, hex);
      assert.match(parsed.problem, /fits every signature/);
    }
  }
});
