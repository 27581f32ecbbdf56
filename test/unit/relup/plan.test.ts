import assert from "node:assert/strict";
import { test } from "node:test";
import type { ManifestState } from "../../../src/release/manifest.ts";
import { explainPlan, planUpgrade } from "../../../src/relup/index.ts";
import { manifestOf, nextManifest } from "../../helpers/manifests.ts";

const state = (version: number, changes: Partial<ManifestState> = {}): ManifestState => ({
  name: "rooms",
  version,
  upgradesFrom: [],
  downgradesFrom: [],
  ...changes,
});
const operations = (plan: ReturnType<typeof planUpgrade>) =>
  plan.instructions.map((instruction) => instruction.op);

test("identical releases leave nothing to do", () => {
  const plan = planUpgrade(manifestOf(), manifestOf());
  assert.equal(plan.strategy, "none");
  assert.deepEqual(plan.instructions, []);
});

test("an app that does not accept a swap is handed off, and the plan says why", () => {
  const plan = planUpgrade(manifestOf(), nextManifest());
  assert.equal(plan.strategy, "handoff");
  assert.match(plan.reasons.join(), /1\.0\.0 does not call hot\.accept\(\)/);
});

test("an app with workers of its own is upgraded without carrying, and the plan says so", () => {
  const plan = planUpgrade(manifestOf(), nextManifest({ forks: true }));
  assert.match(plan.reasons.join(), /1\.1\.0 forks workers of its own/);
});

test("another Node for the supervisor means replace", () => {
  const runtime = { dir: "node-26.10.0-linux-x64", version: "26.10.0", platform: "linux-x64" };
  const plan = planUpgrade(manifestOf(), nextManifest({ runtime }));
  assert.equal(plan.strategy, "replace");
  assert.match(plan.reasons[0]!, /24\.21\.0 → 26\.10\.0/);
  assert.ok(operations(plan).includes("takeOver"));
});

test("the Node that the supervisor really runs on decides, not the manifest's", () => {
  const runtime = { dir: "node-26.10.0-linux-x64", version: "26.10.0", platform: "linux-x64" };
  const plan = planUpgrade(manifestOf(), nextManifest({ runtime }), { supervisorNode: "26.10.0" });
  assert.equal(plan.strategy, "handoff");
});

test("state is rehearsed before the freeze and carried after it, before the point of no return", () => {
  const plan = planUpgrade(
    manifestOf({ states: [state(1)] }),
    nextManifest({ states: [state(2, { upgradesFrom: [1] })] }),
  );
  assert.deepEqual(operations(plan), [
    "load",
    "rehearse",
    "install",
    "freeze",
    "carry",
    "pointOfNoReturn",
    "activate",
    "connections",
    "probation",
    "commit",
    "prune",
    "retire",
  ]);
});

test("an app without state is never frozen", () => {
  assert.ok(!operations(planUpgrade(manifestOf(), nextManifest())).includes("freeze"));
});

test("a chain of upgrades may skip versions of the release but no version of the state", () => {
  const to = (upgradesFrom: number[]) => nextManifest({ states: [state(4, { upgradesFrom })] });
  const from = manifestOf({ states: [state(1)] });
  assert.deepEqual(planUpgrade(from, to([1, 2, 3])).obstacles, []);
  const [obstacle] = planUpgrade(from, to([1, 3])).obstacles;
  assert.equal(obstacle?.code, "TSUGI_STATE_PATH_MISSING");
  assert.deepEqual(obstacle?.details, { state: "rooms", from: 1, to: 4, version: "1.1.0" });
});

test("a downgrade is the running release's own code", () => {
  const running = nextManifest({ states: [state(2, { downgradesFrom: [2] })] });
  const target = manifestOf({ states: [state(1)] });
  assert.deepEqual(planUpgrade(running, target).obstacles, []);
  const without = nextManifest({ states: [state(2)] });
  assert.equal(planUpgrade(without, target).obstacles[0]?.code, "TSUGI_STATE_PATH_MISSING");
});

test("fewer workers than have state is refused", () => {
  const processes = (workers: number) => [
    { name: "main", entry: "src/server.js", workers, overlap: true },
  ];
  const from = manifestOf({ processes: processes(3), states: [state(1)] });
  const fewer = nextManifest({ processes: processes(2), states: [state(1)] });
  assert.equal(planUpgrade(from, fewer).obstacles[0]?.code, "TSUGI_WORKERS_LOSE_STATE");
  const more = nextManifest({ processes: processes(4), states: [state(1)] });
  assert.deepEqual(planUpgrade(from, more).obstacles, []);
});

test("a process that must not run twice is stopped after the point of no return", () => {
  const jobs = { name: "jobs", entry: "src/jobs.js", workers: 1, overlap: false };
  const plan = planUpgrade(manifestOf({ processes: [jobs] }), nextManifest({ processes: [jobs] }));
  const order = operations(plan);
  assert.ok(order.indexOf("pointOfNoReturn") < order.indexOf("stop"));
  assert.ok(order.indexOf("stop") < order.indexOf("activate"));
});

test("what the workers say of themselves decides, not what the build has found", () => {
  const states = [{ name: "found", version: 3 }];
  const running = { main: { states, usesHot: true, freezes: false } };
  const known = manifestOf({ states: [state(1)] });
  const stateless = { main: { states: [], usesHot: true, freezes: false } };
  assert.ok(
    !operations(planUpgrade(known, nextManifest(), { running: stateless })).includes("carry"),
  );
  const plan = planUpgrade(manifestOf(), nextManifest(), { running });
  const carry = plan.instructions.find(({ op }) => op === "carry");
  assert.deepEqual([carry?.component, carry?.from, carry?.to], ["state found", "v3", "none"]);
  const hooks = { main: { ...stateless.main, freezes: true } };
  const frozen = operations(planUpgrade(manifestOf(), nextManifest(), { running: hooks }));
  assert.ok(frozen.includes("freeze") && !frozen.includes("carry"));
});

test("connections of registered servers change hands in one pause, before anything else begins", () => {
  const main = { states: [], usesHot: true, freezes: false, carries: true };
  const order = operations(planUpgrade(manifestOf(), nextManifest(), { running: { main } }));
  const [freeze, announce, activate] = ["freeze", "announce", "activate"].map((op) =>
    order.indexOf(op as (typeof order)[number]),
  );
  assert.ok(0 <= freeze! && freeze! < announce! && announce! < order.indexOf("pointOfNoReturn"));
  assert.ok(announce! < activate!);
});

test("a plan says how many WebSockets nobody has registered, and within what they are closed", () => {
  const main = { states: [], usesHot: true, freezes: false, unregistered: 14 };
  const whyOf = (facts: object) => {
    const running = { main: { ...main, ...facts } };
    const { instructions } = planUpgrade(manifestOf(), nextManifest(), { running });
    return instructions.find(({ op }) => op === "retire")!.why;
  };
  const closed = "14 WebSockets of a server that is not registered: closed";
  assert.equal(
    whyOf({ webSocketDrainMs: 2_000 }),
    `the old one drains and ends; ${closed} within 2 s`,
  );
  // An older supervisor does not say.
  assert.equal(whyOf({}), `the old one drains and ends; ${closed}`);
});

test("what would begin to work while it loads is loaded when the old one has stopped", () => {
  const jobs = { name: "jobs", entry: "src/jobs.js", workers: 1, overlap: false };
  const from = manifestOf({ processes: [...manifestOf().processes, jobs], usesHot: false });
  const to = nextManifest({ processes: from.processes, usesHot: false });
  const seen = planUpgrade(from, to).instructions.map(
    (one) => `${one.op}${"process" in one ? ` ${one.process}` : ""}`,
  );
  assert.deepEqual(seen, [
    "load main",
    "install",
    "pointOfNoReturn",
    "activate main",
    "connections main",
    "stop jobs",
    "load jobs",
    "activate jobs",
    "probation",
    "commit",
    "prune",
    "retire main",
  ]);
});

test("so is one that keeps crashing: nobody knows what it does while it loads", () => {
  const jobs = { name: "jobs", entry: "src/jobs.js", workers: 1, overlap: false };
  const from = manifestOf({ processes: [...manifestOf().processes, jobs] });
  const running = { main: { states: [], usesHot: true, freezes: false } };
  const { instructions } = planUpgrade(from, nextManifest({ processes: from.processes }), {
    running,
  });
  const loads = instructions.flatMap((one) => (one.op === "load" ? [one.process] : []));
  const order = instructions.map(({ op }) => op);
  assert.deepEqual(loads, ["main", "jobs"]);
  assert.ok(order.indexOf("stop") < order.lastIndexOf("load"));
});

test("a reload goes the same way, and changes nothing in releases/", () => {
  const plan = planUpgrade(manifestOf(), manifestOf(), { reload: true });
  assert.equal(plan.strategy, "handoff");
  const ops = operations(plan);
  assert.ok(ops.includes("activate") && !ops.includes("install") && !ops.includes("commit"));
});

test("each difference and each instruction says what, from, to and why", () => {
  const processes = [
    { name: "main", entry: "src/server.js", workers: 2, overlap: true },
    { name: "jobs", entry: "src/jobs.js", workers: 1, overlap: false },
  ];
  const states = [state(2, { upgradesFrom: [1] }), state(1, { name: "seats" })];
  const plan = planUpgrade(
    manifestOf({ states: [state(1)] }),
    nextManifest({ processes, states, components: components("c", "b") }),
    { environmentChanged: true },
  );
  assert.deepEqual(
    plan.differences.map(({ component, from, to }) => `${component}: ${from} → ${to}`),
    [
      "app: aaaaaaaa → cccccccc",
      "static: none → bbbbbbbb",
      "environment: as started → as it is now",
      "process main: 1 worker → 2 workers",
      "process jobs: none → 1 worker, overlap: false",
      "state rooms: v1 → v2",
      "state seats: none → v1",
    ],
  );
  for (const { component, from, to, why } of plan.instructions) {
    assert.ok(component && from && to && why);
  }
});

const components = (app: string, files: string) => [
  { name: "app", hash: app.repeat(64) },
  { name: "static", hash: files.repeat(64) },
];

test("two releases that differ in nothing but their version say so", () => {
  const text = explainPlan(planUpgrade(manifestOf(), manifestOf({ version: "1.0.1" })));
  assert.match(text, /^what differs: only the version$/m);
});

test("a plan reads as a list of 80 columns", () => {
  const text = explainPlan(planUpgrade(manifestOf(), nextManifest({ states: [state(1)] })));
  assert.match(text, /^1\.0\.0 → 1\.1\.0: handoff\n {2}because /);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  const version = "1.10.0-rc.1+1234.0a1b2c3d";
  const long = explainPlan(planUpgrade(manifestOf({ version }), nextManifest({ usesHot: false })));
  for (const line of long.split("\n")) assert.ok(line.length <= 80, line);
});

const accepting = {
  accepts: true,
  processes: [{ ...manifestOf().processes[0]!, swap: "src/server.swap.cjs" }],
};

test("UDP sockets that nobody else can have end with the old process; in a swap they stay", () => {
  const main = { states: [], usesHot: true, freezes: false, unshared: 1 };
  const whyOf = (from = manifestOf(), to = nextManifest()) => {
    const { instructions } = planUpgrade(from, to, { running: { main } });
    return instructions.find(({ op }) => op === "retire")!.why;
  };
  const ended = "1 UDP socket without a port of its own: ended";
  assert.equal(whyOf(), `the old one drains and ends; ${ended}`);
  assert.equal(
    whyOf(manifestOf(accepting), nextManifest(accepting)),
    "the old code goes, its process stays",
  );
});

test("both accept, and only the code differs: swap", () => {
  const plan = planUpgrade(manifestOf(accepting), nextManifest(accepting));
  assert.equal(plan.strategy, "swap");
  assert.match(explainPlan(plan), /only the application's code differs/);
});

test("a migration without a way back is no swap", () => {
  const from = manifestOf({ ...accepting, states: [state(1)] });
  const oneWay = nextManifest({ ...accepting, states: [state(2, { upgradesFrom: [1] })] });
  assert.match(planUpgrade(from, oneWay).reasons.join(), /"rooms" has no way back/);
  const both = { upgradesFrom: [1], downgradesFrom: [2] };
  const twoWays = nextManifest({ ...accepting, states: [state(2, both)] });
  assert.equal(planUpgrade(from, twoWays).strategy, "swap");
  assert.equal(planUpgrade(twoWays, from).strategy, "swap");
});

test("what speaks against a swap is named", () => {
  const reasons = (from: object, to: object, live = {}) =>
    planUpgrade(
      manifestOf({ ...accepting, ...from }),
      nextManifest({ ...accepting, ...to }),
      live,
    ).reasons.join();
  const alone = [{ ...accepting.processes[0]!, overlap: false }];
  assert.match(reasons({ processes: alone }, { processes: alone }), /overlap: false/);
  assert.match(reasons({}, { build: "own" }), /build: "own"/);
  assert.match(reasons({}, {}, { environmentChanged: true }), /etc\/ has changed/);
  assert.match(reasons({}, {}, { refusesSwap: "3 leftovers" }), /3 leftovers/);
  const native = [{ name: "main", entry: "src/server.mjs", workers: 1, overlap: true }];
  assert.match(reasons({}, { processes: native }), /does not call hot\.accept\(\)/);
});
