/** Under a real systemd, by the unit that `bin/<app> systemd` prints. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type BootedSystemd, bootSystemd } from "../helpers/bootedSystemd.ts";
import { buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const UNIT = "counter.service";

test("systemd starts it, is told of a replace, restarts what died, and stops it", async (t) => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-booted-"));
  let systemd: BootedSystemd | undefined;
  let host: Installed | undefined;
  try {
    const one = await buildVariant(join(workshop, "one"), { fixture: "counter-1.0.0" });
    const other = await buildVariant(join(workshop, "other"), {
      fixture: "counter-1.1.0",
      node: "22.23.0",
    });
    host = await Installed.install(one);
    const booted = await bootSystemd(dirname(host.root));
    if (booted === undefined) return t.skip("no systemd boots here: it takes root and namespaces");
    systemd = booted;
    const { bin, environment } = host.host;
    const app = (...args: string[]) => booted.run(bin, args, environment);
    const active = () => booted.property(UNIT, "ActiveState");

    const { stdout } = await app("systemd");
    await systemd.addUnit(
      UNIT,
      stdout.replace("[Service]", "[Service]\nEnvironment=TSUGI_EPHEMERAL=1"),
    );
    await systemd.systemctl("start", UNIT);
    assert.equal(await active(), "active", "start returned when it was ready");
    await host.post("/increment");
    const mainPid = await systemd.property(UNIT, "MainPID");

    host.drop(other);
    const { status, stdout: reported, output } = await app("upgrade", "1.1.0", "--json");
    assert.equal(status, 0, output);
    assert.equal(JSON.parse(reported).strategy, "replace");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 1, "the state went along");
    assert.equal(await active(), "active");
    assert.equal(await systemd.property(UNIT, "MainPID"), mainPid);
    assert.equal(await systemd.property(UNIT, "NRestarts"), "0");

    await systemd.systemctl("kill", "--signal=KILL", "--kill-whom=main", UNIT);
    await until("a restart", async () => (await booted.property(UNIT, "NRestarts")) === "1");
    await until("active again", async () => (await active()) === "active");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 0);
    assert.match((await app("version")).stdout, /1\.1\.0/);

    await systemd.systemctl("stop", UNIT);
    assert.equal(await active(), "inactive");
    assert.equal(await systemd.property(UNIT, "Result"), "success");
    assert.equal((await app("ping")).status, 3);
  } finally {
    await systemd?.end();
    await host?.remove();
    rmSync(workshop, { recursive: true, force: true });
  }
});
