/** `verify` and `unpack` read an archive in one way, which is that of every tar. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TsugiError } from "../../../src/contract/errors.ts";
import { verifyRelease } from "../../../src/pack/inspect.ts";
import { fuzzReaders } from "../../helpers/fuzz/readers.ts";
import { readersHere } from "../../helpers/fuzz/tarReaders.ts";
import { corpusFolder } from "../../helpers/fuzzCorpus.ts";

describe("what unpack refuses, verify refuses", () => {
  for (const name of readdirSync(corpusFolder).filter((name) => name.endsWith(".tar.gz"))) {
    test(name, async () => {
      const verified = await verifyRelease(join(corpusFolder, name)).catch(
        (error: unknown) => error,
      );
      if (name.startsWith("whole-")) assert.ok(!(verified instanceof Error), String(verified));
      else assert.ok(verified instanceof TsugiError, `${name} is called whole`);
    });
  }
});

test("what verify calls whole, every tar of this machine extracts to that and to nothing else", async (t) => {
  const readers = readersHere();
  if (readers.length === 0) return t.skip("needs GNU tar, busybox or bsdtar");
  const { whole } = await fuzzReaders({ cases: 600, seed: 7, readers });
  assert.ok(whole > 1, `${whole} of them are whole`);
});
