import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ansibleExamples } from "../helpers/ansible.ts";
import { runCommand } from "../helpers/commands.ts";
import { findProgram, whyWithout } from "../helpers/debian.ts";

const skip = await whyWithout("ansible-lint");

test("ansible-lint has nothing to say about the role and its examples", { skip }, async () => {
  const home = mkdtempSync(join(tmpdir(), "tsugi-ansible-lint-"));
  try {
    const env = { ...process.env, HOME: home, NO_COLOR: "1", LC_ALL: "C.UTF-8" };
    const args = ["--offline", "--nocolor", "roles/tsugi", "examples"];
    const cwd = dirname(ansibleExamples);
    const options = { cwd, env, timeoutMs: 180_000 };
    const { status, output } = await runCommand(findProgram("ansible-lint")!, args, options);
    assert.equal(status, 0, output);
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
});
