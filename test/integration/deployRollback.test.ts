/** `tsugi rollback` undoes what the last deploy did, where it did it; and one host or another by itself. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { Deploying } from "../helpers/deploying.ts";
import { type BuiltRelease, buildTellers, buildVariant } from "../helpers/fixtureReleases.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();

describe("a rollback of an environment", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-rollback-"));
  let fleet: Deploying;
  let one: BuiltRelease;
  let two: BuiltRelease;

  before(async () => {
    [one, two] = await buildTellers(workshop);
    fleet = await Deploying.start("teller", ["app1", "app2"]);
    assert.equal((await fleet.deploy(one.tarball)).status, 0);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  test("of a deploy to one host goes back there, and says first what it will do", async () => {
    const deployed = await fleet.deploy(two.tarball, "--host", "app1");
    assert.equal(deployed.status, 0, deployed.output);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.0"]);

    const dry = await fleet.tsugi("rollback", "production", "--dry-run");
    assert.equal(dry.status, 0, dry.output);
    assert.match(dry.stdout, /^Undoes the deploy of 1\.0\.1 by /m);
    assert.match(dry.stdout, /^ {2}app1 {2}1\.0\.1 {2}back to 1\.0\.0 {2}what it ran before$/m);
    assert.match(dry.stdout, /^ {2}app2 {2}1\.0\.0 {2}stays /m);
    assert.match(dry.stdout, /No host was changed\.$/m);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.0"]);

    const back = await fleet.tsugi("rollback", "production", "--yes");
    assert.equal(back.status, 0, back.output);
    assert.match(back.stdout, /^1 host runs 1\.0\.0 again; 1 was left as it was$/m);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });

  test("once more brings the bad version back neither there nor by bin/<app> rollback", async () => {
    const again = await fleet.tsugi("rollback", "production", "--yes");
    assert.equal(again.status, 4, again.output);
    assert.match(again.output, /1\.0\.0 was the first release there/);
    const { status, output } = await runCommand(fleet.hosts[0]!.bin, ["rollback"]);
    assert.equal(status, 4, output);
    assert.match(output, /TSUGI_NOTHING_TO_ROLL_BACK_TO.*downgrade <version>/s);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });

  test("to a version by its name, on one host; who does not know it refuses for all", async () => {
    const all = await fleet.tsugi("rollback", "production", "--to", "1.0.1", "--yes");
    assert.equal(all.status, 4, all.output);
    assert.match(all.output, /app2 can't take it: it has no 1\.0\.1 that ran there before/);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
    const args = ["--to", "1.0.1", "--host", "app1", "--yes", "--json"];
    const named = await fleet.tsugi("rollback", "production", ...args);
    assert.equal(named.status, 0, named.output);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.0"]);
    const wrong = await fleet.tsugi("status", "production", "--skip", "app9");
    assert.equal(wrong.status, 2, wrong.output);
    assert.match(wrong.output, /production has no host app9; it has: app1, app2/);
    const only = await fleet.tsugi("status", "production", "--skip", "app1");
    assert.doesNotMatch(only.stdout, /^app1/m);
  });

  test("that one host could not do is completed by the same command, and nothing else is", async () => {
    const first = await fleet.tsugi("rollback", "production", "--to", "1.0.0", "--yes");
    assert.equal(first.status, 0, first.output);
    const deployed = await fleet.deploy(two.tarball);
    assert.equal(deployed.status, 0, deployed.output);
    const env = join(fleet.hosts[1]!.root, "etc", "env");
    chmodSync(env, 0o644);
    const refused = await fleet.tsugi("rollback", "production", "--yes");
    assert.notEqual(refused.status, 0, refused.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.1"]);
    chmodSync(env, 0o600);
    const again = await fleet.tsugi("rollback", "production", "--yes");
    assert.equal(again.status, 0, again.output);
    assert.match(again.stdout, /app1 +1\.0\.0 +stays +it was undone there already/);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });

  test("starts what ran before where nothing runs any more; a deploy gets over what does not start", async () => {
    const fatal = `import { existsSync } from "node:fs";
if (existsSync(process.env.TSUGI_DATA_DIR + "/broken")) throw new Error("no database");\n`;
    const brittle = await buildVariant(join(workshop, "brittle"), {
      fixture: "teller-1.0.0",
      version: "1.0.2",
      edit: { "src/server.ts": (text: string) => fatal + text },
    });
    const breakAll = async () => {
      assert.equal((await fleet.deploy(brittle.tarball)).status, 0);
      for (const { root, bin } of fleet.hosts) {
        writeFileSync(join(root, "var", "broken"), "");
        assert.equal((await runCommand(bin, ["stop"])).status, 0);
      }
    };
    await breakAll();
    const back = await fleet.tsugi("rollback", "production", "--yes");
    assert.equal(back.status, 0, back.output);
    assert.match(back.stdout, /nothing runs there: it is started/);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
    for (const { root } of fleet.hosts) rmSync(join(root, "var", "broken"));
    await breakAll();
    const over = await fleet.tsugi("deploy", "production", two.tarball, "--yes");
    assert.equal(over.status, 0, over.output);
    assert.match(over.stdout, /1\.0\.2 does not start any more, so 1\.0\.1 is started/);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });
});
