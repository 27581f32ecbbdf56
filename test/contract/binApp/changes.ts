/** check, install, commit, upgrade, downgrade, rollback, reload: words, documents, exit codes. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { until } from "../../helpers/installed.ts";
import { freePort } from "../../helpers/ports.ts";
import { document, ended, failure, fits80Columns, started, statuses } from "./ends.ts";
import type { Kind } from "./kinds.ts";

const DEADLINE_MS = 60_000;

export function changes(kind: Kind): void {
  test("upgrade from the drop box: the steps that exrm's users know, then the report; then back", async (t) => {
    const host = await started(t, await kind.one());
    await failure(host, ["rollback"], 4, "TSUGI_NOTHING_TO_ROLL_BACK_TO");
    await host.get("/add");
    host.drop(await kind.two());
    const { stdout, stderr } = ended(await host.app("upgrade", "0.0.2"), 0);
    const order = [
      "Release 0.0.2 not found, unpacking releases/0.0.2/shop.tar.gz",
      "Unpacked 0.0.2 (",
      "Config generated from releases/0.0.2 and etc/",
      "  load ",
      "  rehearse ",
      "  freeze ",
      "  carry ",
      "  probation ",
      "  commit ",
    ].map((line) => stderr.indexOf(line));
    assert.ok(!order.includes(-1), stderr);
    assert.match(stdout, new RegExp(`^Upgraded 0\\.0\\.1 → 0\\.0\\.2 by ${kind.strategy} in `));
    for (const row of [
      "strategy",
      "steps",
      "pause",
      "requests",
      "connections",
      "state",
      "left of old",
    ])
      assert.match(stdout, new RegExp(`^  ${row} `, "m"));
    assert.ok(stdout.endsWith(`where tsugi is:\n  tsugi view ${host.root}\n`), stdout);
    fits80Columns(stdout);
    assert.deepEqual([await host.get("/version"), await host.get("/count")], ["0.0.2", "1"]);
    assert.deepEqual(await statuses(host), { "0.0.1": "old", "0.0.2": "permanent" });

    const none = await document(host, "report", ["upgrade", "0.0.2"]);
    assert.deepEqual([none.strategy, none.result], ["none", "committed"]);
    ended(await host.app("upgrade", "0.0.2"), 0, /^Nothing to do: 0\.0\.2 runs already$/m);
    const down = await document(host, "report", ["downgrade", "0.0.1"]);
    assert.deepEqual([down.result, down.from, down.to], ["committed", "0.0.2", "0.0.1"]);
    assert.deepEqual(down.leftovers, []);
    assert.deepEqual(
      down.states.map(({ name, rehearsed }: Record<string, unknown>) => [name, rehearsed]),
      [[kind.state, true]],
    );
    assert.deepEqual([await host.get("/version"), await host.get("/count")], ["0.0.1", "1"]);
    ended(await host.app("rollback"), 0, /^Rolled back 0\.0\.1 → 0\.0\.2 by /m);
    await host.must("restart");
    assert.equal(await host.get("/version"), "0.0.2");
    const { upgrades } = await document(host, "describe", ["describe", "0.0.2"]);
    assert.equal(upgrades.length, 3);
    assert.match(
      (await host.must("describe")).stdout,
      /^upgrade +\S+ +0\.0\.1 → 0\.0\.2 by \w+: committed$/m,
    );
  });

  test("check throws everything away; a downgrade to a stranger is refused and names upgrade", async (t) => {
    const host = await started(t, await kind.one());
    const { tarball } = await kind.two();
    const pid = await host.pid();
    await failure(host, ["downgrade", "0.0.2"], 4, "TSUGI_RELEASE_NOT_FOUND");
    const { stdout } = ended(await host.app("check", tarball), 0);
    assert.match(
      stdout,
      new RegExp(`^Checked 0\\.0\\.1 → 0\\.0\\.2: it would go by ${kind.strategy} \\(`),
    );
    const checked = await document(host, "report", ["check", "0.0.2"]);
    assert.equal(checked.result, "checked");
    assert.deepEqual([await host.get("/version"), await host.pid()], ["0.0.1", pid]);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
    ended(await host.app("downgrade", "0.0.2"), 4, /TSUGI_NEVER_INSTALLED[\s\S]*upgrade 0\.0\.2/);
  });

  test("a state that can't be carried refuses the upgrade with 4; the old serves as before", async (t) => {
    const host = await started(t, await kind.one());
    for (let n = 0; n < 13; n += 1) await host.get("/add");
    const { tarball } = await kind.two();
    ended(await host.app("check", tarball), 4, /TSUGI_STATE_FAILED/);
    ended(
      await host.app("upgrade", "0.0.2"),
      4,
      /^Refused: 0\.0\.1 serves as before[\s\S]*TSUGI_STATE_FAILED/m,
    );
    const report = await document(host, "report", ["upgrade", "0.0.2"], 4);
    assert.deepEqual([report.result, report.error.code], ["refused", "TSUGI_STATE_FAILED"]);
    assert.equal(report.steps.at(-1).failed, true);
    assert.deepEqual([await host.get("/version"), await host.get("/add")], ["0.0.1", "14"]);
    await failure(host, ["upgrade", "0.0.9"], 4, "TSUGI_RELEASE_NOT_FOUND");
    assert.equal((await document(host, "report", ["upgrade", "0.0.2"])).result, "committed");
    assert.equal(await host.get("/count"), "14");
  });

  test("an unhealthy version is handed back with the state, and that exits with 5", async (t) => {
    const health = { path: "/version", port: 1, intervalMs: 20, healthyAfter: 2 };
    const host = await started(t, await kind.one(), {
      config: { health, timeouts: { probationMs: 300 } },
    });
    await host.get("/add");
    const report = await document(host, "report", ["upgrade", (await kind.two()).tarball], 5);
    assert.deepEqual([report.result, report.error.code], ["handed-back", "TSUGI_UNHEALTHY"]);
    assert.deepEqual([await host.get("/version"), await host.get("/count")], ["0.0.1", "1"]);
    ended(await host.app("upgrade", "0.0.2"), 5, /^Handed back: 0\.0\.1 serves again$/m);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  });

  test("a probation that is too short for its checks lasts as long as they take", async (t) => {
    const health = { intervalMs: 300, healthyAfter: 2 };
    const host = await started(t, await kind.one(), {
      config: { health, timeouts: { probationMs: 100 } },
    });
    const { stderr } = await host.must("upgrade", (await kind.two()).tarball);
    assert.match(stderr, /timeouts\.probationMs 100 has no room for health\.healthyAfter 2/);
    assert.match(host.log(), /probation lasts up to 600 ms/);
  });

  test("install makes current and commit permanent; rollback gives up what is current", async (t) => {
    const host = await started(t, await kind.one());
    await failure(host, ["commit"], 1, "TSUGI_NOTHING_TO_COMMIT");
    await host.get("/add");
    ended(
      await host.app("install", (await kind.two()).tarball),
      0,
      /Installed 0\.0\.2; it is current, not permanent/,
    );
    assert.equal(await host.get("/version"), "0.0.2");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "current" });
    assert.equal((await host.json("status")).value.status, "current");
    await failure(host, ["upgrade", "0.0.1"], 4, "TSUGI_UPGRADE_UNDER_WAY");
    ended(await host.app("remove", "0.0.2"), 4);
    ended(
      await host.app("rollback"),
      0,
      /^Rolled back: 0\.0\.2 is given up, 0\.0\.1 serves again$/m,
    );
    assert.deepEqual([await host.get("/version"), await host.get("/count")], ["0.0.1", "1"]);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
    await host.must("install", "0.0.2");
    const given = await document(host, "report", ["rollback"]);
    assert.deepEqual([given.result, given.error], ["handed-back", undefined]);
    const installed = await document(host, "install", ["install", "0.0.2"]);
    assert.deepEqual(installed, { status: "current", version: "0.0.2" });
    const committed = await document(host, "commit", ["commit"]);
    assert.deepEqual([committed.result, committed.to], ["committed", "0.0.2"]);
    assert.deepEqual(await statuses(host), { "0.0.1": "old", "0.0.2": "permanent" });
    assert.equal(await host.get("/count"), "1");
    const taken = await host.must("remove", "0.0.1");
    assert.match(taken.stderr, /^Nothing is left to roll back to: 0\.0\.1 was the only one$/m);
    assert.equal(taken.stdout, "Removed 0.0.1\n");
  });

  test("what was current when the system died is not what the next start boots", async (t) => {
    const host = await started(t, await kind.one());
    await host.must("install", (await kind.two()).tarball);
    await host.must("stop");
    assert.equal((await document(host, "start", ["start"])).version, "0.0.1");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  });

  test("an upgrade goes on when its terminal goes away, and the same command attaches to it", async (t) => {
    // Unhealthy until the port answers: the upgrade waits in probation for us.
    const port = await freePort();
    const health = { path: "/", port, intervalMs: 50, healthyAfter: 2 };
    const host = await started(t, await kind.one(), {
      config: { health, timeouts: { probationMs: 120_000 } },
    });
    await host.must("unpack", (await kind.two()).tarball);
    const upgrading = () => {
      const child = spawn(host.bin, ["upgrade", "0.0.2"], { env: host.env });
      const closed = once(child, "close");
      const seen = { child, closed, output: "" };
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          seen.output += text;
        });
      }
      t.after(() => child.kill("SIGKILL"));
      return seen;
    };
    const first = upgrading();
    await until("it serves", () => first.output.includes("  carry "), DEADLINE_MS);
    first.child.kill("SIGHUP");
    first.child.kill("SIGKILL");
    await first.closed;
    assert.equal((await host.json("status")).value.upgrade?.to, "0.0.2");
    await failure(host, ["upgrade", "0.0.1"], 4, "TSUGI_UPGRADE_UNDER_WAY");
    const second = upgrading();
    const told = () => second.output.includes("  load ");
    await until("it is told what has happened so far", told, DEADLINE_MS);
    const answering = createServer((_, response) => response.end()).listen(port, "127.0.0.1");
    t.after(() => answering.close());
    assert.deepEqual(await second.closed, [0, null], second.output);
    assert.match(second.output, /Upgraded 0\.0\.1 → 0\.0\.2/);
    assert.equal(await host.get("/version"), "0.0.2");
  });

  test("two upgrades to one file at once are one: the second is attached, or finds that it runs", async (t) => {
    const host = await started(t, await kind.one());
    const { tarball } = await kind.two();
    const upgrade = () => document(host, "report", ["upgrade", tarball]);
    const reports = await Promise.all([upgrade(), upgrade()]);
    const done = reports.find(({ from }) => from === "0.0.1");
    assert.deepEqual([done?.result, done?.to], ["committed", "0.0.2"]);
    const other = reports.find((one) => one !== done);
    // A command that a busy machine has held up may come when all is over.
    if (other?.at !== done?.at) assert.deepEqual([other?.from, other?.strategy], ["0.0.2", "none"]);
    assert.equal(await host.get("/version"), "0.0.2");
  });

  test("reload applies a changed etc/, a removed variable is gone, and a bad etc/ is refused", async (t) => {
    const host = await started(t, await kind.one(), { env: { GREETING: "first" } });
    await host.get("/add");
    assert.equal(await host.get("/greeting"), "first");
    appendFileSync(join(host.root, "etc", "env"), "what is this\n");
    assert.equal((await host.json("status")).value.etcChanged, true);
    ended(await host.app("reload"), 4, /TSUGI_SETTINGS_INVALID[\s\S]*line 4/);
    assert.equal(await host.get("/greeting"), "first");
    host.setEnv({ GREETING: undefined });
    assert.equal((await document(host, "report", ["reload"])).result, "committed");
    assert.deepEqual([await host.get("/greeting"), await host.get("/count")], ["hello", "1"]);
    assert.equal((await host.json("status")).value.etcChanged, false);
    ended(await host.app("reload"), 0, /^Reloaded 0\.0\.1 in /m);
  });
}
