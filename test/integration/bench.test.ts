/** The short form of the bench: it runs, and its table is whole. Nothing here depends on speed. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { NAMES } from "../../bench/contestants/contestant.ts";
import type { Results } from "../../bench/lib/page.ts";
import { runCommand } from "../helpers/commands.ts";
import { whyWithout } from "../helpers/debian.ts";
import { projectRoot } from "../helpers/example.ts";

const missing = await whyWithout("wrk", "nginx", "rsync", "mix");

const bench = (...args: string[]) =>
  runCommand(process.execPath, [join(projectRoot, "scripts", "bench.mjs"), ...args], {
    timeoutMs: 300_000,
  });

test("npm run bench -- --short has a number or a reason in every cell", {
  skip: missing,
}, async () => {
  const { status, stdout, output } = await bench("--short", "--json");
  assert.equal(status, 0, output);
  const { sections } = JSON.parse(stdout) as Results;
  const rows = Object.values(sections).flatMap((section) => section.rows);
  for (const { what, cells } of rows) {
    assert.deepEqual(Object.keys(cells), [...NAMES], what);
    for (const [name, { text, note }] of Object.entries(cells)) {
      assert.ok(text !== undefined || note, `${what}, ${name}`);
      assert.doesNotMatch(text ?? "", /NaN|undefined|Infinity/, `${what}, ${name}`);
    }
  }
  const cell = (what: string) => rows.find((row) => row.what === what)?.cells;
  assert.equal(cell("requests failed")?.tsugi.text, "0");
  assert.equal(cell("connections closed")?.tsugi.text, "0");
  assert.equal(cell("state in memory")?.tsugi.text, "kept");
  // Somebody has lost something: the clients notice.
  assert.equal(cell("state in memory")?.node.text, "lost");
  assert.notEqual(cell("connections closed")?.node.text, "0");
});

test("a part that there is not is wrong usage, with those that there are", async () => {
  const { status, stderr } = await bench("wheels");
  assert.equal(status, 2);
  assert.match(stderr, /No such part: wheels\. There are: throughput, memory, /);
});

test("numbers of the short form are not written", async () => {
  const { status, stderr } = await bench("--short", "--write");
  assert.equal(status, 2);
  assert.match(stderr, /short form/);
});
