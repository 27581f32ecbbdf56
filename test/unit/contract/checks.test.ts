import assert from "node:assert/strict";
import { test } from "node:test";
import { type Expected, mismatch } from "../../../src/contract/checks.ts";

const EXPECTED: Expected = { name: "a text", "port?": "a port", hosts: [{ user: "a text" }] };

test("what is as expected has no mismatch, whatever else it has", () => {
  assert.equal(
    mismatch({ name: "wall", hosts: [{ user: "deploy" }], later: 1 }, EXPECTED),
    undefined,
  );
  assert.equal(mismatch({ name: "wall", port: 80, hosts: [] }, EXPECTED), undefined);
});

for (const [value, said] of [
  [null, "expected an object, found null"],
  [{ hosts: [] }, '"name": expected a text, found nothing'],
  [{ name: "wall", port: 0, hosts: [] }, '"port": expected a port, found 0'],
  [{ name: "wall", hosts: {} }, '"hosts": expected a list, found {}'],
  [{ name: "wall", hosts: [{ user: "a" }, 7] }, '"hosts[1]": expected an object, found 7'],
  [{ name: "wall", hosts: [{}] }, '"hosts[0].user": expected a text, found nothing'],
] as const) {
  test(`a mismatch is said with its place: ${said}`, () => {
    assert.equal(mismatch(value, EXPECTED), said);
  });
}
