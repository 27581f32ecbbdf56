/** `tsugi deploy` to five hosts: from nothing, under load, and what it does when one of them is ill. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Deploying } from "../helpers/deploying.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { whyNoSshd } from "../helpers/sshd.ts";
import { formatTallies, plainWorkload, startTraffic } from "../helpers/traffic/index.ts";

const skip = await whyNoSshd();
const FIVE = ["app1", "app2", "app3", "app4", "app5"];

describe("a fleet of five", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-"));
  const builds: BuiltRelease[] = [];
  let fleet: Deploying;

  before(async () => {
    for (const version of ["1.0.0", "1.0.1", "1.0.2"]) {
      const folder = join(workshop, version);
      builds.push(await buildVariant(folder, { fixture: "teller-1.0.0", version }));
    }
    fleet = await Deploying.start("teller", FIVE);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  test("empty hosts: one command installs, starts and verifies on all of them", async () => {
    fleet.env.DEPLOY_SECRET = `quote ' "double" $HOME\nsecond line`;
    const secrets = { SECRET: { env: "DEPLOY_SECRET" }, GONE: { command: ["echo", "soon"] } };
    fleet.configure({ secrets, env: { WORD: "hello" } });
    const { status, output, result } = await fleet.deploy(builds[0]!.tarball);
    assert.equal(status, 0, output);
    const hosts = result!.hosts as { host: string; result: string; action: string }[];
    assert.deepEqual(
      hosts.map(({ host, action, result }) => `${host} ${action} ${result}`),
      FIVE.map((host) => `${host} install done`),
    );
    for (const host of fleet.hosts) {
      const { version, word, secret } = await fleet.ask(host);
      assert.deepEqual([version, word, secret], ["1.0.0", "hello", fleet.env.DEPLOY_SECRET]);
      assert.equal(statSync(join(host.root, "etc", "env")).mode & 0o777, 0o600);
      const [record] = fleet.records(host);
      assert.deepEqual([record!.from, record!.to, record!.result], [null, "1.0.0", "done"]);
    }
    assert.ok(!output.includes("second line"), "a secret is in what was printed");
  });

  test("a secret that changed is a reload, a key that is gone is gone, and nothing is sent", async () => {
    fleet.env.DEPLOY_SECRET = "another";
    const secrets = { SECRET: { env: "DEPLOY_SECRET" } };
    fleet.configure({ secrets, env: { WORD: "hello" } }, {}, ["app1", "app2"]);
    const { status, output, events } = await fleet.deploy(builds[0]!.tarball);
    assert.equal(status, 0, output);
    const did = (step: string) => events.filter((event) => event.step === step).length;
    assert.ok(did("reload") > 0);
    assert.equal(did("send") + did("unpack") + did("upgrade"), 0);
    for (const host of fleet.hosts.slice(0, 2)) {
      assert.equal((await fleet.ask(host)).secret, "another");
      assert.doesNotMatch(fleet.envOf(host), /GONE/);
      assert.equal((await fleet.status(host)).etcChanged, false);
    }
  });

  test("an upgrade under load on all of them: no request fails", async () => {
    fleet.configure({ secrets: { SECRET: { env: "DEPLOY_SECRET" } }, env: { WORD: "hello" } });
    const traffics = await Promise.all(
      fleet.hosts.map(({ port }) =>
        startTraffic({ host: "127.0.0.1", port }, plainWorkload("/"), {
          newConnection: 1,
          keepAlive: 1,
          pauseMs: 20,
        }),
      ),
    );
    await Promise.all(traffics.map((traffic) => traffic.answers(5)));
    const { status, output, events } = await fleet.deploy(builds[1]!.tarball);
    await Promise.all(traffics.map((traffic) => traffic.answers(5)));
    const tallies = (await Promise.all(traffics.map((traffic) => traffic.stop()))).flat();
    assert.equal(status, 0, output);
    assert.deepEqual(
      await fleet.versions(),
      FIVE.map(() => "1.0.1"),
    );
    for (const tally of tallies) {
      assert.equal(tally.failures, 0, formatTallies(tallies));
      assert.equal(tally.counts.reconnected, 0, formatTallies(tallies));
    }
    // The canary was done and healthy before another one began.
    const steps = events.filter(({ step }) => step === "upgrade" || step === "health");
    const firstOfOthers = steps.findIndex(
      ({ host, step }) => step === "upgrade" && host !== "app1",
    );
    const canary = steps.findIndex(
      ({ host, step, state }) => host === "app1" && step === "health" && state === "end",
    );
    assert.ok(canary >= 0 && canary < firstOfOthers, JSON.stringify(steps));
  });

  test("the same again: nothing to do, and it says so", async () => {
    const env = { WORD: "hello" };
    fleet.configure({ secrets: { SECRET: { env: "DEPLOY_SECRET" } }, env }, {}, ["app1", "app2"]);
    const { status, output } = await fleet.tsugi(
      "deploy",
      "production",
      builds[1]!.tarball,
      "--yes",
    );
    assert.equal(status, 0, output);
    assert.equal(output.match(/unchanged/g)?.length, 2, output);
  });

  test("--dry-run fits a screen; with --verbose it prints the commands, and none was run", async () => {
    const args = ["deploy", "production", builds[2]!.tarball, "--dry-run"];
    const short = await fleet.tsugi(...args);
    assert.equal(short.status, 0, short.output);
    const lines = short.output.trimEnd().split("\n");
    assert.ok(lines.length <= 10, short.output);
    assert.match(
      short.output,
      /would, on app1, app2: send what it lacks, unpack, .*upgrade by handoff/,
    );
    assert.match(lines.at(-1)!, /^No host was changed\./);
    const { status, output } = await fleet.tsugi(...args, "--verbose");
    assert.equal(status, 0, output);
    assert.match(output, /upgrade 1\.0\.2/);
    assert.match(output, /no host was changed/);
    assert.doesNotMatch(output, /runs on all hosts/);
    const { bin, root } = fleet.hosts[0]!;
    assert.ok(existsSync(bin) && !existsSync(join(root, "releases", "1.0.2")));
    assert.deepEqual((await fleet.versions())[0], "1.0.1");
  });

  test("a canary that turns unhealthy: it is handed back, and the others are not reached", async () => {
    fleet.configure(
      { secrets: { SECRET: { env: "DEPLOY_SECRET" } }, env: { WORD: "welcome" } },
      { app1: { env: { ILL: "1.0.2" } } },
      ["app1", "app2"],
    );
    const { status, output, result } = await fleet.deploy(builds[2]!.tarball);
    assert.equal(status, 1, output);
    const hosts = result!.hosts as { result: string; error?: { code: string } }[];
    assert.equal(hosts[0]!.result, "failed");
    assert.equal(hosts[0]!.error!.code, "TSUGI_UNHEALTHY");
    assert.equal(hosts[1]!.result, "not reached");
    for (const host of fleet.hosts.slice(0, 2)) {
      const { version, word } = await fleet.ask(host);
      assert.deepEqual([version, word], ["1.0.1", "hello"]);
      // The old version has its old environment, also for the next start.
      assert.match(fleet.envOf(host), /WORD=hello/);
      assert.equal((await fleet.status(host)).etcChanged, false);
    }
  });

  test("onFailure rollback: a failure in the second wave takes the first one back", async () => {
    fleet.configure(
      {
        secrets: { SECRET: { env: "DEPLOY_SECRET" } },
        env: { WORD: "welcome" },
        rollout: { canary: 1, batch: 1, onFailure: "rollback" },
      },
      { app4: { env: { ILL: "1.0.2" } } },
      ["app3", "app4", "app5"],
    );
    const { status, output, result } = await fleet.deploy(builds[2]!.tarball);
    assert.equal(status, 1, output);
    const hosts = result!.hosts as { result: string }[];
    assert.deepEqual(
      hosts.map(({ result }) => result),
      ["rolled back", "failed", "not reached"],
    );
    for (const host of fleet.hosts) {
      const { version, word } = await fleet.ask(host);
      assert.deepEqual([version, word], ["1.0.1", "hello"], host.ssh.name);
    }
  });

  test("one that can't take it refuses for all, and nothing that runs is touched", async () => {
    const broken = { app3: { env: { BROKEN: "1.0.2" } } };
    fleet.configure({ env: { WORD: "x" } }, broken, ["app1", "app3"]);
    const { status, stdout, stderr, events } = await fleet.deploy(builds[2]!.tarball);
    assert.equal(status, 4, stdout);
    assert.doesNotMatch(stderr, /Warning/);
    const error = events.at(-1)!.error as { code: string; message: string; hint: string };
    assert.match(error.hint, /: tsugi logs production --host app3/);
    assert.equal(error.code, "TSUGI_DEPLOY_REFUSED");
    assert.match(error.message, /app3.*this host is not for me/);
    assert.ok(!events.some(({ step }) => step === "upgrade"));
    assert.deepEqual(
      await fleet.versions(),
      FIVE.map(() => "1.0.1"),
    );
    for (const host of fleet.hosts) assert.match(fleet.envOf(host), /WORD=hello/);
  });

  test("the only host of a deploy: its upgrade refuses what a check would, in the same words", async () => {
    fleet.configure({ env: { WORD: "x" } }, { app1: { env: { BROKEN: "1.0.2" } } }, ["app1"]);
    const [host] = fleet.hosts as [(typeof fleet.hosts)[0]];
    const known = fleet.records(host).length;
    const { status, output, events } = await fleet.deploy(builds[2]!.tarball);
    assert.equal(status, 4, output);
    const error = events.at(-1)!.error as { code: string; message: string; hint: string };
    assert.equal(error.code, "TSUGI_DEPLOY_REFUSED");
    assert.match(error.message, /app1.*this host is not for me/);
    assert.match(error.hint, /: tsugi logs production --host app1/);
    assert.ok(!events.some(({ step }) => step === "check"), "it is loaded once");
    assert.equal((await fleet.ask(host)).version, "1.0.1");
    assert.match(fleet.envOf(host), /WORD=hello/);
    assert.equal((await fleet.status(host)).etcChanged, false);
    const records = fleet.records(host).slice(known);
    assert.deepEqual(
      records.map(({ to, result }) => [to, result]),
      [["1.0.2", "not reached"]],
    );
  });
});
