/**
 * Every step of an upgrade × who is killed at its begin. What must be true afterwards: one whole
 * version serves, the registry is readable, nothing is left over, and the next upgrade works.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { Registry } from "../../src/release/status.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const STEPS = [
  "load",
  "rehearse",
  "install",
  "freeze",
  "carry",
  "activate",
  "connections",
  "probation",
  "commit",
];
/** From here on the new generation has the state. */
const AFTER_THE_POINT = new Set(["activate", "connections", "probation", "commit"]);

const workshop = mkdtempSync(join(tmpdir(), "tsugi-faults-"));
let one: BuiltRelease;
let two: BuiltRelease;
let host: Installed;

before(async () => {
  one = await buildVariant(join(workshop, "one"), { fixture: "counter-1.0.0" });
  two = await buildVariant(join(workshop, "two"), { fixture: "counter-1.1.0" });
});
after(() => rmSync(workshop, { recursive: true, force: true }));
afterEach(() => host.remove());

/** 1.1.0 on another Node: the supervisor itself is replaced. */
let replacing: Promise<BuiltRelease> | undefined;
const onAnotherNode = () => {
  const variant = { fixture: "counter-1.1.0", version: "1.2.0", node: "22.23.0" };
  replacing ??= buildVariant(join(workshop, "replacing"), variant);
  return replacing;
};

/** A host on which `label` strikes once, in the supervisor that is started now. */
async function startWith(label: string): Promise<void> {
  host = await Installed.install(one);
  const env = { ...host.host.environment, TSUGI_FAULT: `${label}=kill` };
  const started = await host.host.run(host.host.bin, ["start"], { env });
  assert.equal(started.status, 0, started.output);
  assert.equal((await host.post<{ sum: number }>("/increment")).sum, 1);
  host.drop(two);
}

const sum = async () => (await host.get<{ sum: number }>("/")).sum;
const version = async () => (await host.get<{ version: string }>("/version")).version;
const serving = () => until("a version serves", () => version().catch(() => undefined));
const registry = () =>
  JSON.parse(readFileSync(join(host.root, "releases", "RELEASES.json"), "utf8")) as Registry;

async function upgradesAfterwards(): Promise<void> {
  const { status, report } = await host.report("upgrade", "1.1.0");
  assert.equal(status, 0, JSON.stringify(report));
  assert.equal(await version(), "1.1.0");
}

describe("the new worker is killed", () => {
  for (const step of STEPS.filter((name) => name !== "load")) {
    test(`at ${step}: the old version serves, its state whole`, async () => {
      await startWith(`upgrade:${step}:new`);
      const { status, report } = await host.report("upgrade", "1.1.0");
      if (step === "commit" && status === 0) return; // it was committed before the death was seen
      assert.equal(status, AFTER_THE_POINT.has(step) ? 5 : 4, JSON.stringify(report));
      assert.equal(report.error?.code, "TSUGI_WORKER_DIED");
      if (AFTER_THE_POINT.has(step)) assert.ok(report.stateAsOf);
      assert.equal(await serving(), "1.0.0");
      assert.equal(await sum(), 1);
      await upgradesAfterwards();
    });
  }
});

describe("the old worker is killed", () => {
  for (const step of STEPS) {
    const point = AFTER_THE_POINT.has(step);
    const end = point ? "the new version goes on with the state" : "the old version is restarted";
    test(`at ${step}: ${end}`, async () => {
      await startWith(`upgrade:${step}:old`);
      const { status, report } = await host.report("upgrade", "1.1.0");
      assert.equal(status, point ? 0 : 4, JSON.stringify(report));
      assert.equal(await serving(), point ? "1.1.0" : "1.0.0");
      if (point) assert.equal(await sum(), 1);
      else await upgradesAfterwards();
    });
  }
});

describe("the supervisor is killed", () => {
  for (const step of STEPS) {
    test(`at ${step}: the next start boots the permanent release`, async () => {
      await startWith(`upgrade:${step}`);
      const { status } = await host.host.app("upgrade", "1.1.0");
      assert.notEqual(status, 0);
      await until("the port is free", () =>
        version().then(
          () => false,
          () => true,
        ),
      );
      await host.host.must("start");
      assert.equal(await version(), "1.0.0");
      const statuses = registry().releases.map((entry) => `${entry.version} ${entry.status}`);
      assert.deepEqual(statuses.sort(), ["1.0.0 permanent", "1.1.0 unpacked"]);
      await upgradesAfterwards();
    });
  }
});

describe("in a replace", () => {
  const killedAt = async (label: string) => {
    await startWith(label);
    host.drop(await onAnotherNode());
    return host.supervisorPid;
  };
  const noSupervisorButMine = () =>
    until("the other supervisor is gone", () => supervisorsOf(host.root).length === 1);

  for (const [step, exit] of [
    ["rehearse", 4],
    ["carry", 4],
    ["probation", 5],
  ] as const) {
    test(`the new worker is killed at ${step}: the old supervisor goes on, the new one is gone`, async () => {
      const pid = await killedAt(`upgrade:${step}:new`);
      const { status, report } = await host.report("upgrade", "1.2.0");
      assert.equal(status, exit, JSON.stringify(report));
      assert.equal(host.supervisorPid, pid);
      assert.equal(await serving(), "1.0.0");
      assert.equal(await sum(), 1);
      await noSupervisorButMine();
      assert.equal((await host.report("upgrade", "1.2.0")).status, 0);
      await noSupervisorButMine();
      assert.equal(await sum(), 1);
    });
  }

  test("the old supervisor is killed before the commit: the new one does not stay", async () => {
    await killedAt("upgrade:commit");
    assert.notEqual((await host.host.app("upgrade", "1.2.0")).status, 0);
    await until("both are gone", () => supervisorsOf(host.root).length === 0);
    await host.host.must("start");
    assert.equal(await version(), "1.0.0");
  });

  test("the old supervisor is killed after the new one took over: the new one serves on", async () => {
    await killedAt("upgrade:retire");
    assert.notEqual((await host.host.app("upgrade", "1.2.0")).status, 0);
    await noSupervisorButMine();
    assert.equal(await serving(), "1.2.0");
    assert.equal(await sum(), 1);
    assert.equal((await host.status()).version, "1.2.0");
    assert.equal((await host.report("downgrade", "1.0.0")).status, 0);
  });
});

/** Pids of the supervisors that run from this root. */
function supervisorsOf(root: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        // process.title covers the command line; the executable and the folder tell.
        return (
          readlinkSync(`/proc/${pid}/exe`).startsWith(`${root}/runtime/`) &&
          readlinkSync(`/proc/${pid}/cwd`) === join(root, "run")
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}
