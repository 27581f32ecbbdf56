import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outcomes } from "../../../bench/contestants/arena.ts";
import { makeRow, milliseconds, type RowOptions } from "../../../bench/lib/row.ts";
import { reasonOf } from "../../../bench/lib/section.ts";

const outcomes: Outcomes = {
  tsugi: { values: { ms: [100, 10, 11] } },
  node: { values: { ms: [200, 30, 22] } },
  pm2: { absent: "npm has failed", isFailure: true },
  nginx: { values: { ms: [0, 0, 0] } },
};
const options: RowOptions = {
  what: "pause",
  meaning: "",
  quantity: "ms",
  format: milliseconds,
  none: { otp: "another language" },
};

test("a row has medians, and of the others the median of the ratios round by round", () => {
  const { cells } = makeRow(outcomes, options);
  assert.deepEqual(cells.tsugi, { text: "11.0 ms" });
  assert.deepEqual(cells.node, { text: "30.0 ms ×2.00" });
  assert.deepEqual(cells.otp, { note: "another language" });
});

test("where it is asked for, the least and the most of the ratios stand beside it", () => {
  const { cells } = makeRow(outcomes, { ...options, spread: true });
  assert.deepEqual(cells.node, { text: "30.0 ms ×2.00 (2.00–3.00)" });
});

test("one that has failed has its reason for a number, and the row counts as failed", () => {
  const row = makeRow(outcomes, options);
  assert.deepEqual(row.cells.pm2, { note: "npm has failed" });
  assert.equal(row.isFailure, true);
});

test("a ratio to nothing is none", () => {
  const zero = { ...outcomes, tsugi: { values: { ms: [0, 0, 0] } } };
  assert.deepEqual(makeRow(zero, options).cells.node, { text: "30.0 ms" });
});

test("a contestant without a number and without a reason is a mistake of the bench", () => {
  assert.throws(() => makeRow(outcomes, { ...options, none: {} }), /pause: nothing of otp/);
});

test("a reason is one line and names no folder of this machine", () => {
  const error = new Error("/home/you/bin/feed start ended with 1\nerror TSUGI_PORT_TAKEN");
  assert.equal(reasonOf(error), "…/feed start ended with 1");
});
