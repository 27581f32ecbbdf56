import assert from "node:assert/strict";
import { test } from "node:test";
import { RenewalPace } from "../../../src/runtime/supervisor/renewalPace.ts";

const MINUTE_MS = 60_000;

/** Of a worker that is over the limit always: when it is replaced, in minutes. */
function renewalsOf(isOver: (sinceMs: number) => boolean, minutes: number): number[] {
  const pace = new RenewalPace();
  const at: number[] = [];
  for (let nowMs = 0; nowMs < minutes * MINUTE_MS; nowMs += 5_000) {
    const sinceMs = at.length === 0 ? nowMs : nowMs - at.at(-1)! * MINUTE_MS;
    if (!isOver(sinceMs) || !pace.isDue(nowMs)) continue;
    pace.renewed(nowMs);
    at.push(nowMs / MINUTE_MS);
  }
  return at;
}

test("a limit that every worker is over is a reload after 1, 2, 4 … 10 minutes", () => {
  assert.deepEqual(
    renewalsOf(() => true, 40),
    [0, 1, 3, 7, 15, 25, 35],
  );
});

test("a leak that takes a while is a reload each time that it is there", () => {
  const isOver = (sinceMs: number) => sinceMs >= 3 * MINUTE_MS;
  assert.deepEqual(renewalsOf(isOver, 16), [3, 6, 9, 12, 15]);
});
