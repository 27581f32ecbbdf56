import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { openStore } from "../../../src/store/index.ts";

test("a scheme that is not known is an error, and no folder of that name", async () => {
  for (const place of ["docker://registry/app", "s3://bucket/releases", "https://example.com/x"]) {
    await assert.rejects(openStore(place), { code: "TSUGI_STORE_SCHEME" });
  }
  assert.ok(!existsSync("oci:"));
});
