/** What `npm run long` says to whoever asks, or mistypes an option: nothing runs for it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../../helpers/commands.ts";
import { projectRoot } from "../../helpers/example.ts";

const long = (...args: string[]) =>
  runCommand(process.execPath, ["scripts/long.mjs", ...args], { cwd: projectRoot });

for (const machine of ["guards", "world", "moment", "reliability"]) {
  test(`${machine} --help names its options, and no others`, async () => {
    const { status, stdout, output } = await long(machine, "--help");
    assert.equal(status, 0, output);
    assert.match(stdout, new RegExp(`\\n\\n${machine}\\n`));
    assert.equal(stdout.match(/\n\n/g)?.length, 1, stdout);
    assert.doesNotMatch(output, /Error|at ModuleJob/);
  });
}

test("an option that a machine does not have is said beside those that it has", async () => {
  const { status, stderr } = await long("guards", "--nonsense");
  assert.equal(status, 2, stderr);
  assert.match(stderr, /'--nonsense'[\s\S]*\n\nguards\n[\s\S]*--promise/);
  assert.doesNotMatch(stderr, / {4}at /);
});
