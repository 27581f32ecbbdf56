/** What `tsugi` says of itself, on a terminal of 80 columns. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { tsugi } from "../helpers/projects.ts";

test("tsugi alone is no error, and help fits 80 columns", async () => {
  const alone = await tsugi([], tmpdir());
  assert.equal(alone.status, 0, alone.output);
  assert.doesNotMatch(alone.output, /^error/m);
  const topics = ["", "config", "release", "deploy", "rollback", "logs", "exec", "delta", "prune"];
  for (const topic of topics) {
    const { status, stdout } = await tsugi(["help", ...(topic === "" ? [] : [topic])], tmpdir());
    assert.equal(status, 0);
    const wide = stdout.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(wide, [], topic);
    if (topic === "config") continue;
    const json = await tsugi(["help", ...(topic === "" ? [] : [topic]), "--json"], tmpdir());
    const document = JSON.parse(json.stdout);
    assert.deepEqual(document, { topic: topic || null, text: stdout.trimEnd() });
  }
});
