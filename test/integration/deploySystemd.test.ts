/** `systemd: true`: a real systemd gets the unit, starts the service, and starts it again after a reboot. */
import assert from "node:assert/strict";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Status } from "../../src/protocol/report.ts";
import { type BootedSystemd, bootSystemd } from "../helpers/bootedSystemd.ts";
import { Deploying } from "../helpers/deploying.ts";
import { buildVariant } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const UNIT = "teller.service";
const OWNER_UID = 61_003;

test("an empty host with systemd: deployed, upgraded, rebooted", {
  skip: await whyNoSshd(),
}, async (t) => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-systemd-"));
  let machine: BootedSystemd | undefined;
  let fleet: Deploying | undefined;
  const boot = async () => {
    machine = await bootSystemd(workshop);
    return machine;
  };
  try {
    mkdirSync(join(workshop, "units"));
    if ((await boot()) === undefined) return t.skip("no systemd boots here: it takes root");
    const build = (version: string) =>
      buildVariant(join(workshop, version), { fixture: "teller-1.0.0", version });
    const [one, two] = [await build("1.0.0"), await build("1.0.1")];
    const place = {
      address: "127.0.0.1",
      get enter() {
        return machine!.enter;
      },
    };
    fleet = await Deploying.start("teller", ["app1"], undefined, {
      places: { app1: place },
      parent: workshop,
    });
    const [host] = fleet.hosts;
    // Prepared as the guide has it, for an owner that no passwd file knows.
    chmodSync(workshop, 0o711);
    mkdirSync(host!.root, { recursive: true });
    chownSync(host!.root, OWNER_UID, OWNER_UID);
    fleet.configure({ systemd: true, env: { WORD: "hello" } });

    const { status, output } = await fleet.deploy(one.tarball);
    assert.equal(status, 0, output);
    assert.equal(await machine!.property(UNIT, "ActiveState"), "active");
    assert.equal(await machine!.property(UNIT, "UnitFileState"), "enabled");
    const { version, word } = await fleet.ask(host!);
    assert.deepEqual([version, word], ["1.0.0", "hello"]);
    // Pids are those of its own namespace.
    const { stdout } = await machine!.run(host!.bin, ["status", "--json"]);
    const { pid } = (JSON.parse(stdout) as Status).processes[0]!.slots[0]!;
    const owner = await machine!.run("stat", ["-c", "%u", `/proc/${pid}`]);
    assert.equal(owner.stdout.trim(), String(OWNER_UID), owner.output);
    const mainPid = await machine!.property(UNIT, "MainPID");

    const upgraded = await fleet.deploy(two.tarball);
    assert.equal(upgraded.status, 0, upgraded.output);
    assert.equal((await fleet.ask(host!)).version, "1.0.1");
    assert.equal(await machine!.property(UNIT, "MainPID"), mainPid, "systemd did not notice");
    assert.equal(await machine!.property(UNIT, "NRestarts"), "0");

    await machine!.end();
    await until("it is down", async () => !(await fleet!.ask(host!).catch(() => false)));
    await boot();
    await until("the service", async () => (await fleet!.ask(host!).catch(() => false)) !== false);
    const after = await fleet.ask(host!);
    assert.deepEqual([after.version, after.word], ["1.0.1", "hello"]);

    await host!.ssh.start();
    const again = await fleet.tsugi("deploy", "production", two.tarball, "--yes");
    assert.equal(again.status, 0, again.output);
    assert.match(again.output, /unchanged/);
  } finally {
    await machine?.end();
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  }
});
