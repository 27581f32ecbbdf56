/** `tsugi deploy` to hosts whose logins greet, run another shell than sh, or say nothing at all. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { whyWithout } from "../helpers/debian.ts";
import { type DeployEventLine, Deploying } from "../helpers/deploying.ts";
import { type BuiltRelease, buildTellers } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = (await whyNoSshd()) || (await whyWithout("tcsh"));

const LOGINS = {
  app1: `echo hello; printf 'and warnings' >&2; sh -c "$SSH_ORIGINAL_COMMAND"; code=$?; echo bye; exit $code`,
  app2: 'exec tcsh -c "$SSH_ORIGINAL_COMMAND"',
  mute: "exec sleep 300",
};

describe("hosts that say other things than one has asked", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-logins-"));
  let fleet: Deploying;
  let one: BuiltRelease;
  let two: BuiltRelease;

  before(async () => {
    [one, two] = await buildTellers(workshop);
    fleet = await Deploying.start("teller", Object.keys(LOGINS), undefined, { logins: LOGINS });
    fleet.configure({}, {}, ["app1", "app2"]);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  test("they get their first release and an upgrade like any other", async () => {
    for (const { tarball } of [one, two]) {
      const { status, output } = await fleet.deploy(tarball);
      assert.equal(status, 0, output);
    }
    const [app1, app2] = fleet.hosts;
    assert.equal((await fleet.ask(app1!)).version, "1.0.1");
    assert.equal((await fleet.ask(app2!)).version, "1.0.1");
    const { stdout } = await fleet.tsugi("exec", "production", "--", "echo", "word");
    assert.deepEqual(stdout.trim().split("\n").sort(), ["app1  word", "app2  word"]);
  });

  test("unlock says what it did there", async () => {
    const { status, output } = await fleet.tsugi("lock", "production", "--reason", "moving");
    assert.equal(status, 0, output);
    const lock = join(fleet.hosts[1]!.root, "run", "deploy.lock");
    assert.match(readFileSync(lock, "utf8"), /moving/);
    writeFileSync(lock, "what somebody wrote\n");
    const first = await fleet.tsugi("unlock", "production");
    assert.match(first.stdout, /^app1: unlocked; it was .*: moving$/m);
    assert.match(first.stdout, /^app2: unlocked; whose lock it was can't be read$/m);
    const second = await fleet.tsugi("unlock", "production");
    assert.equal(second.stdout, "app1: was not locked\napp2: was not locked\n");
  });

  test("Ctrl-C ends the wait for one that says nothing, at once", async () => {
    fleet.configure();
    const asked = (event: DeployEventLine, _: number, all: DeployEventLine[]) =>
      event.event === "step" &&
      event.step === "facts" &&
      all.filter(({ step, state }) => step === "facts" && state === "end").length === 2;
    let interruptedAt = 0;
    const { code, events } = await fleet.deployKilledAt(one.tarball, asked, (pid) => {
      interruptedAt = performance.now();
      process.kill(pid, "SIGINT");
    });
    assert.ok(performance.now() - interruptedAt < 4_000);
    assert.equal(code, 1);
    const { error } = events.at(-1) as { error?: { code: string; message: string } };
    assert.equal(error!.code, "TSUGI_INTERRUPTED");
    assert.match(error!.message, /mute: nothing was changed there/);
    fleet.configure({}, {}, ["app1", "app2"]);
  });

  test("Ctrl-C in the middle of an upgrade leaves it to the host, which ends it; and says so", async () => {
    const isLoading = ({ event, host, text }: DeployEventLine) =>
      event === "line" && host === "app1" && /load/.test(String(text));
    const { code, events } = await fleet.deployKilledAt(one.tarball, isLoading, (pid) =>
      process.kill(pid, "SIGINT"),
    );
    assert.equal(code, 1);
    const words = /TSUGI_INTERRUPTED.*app1(, app2)?: the (check|upgrade) goes on/;
    assert.match(JSON.stringify(events.at(-1)!.error), words);
    const again = await fleet.deploy(one.tarball);
    assert.equal(again.status, 0, again.output);
    const [app1, app2] = fleet.hosts;
    await until("both run it", async () => {
      const versions = [await fleet.ask(app1!), await fleet.ask(app2!)];
      return versions.every(({ version }) => version === "1.0.0");
    });
  });
});
