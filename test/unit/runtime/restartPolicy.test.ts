import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartPolicy } from "../../../src/runtime/supervisor/restartPolicy.ts";

test("the first crash restarts at once, further ones with a growing pause", () => {
  const policy = new RestartPolicy({ max: 4, withinMs: 60_000 });
  assert.deepEqual(
    [0, 1, 2, 3].map((at) => policy.crashed(at)),
    [0, 100, 200, 400],
  );
});

test("more than max crashes within the period and it gives up", () => {
  const policy = new RestartPolicy({ max: 2, withinMs: 1_000 });
  policy.crashed(0);
  policy.crashed(10);
  assert.equal(policy.crashed(20), "giveUp");
});

test("crashes longer ago than the period are forgotten", () => {
  const policy = new RestartPolicy({ max: 1, withinMs: 1_000 });
  policy.crashed(0);
  assert.equal(policy.crashed(1_001), 0);
});
