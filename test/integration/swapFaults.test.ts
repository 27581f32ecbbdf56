/**
 * The process in which a swap happens is killed at the begin of every step. It takes its state and
 * its connections along (both versions live in it); everything else must be true as in a handoff:
 * one whole version serves, nothing is left over, and the next upgrade works.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const STEPS = ["load", "rehearse", "freeze", "carry", "activate", "connections", "probation"];

const workshop = mkdtempSync(join(tmpdir(), "tsugi-swap-faults-"));
let one: BuiltRelease;
let two: BuiltRelease;
let host: Installed;

before(async () => {
  one = await buildVariant(join(workshop, "one"), { fixture: "counter-accepts-1.0.0" });
  two = await buildVariant(join(workshop, "two"), { fixture: "counter-accepts-1.1.0" });
});
after(() => rmSync(workshop, { recursive: true, force: true }));
afterEach(() => host.remove());

const version = async () => (await host.get<{ version: string }>("/version")).version;

describe("the process dies at the begin of", () => {
  for (const step of STEPS) {
    test(step, async () => {
      host = await Installed.install(one);
      const env = { ...host.host.environment, TSUGI_FAULT: `upgrade:${step}:old=kill` };
      const started = await host.host.run(host.host.bin, ["start"], { env });
      assert.equal(started.status, 0, started.output);
      host.drop(two);
      const { status, report } = await host.report("upgrade", "1.1.0");
      assert.equal(report.strategy, "swap");
      assert.equal(report.error?.code, "TSUGI_WORKER_DIED", JSON.stringify(report));
      assert.ok(status === 4 || status === 5, JSON.stringify(report));
      await until("1.0.0 serves", () =>
        version().then(
          (it) => it === "1.0.0",
          () => false,
        ),
      );
      const again = await host.report("upgrade", "1.1.0");
      assert.equal(again.status, 0, JSON.stringify(again.report));
      assert.equal(again.report.strategy, "swap");
      assert.equal(await version(), "1.1.0");
    });
  }
});
