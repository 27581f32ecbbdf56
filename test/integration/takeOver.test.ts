/** A new supervisor that fails while it takes over: the release is permanent, and somebody has to serve it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { isRunning } from "../../src/platform/processes.ts";
import { FaultFolder } from "../helpers/crash/faultFolder.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-takeover-"));
let one: BuiltRelease;
let otherNode: BuiltRelease;
let host: Installed;

before(async () => {
  one = await buildVariant(join(workshop, "one"), { fixture: "counter-1.0.0" });
  const fixture = "counter-1.1.0";
  otherNode = await buildVariant(join(workshop, "two"), { fixture, node: "22.23.0" });
});
afterEach(() => host?.remove());
after(() => rmSync(workshop, { recursive: true, force: true }));

for (const [what, signal] of [
  ["hangs", "SIGSTOP"],
  ["dies", "SIGKILL"],
] as const) {
  test(`one that ${what} is ended, and the old one goes on with the new version`, async () => {
    host = await Installed.install(one, { config: { timeouts: { readyMs: 8_000 } } });
    const faults = new FaultFolder(join(workshop, what));
    host.host.env.TSUGI_FAULT = faults.path;
    await host.host.must("start");
    await host.post("/increment");
    const pid = host.supervisorPid;
    host.drop(otherNode);
    // pid file and lock are the new one's by then, the link is not.
    faults.arm("takeOver:link#1=hold");
    const upgrading = host.report("upgrade", "1.1.0");
    const held = await until("it takes over", () => faults.held, 60_000);
    process.kill(held.pid, signal);
    const { status, report } = await upgrading;
    assert.equal(status, 1, JSON.stringify(report));
    assert.equal(report.error?.code, "TSUGI_TAKE_OVER_FAILED");
    assert.equal(report.result, "committed");
    assert.ok(report.steps.some(({ name, failed }) => name === "takeOver" && failed));
    assert.ok(!isRunning(held.pid), "the new supervisor still runs");
    assert.equal(host.supervisorPid, pid);
    assert.equal((await host.host.must("pid")).stdout.trim(), String(pid));
    await until("it serves", async () => (await host.status()).processes[0]!.slots[0]!.healthy);
    assert.equal((await host.get<{ version: string }>("/version")).version, "1.1.0");
    // It upgrades as ever, and is replaced then, for its Node is not the one of the release.
    faults.disarm();
    faults.release();
    const back = await host.report("downgrade", "1.0.0");
    assert.equal(back.status, 0, JSON.stringify(back.report));
    assert.equal((await host.get<{ version: string }>("/version")).version, "1.0.0");
  });
}
