/** The plan that is shown is the plan that runs: `plan --json` against the steps of the report. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import type { Plan } from "../../src/relup/index.ts";
import { type BuiltRelease, buildVariant, type Variant } from "../helpers/fixtureReleases.ts";
import { Installed } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-relup-"));
let host: Installed;
afterEach(() => host?.remove());
after(() => rmSync(workshop, { recursive: true, force: true }));

const builds = new Map<string, Promise<BuiltRelease>>();
/** Each once, by fixture and version. */
function build(variant: Variant): Promise<BuiltRelease> {
  const name = `${variant.fixture}-${variant.version ?? ""}`;
  const built = builds.get(name) ?? buildVariant(join(workshop, name), variant);
  builds.set(name, built);
  return built;
}

const HOOK = ["node", "-e", ""];
const HOOKS = { before: [HOOK, HOOK], after: [{ run: HOOK, on: "both" }] };
/** Two workers with state, a consumer with hooks, and a scheduler that must not run twice. */
const fleet = (version: string, config: object = {}, more: Partial<Variant> = {}) =>
  build({
    fixture: "fleet-1.0.0",
    version,
    edit: {
      "tsugi.config.json": (text) =>
        JSON.stringify({ ...JSON.parse(text), health: { intervalMs: 20 }, ...config }),
    },
    ...more,
  });

/** Instructions that stand together are one step; what an appup runs is a step each. */
async function planned(version: string): Promise<Plan> {
  const { stdout } = await host.host.must("plan", version, "--json");
  const plan = JSON.parse(stdout) as Plan;
  const ops = plan.instructions.map(({ op }) => op);
  const begins = (op: string, at: number) =>
    op === "before" || op === "after" || op !== ops[at - 1];
  const steps = ops.filter((op, at) => op !== "pointOfNoReturn" && begins(op, at));
  assert.deepEqual(plan.steps, steps);
  return plan;
}

/** Each way: what was planned, then what the report says was done. */
async function changesAsPlanned(
  verb: string,
  version: string,
  strategy: string,
): Promise<string[]> {
  const plan = await planned(version);
  assert.equal(plan.strategy, strategy);
  const args = verb === "rollback" ? [verb] : [verb, version];
  const { status, report, stderr } = await host.report(...args);
  assert.equal(status, 0, `${JSON.stringify(report)}\n${stderr}`);
  assert.equal(report.strategy, strategy);
  const done = report.steps.map(({ name }) => name);
  assert.deepEqual(done, plan.steps);
  for (const name of done) assert.match(stderr, new RegExp(`^ +${name} .*\\d m?s  \\S`, "m"));
  return done;
}

test("a swap", async () => {
  const two = await build({ fixture: "counter-accepts-1.1.0" });
  host = await Installed.start(await build({ fixture: "counter-accepts-1.0.0" }));
  host.drop(two);
  const up = await changesAsPlanned("upgrade", "1.1.0", "swap");
  assert.ok(up.includes("freeze") && up.includes("carry"), up.join());
  await changesAsPlanned("downgrade", "1.0.0", "swap");
  await changesAsPlanned("rollback", "1.1.0", "swap");
});

test("a handoff of several processes with an appup", async () => {
  host = await Installed.start(await fleet("1.0.0"));
  host.drop(await fleet("1.1.0", { appup: HOOKS }));
  const up = await changesAsPlanned("upgrade", "1.1.0", "handoff");
  assert.deepEqual(up.slice(0, 3), ["before", "before", "load"]);
  assert.ok(up.includes("stop") && up.includes("carry"), up.join());
  assert.equal(up.at(-1), "after");
  await changesAsPlanned("downgrade", "1.0.0", "handoff");
  await changesAsPlanned("rollback", "1.1.0", "handoff");
});

test("a replace of the supervisor, and back", async () => {
  host = await Installed.start(await fleet("1.0.0"));
  host.drop(await fleet("1.2.0", {}, { node: "22.23.0" }));
  const up = await changesAsPlanned("upgrade", "1.2.0", "replace");
  assert.ok(up.includes("takeOver"), up.join());
  await changesAsPlanned("downgrade", "1.0.0", "replace");
  await changesAsPlanned("rollback", "1.2.0", "replace");
});

const FORCED = { ...HOOKS, force: [{ use: "restart", reason: "its files are locked" }] };

test("a restart, and a check, which ends before it would be noticed", async () => {
  host = await Installed.start(await fleet("1.0.0"));
  host.drop(await fleet("1.3.0", { appup: FORCED }));
  const up = await changesAsPlanned("upgrade", "1.3.0", "restart");
  assert.ok(up.indexOf("stop") < up.indexOf("load") && !up.includes("carry"), up.join());
  const { report } = await host.report("check", "1.0.0");
  const { steps } = await planned("1.0.0");
  assert.deepEqual(
    report.steps.map(({ name }) => name),
    steps.slice(steps.indexOf("load"), steps.indexOf("install")),
  );
  await changesAsPlanned("downgrade", "1.0.0", "restart");
  await changesAsPlanned("rollback", "1.3.0", "restart");
});

/** Strategy → what its releases have; the newer one fails its probation. */
const HAND_BACKS: Record<string, [fixture: string, newer: Partial<Variant>]> = {
  swap: ["counter-accepts", {}],
  handoff: ["counter", {}],
  replace: ["counter", { node: "22.23.0" }],
  restart: [
    "counter",
    {
      prepare: (project) =>
        writeFileSync(join(project, "tsugi.config.json"), JSON.stringify({ appup: FORCED })),
    },
  ],
};

for (const [strategy, [fixture, newer]] of Object.entries(HAND_BACKS)) {
  test(`a hand-back of a ${strategy}: as planned up to the step that failed`, async () => {
    const sick = await buildVariant(join(workshop, `sick-${strategy}`), {
      fixture: `${fixture}-1.1.0`,
      edit: { "src/server.ts": (text) => `${text}\nhot.health(() => false);\n` },
      ...newer,
    });
    host = await Installed.start(await build({ fixture: `${fixture}-1.0.0` }), {
      config: { timeouts: { probationMs: 200 } },
    });
    host.drop(sick);
    const plan = await planned("1.1.0");
    assert.equal(plan.strategy, strategy);
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 5, JSON.stringify(report));
    assert.deepEqual(
      report.steps.map(({ name, failed }) => (failed ? `${name} failed` : name)),
      [...plan.steps.slice(0, plan.steps.indexOf("probation")), "probation failed"],
    );
  });
}
