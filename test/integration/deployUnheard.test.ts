/** Whoever has started `tsugi deploy` reads no more of it: a pipe that is closed, a terminal that is gone. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { Deploying } from "../helpers/deploying.ts";
import { tsugiCli } from "../helpers/example.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { whyNoSshd } from "../helpers/sshd.ts";
import { Terminal } from "../helpers/terminal.ts";

describe("unheard", { skip: await whyNoSshd() }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-unheard-"));
  let fleet: Deploying;
  let one: BuiltRelease;
  let two: BuiltRelease;

  before(async () => {
    one = await buildVariant(join(workshop, "one"), { fixture: "teller-1.0.0" });
    two = await buildVariant(join(workshop, "two"), { fixture: "teller-1.0.0", version: "1.0.1" });
    fleet = await Deploying.start("teller", ["app1", "app2"]);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const tsugi = `"${process.execPath}" "${tsugiCli}"`;

  test("a deploy whose output nobody reads on is seen through, and its exit code is its own", async () => {
    for (const [tarball, redirect] of [
      [one.tarball, ""],
      [two.tarball, "2>&1"],
    ]) {
      const deploy = `${tsugi} deploy production "${tarball}" --yes`;
      const line = `(${deploy}; echo $? >code) ${redirect} | head -1`;
      const { output } = await runCommand("sh", ["-c", line], { cwd: fleet.folder });
      const { stdout } = await runCommand("cat", ["code"], { cwd: fleet.folder });
      assert.equal(stdout, "0\n", output);
    }
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
    // One that fails says so by its exit code, whoever listens.
    const wrong = `(${tsugi} deploy production ./nothing.tar.gz --yes; echo $? >code) 2>&1 | true`;
    await runCommand("sh", ["-c", wrong], { cwd: fleet.folder });
    assert.equal((await runCommand("cat", ["code"], { cwd: fleet.folder })).stdout, "1\n");
  });

  test("what only tells something ends when nobody reads on", async () => {
    const line = `${tsugi} exec production -- yes | head -1`;
    const { status, stdout } = await runCommand("sh", ["-c", line], { cwd: fleet.folder });
    assert.equal(status, 0);
    assert.match(stdout, /y\n$/);
  });

  test("a terminal that is closed ends a deploy as Ctrl-C does, and no host stays locked", async () => {
    const said = join(fleet.folder, "said");
    const deploy = `exec ${tsugi} deploy production "${one.tarball}" --yes 2>"${said}"`;
    const { PATH, HOME } = process.env;
    const options = { cwd: fleet.folder, env: { PATH, HOME }, columns: 80, rows: 24 };
    const terminal = await Terminal.run(["sh", "-c", deploy], options);
    const locks = fleet.hosts.map(({ root }) => join(root, "run", "deploy.lock"));
    await until("it has locked the hosts", () => locks.every((path) => existsSync(path)));
    await terminal.end();
    await until("it has ended", () => /TSUGI_INTERRUPTED/.test(readFileSync(said, "utf8")));
    await until("no host is locked", () => !locks.some((path) => existsSync(path)));
  });

  test("under nohup it goes on when its terminal is closed", async () => {
    const deploy = `nohup ${tsugi} deploy production "${one.tarball}" --yes >said 2>&1`;
    const line = `${deploy} & sleep 0.5; while kill -0 $! 2>/dev/null; do kill -HUP $!; sleep 0.2; done; wait $!`;
    const { status } = await runCommand("sh", ["-c", line], { cwd: fleet.folder });
    const { stdout } = await runCommand("cat", ["said"], { cwd: fleet.folder });
    assert.equal(status, 0, stdout);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });
});
