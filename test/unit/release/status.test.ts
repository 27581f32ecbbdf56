import assert from "node:assert/strict";
import { test } from "node:test";
import { nextStatus, type ReleaseList, reconcile } from "../../../src/release/status.ts";

const releaseId = "a".repeat(64);
const entry = (
  version: string,
  status: ReleaseList["releases"][number]["status"],
  committed?: number,
) => ({
  version,
  releaseId,
  status,
  verified: true,
  since: "2026-01-01T00:00:00.000Z",
  ...(committed === undefined ? {} : { committed }),
});
const registryOf = (...releases: ReleaseList["releases"]): ReleaseList => ({
  format: 1,
  name: "wall",
  releases,
});
const statuses = (list: ReleaseList) => list.releases.map((one) => `${one.version} ${one.status}`);

test("only an unpacked or an old release can be removed", () => {
  assert.equal(nextStatus("unpacked", "remove"), "absent");
  assert.equal(nextStatus("old", "remove"), "absent");
  assert.equal(nextStatus("permanent", "remove"), undefined);
  assert.equal(nextStatus("current", "remove"), undefined);
});

test("a release that is current when the system dies falls back to unpacked", () => {
  const before = registryOf(entry("1.0.0", "permanent", 1), entry("1.1.0", "current"));
  const after = reconcile(before, { version: "1.0.0", releaseId }, undefined, "now");
  assert.deepEqual(statuses(after), ["1.0.0 permanent", "1.1.0 unpacked"]);
});

test("a release that was permanent once falls back to old, so that one can go there again", () => {
  const before = registryOf(entry("1.0.0", "current", 1), entry("1.1.0", "permanent", 2));
  const after = reconcile(before, { version: "1.1.0", releaseId }, undefined, "now");
  assert.deepEqual(statuses(after), ["1.0.0 old", "1.1.0 permanent"]);
});

test("a crash between the rename of `permanent` and the registry is mended from `permanent`", () => {
  const before = registryOf(entry("1.0.0", "permanent", 1), entry("1.1.0", "current"));
  const after = reconcile(before, { version: "1.1.0", releaseId }, undefined, "now");
  assert.deepEqual(statuses(after), ["1.0.0 old", "1.1.0 permanent"]);
  assert.equal(after.releases[1]?.committed, 2);
});

test("what runs now stays current", () => {
  const before = registryOf(entry("1.0.0", "permanent", 1), entry("1.1.0", "current"));
  const after = reconcile(before, { version: "1.0.0", releaseId }, "1.1.0", "now");
  assert.deepEqual(statuses(after), ["1.0.0 permanent", "1.1.0 current"]);
});
