/** What an application says about its upgrades: commands and functions, forced and forbidden ones. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { Plan } from "../../src/relup/index.ts";
import { addAppup, stepsSeen } from "../helpers/appupApp.ts";
import { type BuiltRelease, buildVariant, TEST_NODE } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";
import { writeFiles } from "../helpers/projects.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-appup-"));
let one: BuiltRelease;
let two: BuiltRelease;
/** Never beside 1.1.0, and not from 1.0.0; 1.2.1 does not come up. */
let three: BuiltRelease;
let four: BuiltRelease;
let host: Installed;

const RULES = `export default {
  health: { intervalMs: 20 },
  appup: {
    force: [{ from: "1.1.x", use: "restart", reason: "the files of 1.1 are locked" }],
    forbid: [{ from: "<1.1.0", reason: "go to 1.1.0 first" }],
  },
};
`;

before(async () => {
  const fixture = "counter-1.1.0";
  const rules = (project: string) => writeFiles(project, { "tsugi.config.mjs": RULES });
  one = await buildVariant(join(workshop, "1.0.0"), { fixture: "counter-1.0.0" });
  two = await buildVariant(join(workshop, "1.1.0"), { fixture, prepare: addAppup });
  const version = "1.2.0";
  three = await buildVariant(join(workshop, version), { fixture, version, prepare: rules });
  four = await buildVariant(join(workshop, "1.2.1"), {
    fixture,
    version: "1.2.1",
    prepare: rules,
    edit: { "src/server.ts": (text) => `throw new Error("no license");\n${text}` },
  });
});
afterEach(async () => {
  await host?.remove();
  host = undefined as never;
});
after(() => rmSync(workshop, { recursive: true, force: true }));

async function start(release: BuiltRelease, next: BuiltRelease, env: Record<string, string> = {}) {
  host = await Installed.start(release, { env });
  host.drop(next);
}

const served = async () => (await host.get<{ version: string }>("/version")).version;

describe("the steps of an appup", () => {
  test("run before and after an upgrade, and the others on the way back", async () => {
    await start(one, two, { FLAVOUR: "sweet" });
    const plan = JSON.parse((await host.host.must("plan", "1.1.0", "--json")).stdout) as Plan;
    const planned = plan.instructions.map((one) =>
      "run" in one ? `${one.op} ${one.run}` : one.op,
    );
    assert.deepEqual(planned.slice(0, 3), [
      "before migrate()",
      "before node ./scripts/command.ts command",
      "load",
    ]);
    assert.equal(planned.at(-1), "after sh ./scripts/tidy.sh tidy");

    const check = await host.host.must("check", "1.1.0");
    assert.match(check.stderr, /not run in a check, before: migrate\(\)/);
    assert.ok(!existsSync(join(host.root, "var", "steps")), "a check has run a step");

    const up = await host.report("upgrade", "1.1.0");
    assert.equal(up.status, 0, JSON.stringify(up.report));
    const seen = stepsSeen(host.root);
    assert.deepEqual(
      seen.map(({ name }) => name),
      ["migrate", "command", "tidy"],
    );
    for (const step of seen.slice(0, 2)) {
      const { from, to, direction, flavour, node, cwd, serving } = step;
      assert.deepEqual([from, to, direction, flavour], ["1.0.0", "1.1.0", "upgrade", "sweet"]);
      assert.deepEqual(
        [node, cwd, serving],
        [TEST_NODE, join(host.root, "lib", "counter-1.1.0"), "1.0.0"],
      );
    }
    const steps = up.report.steps.filter(({ run }) => run !== undefined);
    assert.deepEqual(
      steps.map(({ name, run, exitCode }) => [name, run, exitCode]),
      [
        ["before", "migrate()", 0],
        ["before", "node ./scripts/command.ts command", 0],
        ["after", "sh ./scripts/tidy.sh tidy", 0],
      ],
    );
    assert.ok(steps.every(({ at }) => !Number.isNaN(Date.parse(at!))));
    assert.match(host.log, / 1\.1\.0 \d+ migrated 1\.0\.0 to 1\.1\.0\n/);
    assert.doesNotMatch(JSON.stringify(up.report), /migrated 1\.0\.0/);

    const down = await host.host.must("downgrade", "1.0.0");
    const last = stepsSeen(host.root).at(-1)!;
    assert.deepEqual([last.name, last.direction], ["revert", "downgrade"]);
    assert.equal(last.serving, "1.0.0");
    assert.match(down.stdout, /appup +after: function 2, at 20.*Z, .*exit code\s+0/s);
    assert.equal(stepsSeen(host.root).length, 4);
  });

  test("refuse the upgrade where one fails before, and nothing of the new version has run", async () => {
    await start(one, two, { FAIL: "command" });
    await host.post("/increment");
    const { status, stdout, stderr } = await host.host.app("upgrade", "1.1.0", "--json");
    assert.equal(status, 4, stderr);
    const report = JSON.parse(stdout);
    assert.equal(report.result, "refused");
    assert.equal(report.error.code, "TSUGI_HOOK_FAILED");
    assert.match(
      report.error.message,
      /node \.\/scripts\/command\.ts command \(before\).*exit code 1/,
    );
    assert.deepEqual(
      report.steps.map(({ run, failed }: { run: string; failed?: true }) => [run, failed === true]),
      [
        ["migrate()", false],
        ["node ./scripts/command.ts command", true],
      ],
    );
    assert.match(host.log, /command was told to fail/);
    assert.equal(await served(), "1.0.0");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 1);
    assert.doesNotMatch(host.log, / 1\.1\.0 \d+ listening/);
    assert.equal((await host.status()).status, "permanent");
  });

  test("that fail after it are reported, and the new version stays", async () => {
    await start(one, two, { FAIL: "tidy" });
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 1);
    assert.deepEqual([report.result, report.error?.code], ["committed", "TSUGI_HOOK_FAILED"]);
    assert.equal(report.steps.at(-1)?.failed, true);
    assert.equal(await served(), "1.1.0");
    assert.equal((await host.status()).status, "permanent");
  });

  test("are ended by a stop", async () => {
    await start(one, two, { HANG: "migrate" });
    const upgrade = host.host.app("upgrade", "1.1.0");
    await until("the step has begun", () => host.log.includes("step migrate begins"));
    await until("it hangs", () => existsSync(join(host.root, "var", "steps")));
    const stop = await host.host.app("stop");
    assert.equal(stop.status, 0, stop.output);
    assert.equal((await upgrade).status, 4);
    assert.match(host.log, /migrate\(\): ended, because the service is being stopped/);
  });
});

describe("the rules of an appup", () => {
  test("forbid a pair of versions, with the reason", async () => {
    await start(one, three);
    const plan = await host.host.app("plan", "1.2.0");
    assert.equal(plan.status, 4);
    assert.match(plan.stdout, /refused: TSUGI_UPGRADE_FORBIDDEN.*go to\s+1\.1\.0\s+first\)/s);
    const { status, output } = await host.host.app("upgrade", "1.2.0");
    assert.equal(status, 4);
    assert.match(output, /From 1\.0\.0 to 1\.2\.0 is forbidden .* go to 1\.1\.0 first/);
    assert.equal(await served(), "1.0.0");
  });

  test("force a restart: the new version is loaded when the old one has ended", async () => {
    await start(two, three);
    await host.post("/increment");
    const pid = host.supervisorPid;
    const { status, report } = await host.report("upgrade", "1.2.0");
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.strategy, "restart");
    assert.match(report.reasons[0]!, /the files of 1\.1 are locked/);
    assert.match(report.reasons[1]!, /state "counter" is not carried/);
    assert.ok(report.pauseMs > 0);
    assert.deepEqual([report.leftovers, report.states], [[], []]);
    assert.equal(await served(), "1.2.0");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 0);
    assert.equal(host.supervisorPid, pid);
    const order = [...host.log.matchAll(/ (1\.\d\.0) \d+ listening/g)].map(
      ([, version]) => version,
    );
    assert.deepEqual(order, ["1.1.0", "1.2.0"]);
  });

  test("start the old version again where a forced restart fails", async () => {
    await start(two, four);
    const { status, report } = await host.report("upgrade", "1.2.1");
    assert.equal(status, 5, JSON.stringify(report));
    assert.equal(report.result, "handed-back");
    assert.match(report.stateAsOf!, /was not carried/);
    assert.equal(await served(), "1.1.0");
  });
});

test("the release has the functions of the configuration, and nothing else of it", () => {
  const module = readFileSync(join(two.tree, "lib", "counter-1.1.0", "appup.mjs"), "utf8");
  assert.match(module, /was told to fail/);
  assert.doesNotMatch(module, /host-of-ours|intervalMs/);
});
