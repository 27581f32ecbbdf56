/** `tsugi deploy` of an Elixir project: hosts without Elixir, Erlang or Node, from empty ones on. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { copyFixture, elixirMissing, otherLogger } from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { mustRun } from "../helpers/commands.ts";
import { type DeployedHost, Deploying } from "../helpers/deploying.ts";
import { projectRoot } from "../helpers/example.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = (await whyNoSshd()) || (await elixirMissing());

describe("a Mix release on two hosts", { skip }, () => {
  const project = mkdtempSync(join(tmpdir(), "tsugi-deploy-beam-"));
  let fleet: Deploying;

  before(async () => {
    copyFixture(project, { fixture: "shop-0.0.1" });
    fleet = await Deploying.start("shop", ["app1", "app2"], project);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(project, { recursive: true, force: true });
  });

  /** Each node has a name of its own: they share this machine. */
  const configure = (env: Record<string, string> = {}, app2: Record<string, string> = {}) => {
    const node = (name: string) => ({ RELEASE_NODE: `d${process.pid}${name}` });
    const perHost = {
      app1: { env: { ...node("app1"), ...env } },
      app2: { env: { ...node("app2"), ...env, ...app2 } },
    };
    const rollout = { canary: 0, batch: "100%" };
    fleet.configure({ secrets: { API_KEY: { env: "SHOP_API_KEY" } }, rollout }, perHost);
  };
  const get = async ({ port }: DeployedHost, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return response.text();
  };
  const onAll = (path: string) => Promise.all(fleet.hosts.map((host) => get(host, path)));
  const pidOf = async ({ bin }: DeployedHost) => (await mustRun(bin, ["pid"])).stdout;
  const become = (version: string) => {
    const from = join(projectRoot, "test", "fixtures", "beam", `shop-${version}`);
    cpSync(from, project, { recursive: true });
  };

  test("from an Elixir project to empty hosts: built, installed, started", async () => {
    fleet.env.SHOP_API_KEY = "the first";
    configure({ GREETING: "hello" });
    const { status, output, result } = await fleet.deploy();
    assert.equal(status, 0, output);
    assert.equal(result!.name, "shop");
    assert.deepEqual(await onAll("/version"), ["0.0.1", "0.0.1"]);
    assert.deepEqual(await onAll("/greeting"), ["hello", "hello"]);
    for (const host of fleet.hosts) {
      assert.equal(statSync(join(host.root, "etc", "env")).mode & 0o777, 0o600);
      assert.equal(fleet.records(host).at(-1)!.result, "done");
    }
  });

  test("an upgrade under load: swapped in all VMs, no request fails, no connection is lost", async () => {
    become("0.0.2");
    configure({ GREETING: "welcome" });
    for (const host of fleet.hosts) await get(host, "/add");
    const pids = await Promise.all(fleet.hosts.map(pidOf));
    const loads = fleet.hosts.map(({ port }) => startLoad(port, 2, ["/version", "/count"]));
    const { status, output, events } = await fleet.deploy();
    const tallies = await Promise.all(loads.map((load) => load.stop()));
    assert.equal(status, 0, output);
    for (const { failures, connections } of tallies) {
      assert.deepEqual([failures, connections], [[], 2]);
    }
    const plan = events.find(({ event }) => event === "plan")!.hosts as { strategy: string }[];
    assert.deepEqual(
      plan.map(({ strategy }) => strategy),
      ["swap", "swap"],
    );
    assert.deepEqual(await onAll("/version"), ["0.0.2", "0.0.2"]);
    assert.deepEqual(await onAll("/count"), ["1", "1"]);
    assert.deepEqual(await onAll("/greeting"), ["welcome", "welcome"]);
    assert.deepEqual(await Promise.all(fleet.hosts.map(pidOf)), pids, "the same VMs");
  });

  test("a secret that changed is a reload; the VM has it, and nothing is sent", async () => {
    fleet.env.SHOP_API_KEY = "the second";
    configure({ GREETING: "welcome" });
    const { status, output, events } = await fleet.deploy("rel/shop");
    assert.equal(status, 0, output);
    const did = (step: string) => events.filter((event) => event.step === step).length;
    assert.equal(did("send") + did("unpack") + did("upgrade") + did("start"), 0);
    assert.equal(did("reload"), 4, "begun and ended on two hosts");
    for (const { bin } of fleet.hosts) {
      const { stdout } = await mustRun(bin, ["rpc", 'System.get_env("API_KEY")']);
      assert.match(stdout, /the second/);
    }
  });

  test("status tells it without a package.json, and rollback takes both back", async () => {
    const status = await fleet.tsugi("status", "production");
    assert.equal(status.status, 0, status.output);
    assert.match(status.stdout, /^app2 +0\.0\.2 +ok +.* ago +\d+ ms$/m);
    const back = await fleet.tsugi("rollback", "production");
    assert.equal(back.status, 0, back.output);
    assert.deepEqual(await onAll("/version"), ["0.0.1", "0.0.1"]);
    assert.deepEqual(await onAll("/count"), ["1", "1"]);
  });

  test("one that can't load it refuses for both, and the other is not touched", async () => {
    configure({ GREETING: "never" }, { PORT: "none" });
    const { status, output, events } = await fleet.deploy("rel/shop");
    assert.equal(status, 4, output);
    assert.match(JSON.stringify(events.at(-1)), /TSUGI_DEPLOY_REFUSED.*app2/);
    assert.ok(!events.some(({ step }) => step === "upgrade"));
    assert.deepEqual(await onAll("/version"), ["0.0.1", "0.0.1"]);
    for (const host of fleet.hosts) assert.match(fleet.envOf(host), /GREETING=welcome/);
  });

  test("another Elixir means a restart: refused before anything is sent, unless asked for by name", async () => {
    become("0.0.1");
    configure();
    const other = await otherLogger({ folder: project }, join(project, "other"));
    const { status, output, events } = await fleet.deploy(other.tarball);
    assert.equal(status, 4, output);
    const { error } = events.at(-1) as { error?: { message: string; hint: string } };
    assert.match(error!.message, /0\.0\.9 can't be swapped in on app1: .*logger .* → 99\.0\.0/);
    assert.match(error!.hint, /tsugi deploy production --allow-restart/);
    assert.ok(!events.some(({ step }) => step === "lock" || step === "send"));
    const asked = await fleet.deploy(other.tarball, "--allow-restart");
    assert.equal(asked.status, 0, asked.output);
    const hosts = asked.result!.hosts as { report: { strategy: string } }[];
    assert.deepEqual(
      hosts.map(({ report }) => report.strategy),
      ["restart", "restart"],
    );
    assert.deepEqual(await onAll("/count"), ["0", "0"], "the state is gone, as was said");
  });
});
