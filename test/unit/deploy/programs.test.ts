import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runCommand } from "../../helpers/commands.ts";
import { whyWithout } from "../../helpers/debian.ts";

const folder = fileURLToPath(new URL("../../../src/deploy/remote", import.meta.url));
const skip = await whyWithout("shellcheck");

test("what a deploy runs on hosts is plain sh that shellcheck has nothing to say about", {
  skip,
}, async () => {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sh"));
  assert.ok(names.length > 5);
  const { status, output } = await runCommand("shellcheck", names, { cwd: folder });
  assert.equal(status, 0, output);
});

test("each of them is used", () => {
  const sources = readdirSync(folder).filter((name) => name.endsWith(".ts"));
  const code = sources.map((name) => readFileSync(join(folder, name), "utf8")).join("\n");
  for (const name of readdirSync(folder).filter((name) => name.endsWith(".sh"))) {
    assert.ok(code.includes(`program("${name}")`), name);
  }
});
