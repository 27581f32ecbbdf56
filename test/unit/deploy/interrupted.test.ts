import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../../../src/deploy/host.ts";
import { interruptedError } from "../../../src/deploy/interrupted.ts";

const hostsAt = (cutOff: Host["cutOff"], count: number, prefix: string) =>
  Array.from({ length: count }, (_, at) => ({ name: `${prefix}${at + 1}`, cutOff }) as Host);

test("after Ctrl-C hosts that were at the same are told in one line, of many the first and the last", () => {
  const hosts = [...hostsAt("upgrade", 200, "app"), ...hostsAt("send", 2, "db")];
  const { message } = interruptedError([...hosts, ...hostsAt(undefined, 1, "done")], "production", [
    "done1",
  ]);
  const lines = message.split("\n    ").slice(1);
  assert.equal(lines.length, 3, message);
  assert.match(lines[0]!, /^app1, app2 … app200 \(200 hosts\): the upgrade goes on there/);
  assert.match(lines[1]!, /^db1, db2: the new version lies there if/);
  assert.match(lines[2]!, /^done1: the new version runs there; it is not taken back/);
});
