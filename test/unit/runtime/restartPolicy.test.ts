import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartPolicy } from "../../../src/runtime/supervisor/restartPolicy.ts";

test("the first crash restarts at once, further ones with a growing pause", () => {
  const policy = new RestartPolicy({ delayMs: 0, max: 4, withinMs: 60_000 });
  assert.deepEqual(
    [0, 1, 2, 3].map((at) => policy.crashed(at)),
    [0, 100, 200, 400],
  );
  assert.equal(policy.keepsCrashing(4), false);
});

test("beyond max it keeps crashing: pauses from 1 s to 30 s, doubled", () => {
  const policy = new RestartPolicy({ delayMs: 0, max: 2, withinMs: 60_000 });
  let now = 0;
  const pauses = Array.from({ length: 9 }, () => {
    const pauseMs = policy.crashed(now);
    now += pauseMs + 10;
    return pauseMs;
  });
  assert.deepEqual(pauses, [0, 100, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(policy.keepsCrashing(now), true);
});

test("pauses that are as long as the period do not make it well", () => {
  const policy = new RestartPolicy({ delayMs: 0, max: 1, withinMs: 1_000 });
  let now = 0;
  const pauses = Array.from({ length: 6 }, () => {
    const pauseMs = policy.crashed(now);
    now += pauseMs + 10;
    return pauseMs;
  });
  assert.deepEqual(pauses, [0, 1_000, 2_000, 4_000, 8_000, 16_000]);
});

test("it is well again when it has run for the whole period", () => {
  const policy = new RestartPolicy({ delayMs: 0, max: 1, withinMs: 1_000 });
  policy.crashed(0);
  policy.crashed(10); // restarted at 1010
  assert.equal(policy.keepsCrashing(2_009), true);
  assert.equal(policy.keepsCrashing(2_010), false);
  assert.equal(policy.crashed(2_010), 0);
  assert.equal(policy.keepsCrashing(2_010), false);
});

test("crashes longer ago than the period are forgotten", () => {
  const policy = new RestartPolicy({ delayMs: 0, max: 1, withinMs: 1_000 });
  policy.crashed(0);
  assert.equal(policy.crashed(1_001), 0);
  assert.equal(policy.count, 1);
});

test("a delay comes before each restart, and what doubles begins with it", () => {
  const pausesOf = (delayMs: number) => {
    const policy = new RestartPolicy({ delayMs, max: 3, withinMs: 60_000 });
    return [0, 1, 2, 3, 4].map((at) => policy.crashed(at));
  };
  assert.deepEqual(pausesOf(3_000), [3_000, 3_000, 5_000, 3_000, 3_000]);
  assert.deepEqual(pausesOf(200), [200, 200, 400, 1_000, 2_000]);
  assert.deepEqual(pausesOf(8_000), [8_000, 8_000, 8_000, 8_000, 8_000]);
});
