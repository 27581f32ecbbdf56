/** What an operator types at `tsugi deploy`, `rollback` and `exec`, and what scripts read of it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Deploying } from "../helpers/deploying.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();

describe("what is typed", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-typed-"));
  let fleet: Deploying;
  let one: BuiltRelease;

  before(async () => {
    one = await buildVariant(join(workshop, "one"), { fixture: "teller-1.0.0" });
    fleet = await Deploying.start("teller", ["app1", "app2"]);
    assert.equal((await fleet.deploy(one.tarball)).status, 0);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const execs = async (...words: string[]) => {
    const { status, stdout, stderr } = await fleet.tsugi("exec", ...words);
    return { status, stderr, stdout, lines: stdout.trim().split("\n").sort() };
  };

  test("exec: options before the command are ours wherever they stand, after -- none is", async () => {
    const here = ["app1  --host", "app1  --json", "app1  word"];
    const command = ["--", "printf", "%s\\n", "--host", "word", "--json"];
    for (const words of [
      ["production", "--host", "app1", ...command],
      ["--host", "app1", "production", ...command],
      ["--host=app1", ...command],
      ["production", "--skip=app2", ...command.slice(1)],
    ]) {
      const { status, lines, stderr } = await execs(...words);
      assert.deepEqual([status, lines], [0, here], `${words.join(" ")}\n${stderr}`);
    }
    const both = await execs("production", "echo", "-la", "--", "--host");
    assert.deepEqual(both.lines, ["app1  -la -- --host", "app2  -la -- --host"]);
    const json = await execs("production", "--json", "--skip", "app1", "--", "printf", "a");
    assert.deepEqual(JSON.parse(json.stdout).hosts[0], {
      host: "app2",
      exitCode: 0,
      stdout: "a",
      stderr: "",
    });
    const unnamed = await execs("--host", "app1", "--", "production");
    assert.equal(unnamed.status, 127, "what follows the -- is a command, whatever it is called");
  });

  test("exec: what is none of our options, and no environment, is said and runs nowhere", async () => {
    const option = await execs("production", "--hots", "app1", "--", "touch", "wrong");
    assert.deepEqual([option.status, option.stdout], [2, ""], option.stderr);
    assert.match(option.stderr, /unknown option '--hots'/);
    const name = await execs("prodution", "--", "touch", "wrong");
    assert.deepEqual([name.status, name.stdout], [2, ""], name.stderr);
    assert.match(name.stderr, /TSUGI_ENVIRONMENT_UNKNOWN/);
    const none = await execs("production", "--host", "app1", "--");
    assert.match(none.stderr, /which command\?/);
    assert.deepEqual((await execs("--", "ls", "wrong")).status, 2);
  });
});
