/** What a deploy to a thousand hosts says: a screen and a reader have room for the first ones. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fitting, type Row } from "../../../src/cli/deployView/fitting.ts";
import type { ErrorJson } from "../../../src/contract/errors.ts";
import { type HostOutcome, refusedError, stoppedError } from "../../../src/deploy/outcome.ts";
import { namesText } from "../../../src/deploy/told.ts";

const names = Array.from({ length: 1_000 }, (_, index) => `host${index + 1}`);
const error: ErrorJson = { code: "X", message: "it is ill", hint: "mend it", exitCode: 4 };

test("of a thousand hosts that refuse, the first are told and the others counted", () => {
  const few = refusedError(names.slice(0, 12).map((host) => ({ host, error })));
  assert.equal(few.message.match(/it is ill/g)?.length, 12);
  const many = refusedError(names.map((host) => ({ host, error })));
  assert.equal(many.message.match(/it is ill/g)?.length, 11);
  assert.match(many.message, /host11: it is ill\n {4}and 989 other hosts/);
});

test("so it is with those that a deploy has stopped at", () => {
  const outcomes = names.map(
    (host): HostOutcome => ({
      ...{ host, action: "upgrade", from: "1.0.0", result: "failed", sentBytes: 0, ms: 1 },
      error,
    }),
  );
  const { message } = stoppedError(outcomes, "1.1.0", "production")!;
  assert.match(
    message,
    /^0 of 1000 hosts run 1\.1\.0; host1: it is ill .*host11: it is ill and 989 other hosts$/,
  );
});

test("a wave of many is its first, its last, and how many", () => {
  assert.equal(namesText(names.slice(0, 3)), "host1, host2, host3");
  assert.equal(namesText(names), "host1, host2 … host1000 (1000 hosts)");
});

test("a screen shows no more hosts than it has lines: failed ones first, then those at work", () => {
  const rows: Record<string, Partial<Row>> = {
    host500: { failed: true },
    ...Object.fromEntries(names.slice(600, 700).map((name) => [name, { since: 1 }])),
  };
  const rowOf = (host: string) => ({ text: "", since: undefined, failed: false, ...rows[host] });
  const { shown, rest } = fitting(names, rowOf, 23);
  assert.deepEqual(
    [...shown.slice(0, 3), shown.at(-1)],
    ["host500", "host601", "host602", "host621"],
  );
  assert.deepEqual(rest, ["  … and 978 more hosts, 79 of them at work"]);
  assert.deepEqual(fitting(names.slice(0, 23), rowOf, 23), { shown: names.slice(0, 23), rest: [] });
});
