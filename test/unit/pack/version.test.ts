/** Where the version of a release comes from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../../src/pack/log.ts";
import { resolveVersion } from "../../../src/pack/version.ts";

const versionOf = (packageJson: object, wanted?: string) =>
  resolveVersion({ folder: "/nowhere", packageJson }, wanted, silentLog);

test("a project without a version begins where npm version goes on from", async () => {
  assert.equal(await versionOf({ name: "x" }), "0.0.0");
  assert.equal(await versionOf({ name: "x" }, "package"), "0.0.0");
  assert.equal(await versionOf({ name: "x" }, "1.2.3"), "1.2.3");
});

test("a version that is there and is none is refused", async () => {
  await assert.rejects(versionOf({ version: "1.0" }), { code: "TSUGI_VERSION_INVALID" });
  await assert.rejects(versionOf({ version: "" }), { code: "TSUGI_VERSION_INVALID" });
});
