/**
 * `npm run long -- crash:deploy`: every event of a deploy, taken from a run of it, is a moment to kill it with
 * -9 (and some to press Ctrl-C). Many minutes: TSUGI_SHARD=1/4 takes every fourth of them. `npm test`
 * has a sample in deployFaults.test.ts.
 */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { STEPS } from "../../src/deploy/events.ts";
import { runCommand } from "../helpers/commands.ts";
import { Deploying } from "../helpers/deploying.ts";
import {
  assertGoesOn,
  assertTidy,
  assertWhole,
  forget,
  keyOf,
  killAt,
  type Scenario,
  unlocked,
  withoutBytes,
} from "../helpers/deployKills.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();
/** Some time after the event as well: most of a step is in between. */
const DELAYS_MS = [0, 40, 160];
const [SHARD, SHARDS] = (process.env.TSUGI_SHARD ?? "1/1").split("/").map(Number) as [
  number,
  number,
];

describe("tsugi deploy is killed", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-killed-"));
  const seen = new Set<string>();
  let builds: [BuiltRelease, BuiltRelease];
  let fleet: Deploying;
  let turn = 0;

  before(async () => {
    const build = (version: string) =>
      buildVariant(join(workshop, version), { fixture: "teller-1.0.0", version });
    builds = [await build("1.0.0"), await build("1.0.1")];
    fleet = await Deploying.start("teller", ["app1", "app2"]);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const next = () => {
    turn += 1;
    return { target: builds[turn % 2]!, other: builds[(turn + 1) % 2]!, word: `word-${turn}` };
  };

  /** Each makes ready the hosts, and the configuration. */
  const scenarios: Record<string, () => Promise<Scenario>> = {
    "a first install": async () => {
      for (const { bin, root } of fleet.hosts) {
        if (existsSync(bin)) await runCommand(bin, ["stop"]);
        rmSync(root, { recursive: true, force: true });
      }
      turn = 1;
      fleet.configure({ env: { WORD: "first" } });
      return { before: [null], target: builds[1], word: "first" };
    },
    "an upgrade": async () => {
      const { target, other, word } = next();
      for (const host of fleet.hosts) await forget(host, target.version);
      // One gets what it lacks, the other has it in its drop box.
      const box = join(fleet.hosts[1]!.root, "releases", target.version, "teller.tar.gz");
      mkdirSync(dirname(box));
      cpSync(target.tarball, box);
      fleet.configure({ env: { WORD: word } });
      return { before: [other.version], target, word };
    },
    "a reload": async () => {
      const target = builds[turn % 2]!;
      const word = `reload-${performance.now()}`;
      fleet.configure({ env: { WORD: word } });
      return { before: [], target, word };
    },
    "an upgrade that is rolled back": async () => {
      const { target, other, word } = next();
      turn -= 1;
      const rollout = { canary: 1, batch: 1, onFailure: "rollback" };
      fleet.configure({ env: { WORD: word }, rollout }, { app2: { env: { ILL: target.version } } });
      return { before: [other.version], target, word, again: () => other };
    },
  };

  for (const [name, prepare] of Object.entries(scenarios)) {
    test(name, async (t) => {
      const whole = await prepare();
      const { events, output } = await fleet.deploy(whole.target.tarball);
      // Sorted: hosts take turns as they like, and a shard of another process has to be another one.
      const keys = [...new Set(events.map(keyOf).filter((key) => key !== undefined))].sort();
      for (const key of keys) seen.add(key.split(" ")[1]!);
      assert.ok(keys.length > 10, withoutBytes(output));
      if (whole.again) await assertGoesOn(fleet, whole);
      for (const [index, key] of keys.entries()) {
        if (index % SHARDS !== SHARD - 1) continue;
        const delayMs = DELAYS_MS[index % DELAYS_MS.length]!;
        await t.test(`at: ${key} + ${delayMs} ms`, async () => {
          const scenario = await prepare();
          await killAt(fleet, scenario.target.tarball, key, { delayMs });
          await assertWhole(fleet, scenario);
          await assertGoesOn(fleet, scenario);
        });
      }
    });
  }

  test("every step of a deploy was among them", () => {
    // Of systemd's: systemdBooted.test.ts.
    const missing = STEPS.filter((step) => step !== "unit" && !seen.has(step));
    assert.deepEqual(missing, []);
  });

  test("Ctrl-C: it ends by itself, lets go of the locks and says what it has left", async (t) => {
    for (const key of ["app1 bytes", "app1 check begin", "app1 upgrade begin", "app2 lock begin"]) {
      await t.test(key, async () => {
        const scenario = await scenarios["an upgrade"]!();
        const { code } = await killAt(fleet, scenario.target.tarball, key, { signal: "SIGINT" });
        assert.ok(code !== null && code !== 0, `exit ${code}`);
        await unlocked(fleet);
        await assertWhole(fleet, scenario);
        await assertGoesOn(fleet, scenario);
        for (const host of fleet.hosts) assertTidy(host);
      });
    }
  });
});
