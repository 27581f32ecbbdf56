import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Appup, AppupStep } from "../../../src/release/appup.ts";
import type { ManifestState } from "../../../src/release/manifest.ts";
import { appupBetween, planUpgrade } from "../../../src/relup/index.ts";
import { manifestOf } from "../../helpers/manifests.ts";

const step = (label: string, on: AppupStep["on"] = "upgrade"): AppupStep => ({
  label,
  command: [label],
  on,
  timeoutMs: 1_000,
});
const release = (version: string, appup: Partial<Appup> = {}) =>
  manifestOf({ version, appup: { before: [], after: [], force: [], forbid: [], ...appup } });

const labels = (steps: readonly AppupStep[] = []) => steps.map(({ label }) => label);

describe("whose appup it is", () => {
  const steps = [step("up"), step("down", "downgrade"), step("always", "both")];
  const [older, newer] = [
    release("1.9.0", { before: [step("old")] }),
    release("1.10.0", { before: steps }),
  ];

  test("the higher version says it, for both directions", () => {
    const up = appupBetween(older, newer);
    assert.deepEqual(
      [up?.by, up?.direction, labels(up?.before)],
      ["1.10.0", "upgrade", ["up", "always"]],
    );
    const down = appupBetween(newer, older);
    assert.deepEqual(
      [down?.by, down?.direction, labels(down?.before)],
      ["1.10.0", "downgrade", ["down", "always"]],
    );
  });

  test("a step keeps its place in the configuration's list", () => {
    assert.deepEqual(
      appupBetween(newer, older)?.before.map(({ index }) => index),
      [1, 2],
    );
  });

  test("commits are counted in the build part, as numbers", () => {
    const [ninth, tenth] = [release("1.0.0+9.aa"), release("1.0.0+10.bb", { before: steps })];
    assert.equal(appupBetween(ninth, tenth)?.direction, "upgrade");
  });

  test("a release and itself have none: a reload runs no migration", () => {
    assert.equal(appupBetween(newer, newer), undefined);
    assert.equal(appupBetween(older, manifestOf({ version: "2.0.0" })), undefined);
  });
});

describe("rules", () => {
  const state: ManifestState = { name: "rooms", version: 1, upgradesFrom: [], downgradesFrom: [] };

  test("a pair of versions in both ranges is forced; any other is not", () => {
    const force = [{ from: "1.x", to: "2.x", use: "restart" as const, reason: "new files" }];
    const two = release("2.0.0-rc.1", { force });
    const plan = planUpgrade(manifestOf({ version: "1.4.0", states: [state] }), two);
    assert.equal(plan.strategy, "restart");
    assert.match(plan.reasons[0]!, /new files/);
    assert.match(plan.reasons[1]!, /"rooms" is not carried/);
    const ops = plan.instructions.map(({ op }) => op);
    assert.ok(ops.indexOf("stop") < ops.indexOf("load"));
    assert.ok(!ops.includes("carry"));
    assert.equal(planUpgrade(manifestOf({ version: "0.9.0" }), two).strategy, "handoff");
    assert.equal(planUpgrade(two, manifestOf({ version: "1.4.0" })).strategy, "handoff");
  });

  test("a forced handoff does not keep the supervisor from being replaced", () => {
    const force = [{ use: "handoff" as const, reason: "to be safe" }];
    const to = release("2.0.0", { force });
    assert.deepEqual(planUpgrade(manifestOf(), to).reasons, [
      "the appup of 2.0.0 asks for it: to be safe",
    ]);
    to.tsugi = { dir: "tsugi-9.0.0", version: "9.0.0" };
    assert.equal(planUpgrade(manifestOf(), to).strategy, "replace");
  });

  test("a restart that has to replace the supervisor does", () => {
    const to = release("2.0.0", { force: [{ use: "restart", reason: "locks" }] });
    to.tsugi = { dir: "tsugi-9.0.0", version: "9.0.0" };
    const { strategy, instructions } = planUpgrade(manifestOf(), to);
    assert.equal(strategy, "restart");
    assert.ok(instructions.some(({ op }) => op === "takeOver"));
  });

  test("a forbidden pair is an obstacle, in the direction that is meant", () => {
    const forbid = [{ from: "2.x", to: "<2", reason: "the schema can't go back" }];
    const two = release("2.0.0", { forbid });
    const [obstacle] = planUpgrade(two, manifestOf({ version: "1.9.0" })).obstacles;
    assert.equal(obstacle?.code, "TSUGI_UPGRADE_FORBIDDEN");
    assert.equal(obstacle?.details.reason, "the schema can't go back");
    assert.deepEqual(planUpgrade(manifestOf({ version: "1.9.0" }), two).obstacles, []);
  });
});
