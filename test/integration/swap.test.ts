/** Upgrades by swap of a real release on a host. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, test } from "node:test";
import type { UpgradeReport } from "../../src/protocol/report.ts";
import { type BuiltRelease, buildVariant, type Variant } from "../helpers/fixtureReleases.ts";
import { Installed, type InstalledOptions, until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-swap-"));
const builds = new Map<string, Promise<BuiltRelease>>();
const build = (variant: Variant): Promise<BuiltRelease> => {
  const key = variant.version ?? variant.fixture;
  const known = builds.get(key);
  if (known) return known;
  const built = buildVariant(join(workshop, key), variant);
  builds.set(key, built);
  return built;
};

const one = () => build({ fixture: "counter-accepts-1.0.0" });
const two = () => build({ fixture: "counter-accepts-1.1.0" });
/** 1.1.0 with something changed in its server. */
const changed = (version: string, from: string, to: string) =>
  build({
    fixture: "counter-accepts-1.1.0",
    version,
    edit: { "src/server.ts": (text) => text.replace(from, to) },
  });

let host: Installed;
const start = async (release: BuiltRelease, options?: InstalledOptions): Promise<void> => {
  host = await Installed.start(release, options);
};
afterEach(() => host?.remove());
after(() => rmSync(workshop, { recursive: true, force: true }));

const serves = async (version: string, sum: number): Promise<void> => {
  assert.equal((await host.get<{ version: string }>("/version")).version, version);
  assert.equal((await host.get<{ sum: number }>("/")).sum, sum);
};
const workerPid = async () => (await host.status()).processes[0]!.slots[0]!.pid;

describe("both versions accept", () => {
  test("the process stays, the code is new, the state goes on", async () => {
    await start(await one());
    await host.post("/increment");
    await host.post("/increment");
    const pid = await workerPid();
    host.drop(await two());
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.strategy, "swap", JSON.stringify(report));
    assert.equal(report.result, "committed");
    assert.deepEqual(report.leftovers, []);
    const [state] = report.states;
    assert.deepEqual([state?.from, state?.to, state?.rehearsed], [1, 2, true]);
    await serves("1.1.0", 2);
    assert.equal(await workerPid(), pid);
  });

  test("a downgrade and a rollback swap too", async () => {
    await start(await one());
    host.drop(await two());
    await host.host.must("upgrade", "1.1.0");
    await host.post("/increment");
    const pid = await workerPid();
    const down = await host.report("downgrade", "1.0.0");
    assert.deepEqual([down.status, down.report.strategy], [0, "swap"], JSON.stringify(down));
    await host.post("/increment");
    await serves("1.0.0", 2);
    const back = await host.report("rollback");
    assert.deepEqual([back.status, back.report.strategy], [0, "swap"], JSON.stringify(back));
    await serves("1.1.0", 2);
    assert.equal(await workerPid(), pid);
  });

  test("a worker that crashes afterwards comes back with the new version, and swaps again", async () => {
    await start(await one());
    host.drop(await two());
    await host.host.must("upgrade", "1.1.0");
    const before = await workerPid();
    process.kill(before, "SIGKILL");
    await until("another worker", async () => (await workerPid()) !== before);
    await until("it serves", () =>
      serves("1.1.0", 0).then(
        () => true,
        () => false,
      ),
    );
    const down = await host.report("downgrade", "1.0.0");
    assert.deepEqual([down.status, down.report.strategy], [0, "swap"], JSON.stringify(down));
    await serves("1.0.0", 0);
  });

  test("check swaps nothing; install waits for its commit; rollback hands back", async () => {
    await start(await one());
    host.drop(await two());
    const pid = await workerPid();
    const checked = await host.host.app("check", "1.1.0");
    assert.equal(checked.status, 0, checked.output);
    assert.match(checked.output, /swap/);
    await serves("1.0.0", 0);
    await host.host.must("install", "1.1.0");
    await host.post("/increment");
    await serves("1.1.0", 1);
    await host.host.app("rollback");
    await serves("1.0.0", 1);
    assert.equal(await workerPid(), pid);
    await host.host.must("upgrade", "1.1.0");
    await serves("1.1.0", 1);
  });

  test("to a version that does not accept, and back, is a handoff with that reason", async () => {
    await start(await one());
    const plain = await changed("1.2.0", "hot.accept();", "");
    host.drop(plain);
    await host.post("/increment");
    const { status, report } = await host.report("upgrade", "1.2.0");
    assert.deepEqual([status, report.strategy], [0, "handoff"], JSON.stringify(report));
    assert.match(report.reasons.join(), /1\.2\.0 does not call hot\.accept\(\)/);
    await serves("1.2.0", 1);
  });

  test("what the old code leaves running is in the report and in status; three times is a handoff", async () => {
    const leak = "setInterval(function leak() {}, 60_000);\nconst server =";
    const versions = await Promise.all(
      ["2.0.0", "2.0.1", "2.0.2", "2.0.3", "2.0.4"].map((it) =>
        changed(it, "const server =", leak),
      ),
    );
    await start(versions[0]!);
    for (const [index, release] of versions.slice(1).entries()) {
      host.drop(release);
      const planned = await host.host.must("plan", release.version, "--json");
      const { status, report } = await host.report("upgrade", release.version);
      assert.equal(JSON.parse(planned.stdout).strategy, report.strategy, "as bin/<app> plan said");
      if (index < 3) {
        assert.deepEqual([status, report.strategy], [1, "swap"], JSON.stringify(report));
        assert.equal(report.leftovers.length, 1);
        assert.equal((await host.status()).leftovers.length, index + 1);
      } else {
        assert.deepEqual([status, report.strategy], [0, "handoff"], JSON.stringify(report));
        assert.match(report.reasons.join(), /interval leak of 2\.0\.0/);
        assert.deepEqual((await host.status()).leftovers, []);
      }
    }
  });

  test("every slot, behind one barrier", async () => {
    const processes = { web: { entry: "src/server.ts", workers: 2 } };
    const prepare = (project: string) =>
      writeFileSync(join(project, "tsugi.config.json"), JSON.stringify({ processes }));
    const [a, b] = await Promise.all([
      build({ fixture: "counter-accepts-1.0.0", version: "3.0.0", prepare }),
      build({ fixture: "counter-accepts-1.1.0", version: "3.1.0", prepare }),
    ]);
    await start(a);
    const pids = async () => (await host.status()).processes[0]!.slots.map(({ pid }) => pid);
    const before = await pids();
    host.drop(b);
    const { status, report } = await host.report("upgrade", "3.1.0");
    assert.deepEqual([status, report.strategy], [0, "swap"], JSON.stringify(report));
    assert.equal(report.states.length, 2);
    assert.deepEqual(await pids(), before);
    for (let asked = 0; asked < 10; asked++) {
      assert.equal((await host.get<{ version: string }>("/version")).version, "3.1.0");
    }
  });
});

const SPOIL = `const spoil = (counter: Counter): Counter => {
  counter.increments = -1;
  return { ...counter };
};`;

describe("what goes wrong leaves the old version serving in the same process", () => {
  const refused = async (
    release: BuiltRelease,
    code: string,
    { exit = 4, serving = "1.0.0", rehearse = "auto" } = {},
  ): Promise<UpgradeReport> => {
    const { sum } = await host.post<{ sum: number }>("/increment");
    const pid = await workerPid();
    host.drop(release);
    const { status, report } = await host.report(
      "upgrade",
      release.version,
      "--rehearse",
      rehearse,
    );
    assert.equal(status, exit, JSON.stringify(report));
    assert.equal(report.strategy, "swap");
    assert.equal(report.error?.code, code, JSON.stringify(report.error));
    await serves(serving, sum);
    assert.equal(await workerPid(), pid);
    return report;
  };

  test("when the new version throws while it loads", async () => {
    await start(await one());
    const boom = 'throw new Error("boom");\nserver.listen(';
    await refused(await changed("1.3.0", "server.listen(", boom), "TSUGI_LOAD_FAILED");
  });

  test("when the new version exits while it loads", async () => {
    await start(await one());
    const exit = "process.exit(7);\nserver.listen(";
    await refused(await changed("1.3.1", "server.listen(", exit), "TSUGI_LOAD_FAILED");
  });

  test("when the migration throws", async () => {
    await start(await one());
    const body = "=> ({ sum, increments: 0 })";
    const bad = await changed("1.3.3", body, '=> { throw new Error("no way"); }');
    await refused(bad, "TSUGI_STATE_FAILED");
  });

  test("when what the migration makes could not be carried on: nothing could take over from it", async () => {
    await start(await one());
    const body = "=> ({ sum, increments: 0 })";
    const bad = await changed("1.3.8", body, "=> ({ sum, increments: 0, f: () => 1 })");
    const said = /counter\.f is the function f; see encode\/decode/;
    assert.match((await refused(bad, "TSUGI_STATE_FAILED")).error!.message, said);
    const unseen = await refused(bad, "TSUGI_STATE_FAILED", { rehearse: "skip" });
    assert.match(unseen.error!.message, said);
  });

  test("when the migration changes what it is given: the rehearsal finds it on a copy", async () => {
    await start(await two());
    const release = await build({
      fixture: "counter-accepts-1.1.0",
      version: "1.3.6",
      edit: {
        "src/server.ts": (text) =>
          text
            .replace("version: 2,", "version: 3,")
            .replace("downgrade: {", "downgrade: { 3: (counter: Counter) => counter,")
            .replace("increments: 0 }) },", "increments: 0 }), 2: spoil },")
            .replace("/** 1.0.0 held", `${SPOIL}\n/** 1.0.0 held`),
      },
    });
    const report = await refused(release, "TSUGI_STATE_FAILED", { serving: "1.1.0" });
    assert.match(report.error!.message, /changes the value that it is given/);
    assert.equal((await host.get<{ increments: number }>("/")).increments, 1);
  });

  test("what it started before it was refused was never in the process that serves", async () => {
    await start(await one());
    const bad =
      "setTimeout(function late() {}, 3_600_000);\nhot.prepare(() => { throw new Error('no'); });\nconst server =";
    const report = await refused(
      await changed("1.3.7", "const server =", bad),
      "TSUGI_LOAD_FAILED",
    );
    assert.deepEqual(report.leftovers, []);
    assert.deepEqual((await host.status()).leftovers, []);
  });

  test("when it is unhealthy in probation: handed back", async () => {
    await start(await one(), { config: { timeouts: { probationMs: 1_000 } } });
    const sick = "hot.health(() => false);\nconst server =";
    await refused(await changed("1.3.4", "const server =", sick), "TSUGI_UNHEALTHY", { exit: 5 });
  });

  test("when its activate hook throws: handed back", async () => {
    await start(await one());
    const bad = 'hot.activate(() => { throw new Error("cannot"); });\nconst server =';
    await refused(await changed("1.3.5", "const server =", bad), "TSUGI_INTERNAL", { exit: 5 });
  });
});
