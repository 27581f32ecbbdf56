/**
 * Hosts as they are: each on a network of its own, with its own user, key and root folder; and what a
 * deploy does when a cable is pulled. With `npm run long -- crash:deploy`: ssh takes half a minute to notice.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type DeployEventLine, type DeployedHost, Deploying } from "../helpers/deploying.ts";
import { assertTidy } from "../helpers/deployKills.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { NetHost, whyNoNetworks } from "../helpers/netHosts.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = (await whyNoSshd()) || (await whyNoNetworks());
const DEPLOYER = { name: "tsugi-deployer", uid: 61_001 };
const OWNER_UID = 61_002;

describe("hosts on networks of their own", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-network-"));
  const networks: NetHost[] = [];
  const builds: BuiltRelease[] = [];
  let fleet: Deploying;
  let app1: DeployedHost;
  let app2: DeployedHost;
  let app3: DeployedHost;

  before(async () => {
    chmodSync(workshop, 0o711);
    for (const version of ["1.0.0", "1.0.1", "1.0.2"]) {
      const folder = join(workshop, version);
      builds.push(await buildVariant(folder, { fixture: "teller-1.0.0", version }));
    }
    networks.push(await NetHost.start(1, workshop, DEPLOYER));
    networks.push(await NetHost.start(2, workshop));
    networks.push(await NetHost.start(3, workshop));
    const [one, two, three] = networks as [NetHost, NetHost, NetHost];
    const places = { app1: one, app2: two, app3: three };
    fleet = await Deploying.start("teller", ["app1", "app2", "app3"], undefined, { places });
    [app1, app2, app3] = fleet.hosts as [DeployedHost, DeployedHost, DeployedHost];
    // As an administrator would prepare them.
    for (const [host, uid] of [
      [app1, DEPLOYER.uid],
      [app2, OWNER_UID],
    ] as const) {
      mkdirSync(host.root, { recursive: true });
      chownSync(host.root, uid, uid);
    }
  });
  after(async () => {
    for (const network of networks) await network.plug().catch(() => {});
    await fleet?.remove();
    for (const network of networks) await network.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const pids = async (host: DeployedHost) =>
    (await fleet.status(host)).processes.flatMap(({ slots }) => slots.map(({ pid }) => pid));
  const ownersIn = (folder: string): Set<number> =>
    new Set([
      statSync(folder).uid,
      ...readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isSymbolicLink())
        .map((entry) => statSync(join(entry.parentPath, entry.name)).uid),
    ]);
  const sent = (host: string, bytes: number) => (event: DeployEventLine) =>
    event.event === "bytes" && event.host === host && Number(event.sent) > bytes;

  test("a user without rights, and root to somebody else's folder: all is the owner's", async () => {
    fleet.configure({}, {}, ["app1", "app2"]);
    const { status, output } = await fleet.deploy(builds[0]!.tarball);
    assert.equal(status, 0, output);
    const second = await fleet.deploy(builds[1]!.tarball);
    assert.equal(second.status, 0, second.output);
    for (const [host, uid] of [
      [app1, DEPLOYER.uid],
      [app2, OWNER_UID],
    ] as const) {
      assert.equal((await fleet.ask(host)).version, "1.0.1");
      assert.deepEqual([...ownersIn(host.root)], [uid], host.ssh.name);
      for (const pid of await pids(host)) assert.equal(statSync(`/proc/${pid}`).uid, uid);
      assertTidy(host);
    }
  });

  test("a root folder that the user can't write to: refused, with the line to type", async () => {
    fleet.configure({}, { app1: { root: "/opt/tsugi-not-there/teller" } }, ["app1", "app2"]);
    const { status, output } = await fleet.deploy(builds[1]!.tarball);
    assert.equal(status, 4, output);
    assert.match(output, /\/opt can't be written by tsugi-deployer/);
    assert.match(output, /install -d -o tsugi-deployer \/opt\/tsugi-not-there\/teller/);
  });

  test("a cable is pulled while a host gets its first release: nothing runs there, the others are not touched", async () => {
    fleet.configure();
    await networks[2]!.slowDown(100);
    const { code, events } = await fleet.deployKilledAt(
      builds[2]!.tarball,
      sent("app3", 10_000_000),
      () => networks[2]!.unplug(),
    );
    assert.equal(code, 4);
    const failed = events.find(({ state, host }) => state === "failed" && host === "app3")!;
    assert.equal(failed.step, "send");
    assert.equal((failed.error as { code: string }).code, "TSUGI_HOST_UNREACHABLE");
    assert.ok(!events.some(({ step }) => step === "upgrade" || step === "start"));
    assert.ok(!existsSync(app3.bin));
    for (const host of [app1, app2]) assert.equal((await fleet.ask(host)).version, "1.0.1");
    const away = await fleet.tsugi("status", "production");
    assert.equal(away.status, 1, away.output);
    assert.match(away.stdout, /^app3 +unreachable/m);
    assert.match(away.stdout, /^app1 +1\.0\.1 +ok/m);

    await networks[2]!.plug();
    await networks[2]!.fullSpeed();
    // Over there nobody has been told that the deployer is gone: it is still its lock.
    const again = await fleet.deploy(builds[2]!.tarball);
    if (again.status !== 0) {
      assert.match(again.output, /TSUGI_DEPLOY_LOCKED.*tsugi deploy production/);
      await fleet.tsugi("unlock", "production");
      const { status, output } = await fleet.deploy(builds[2]!.tarball);
      assert.equal(status, 0, output);
    }
    assert.deepEqual(await fleet.versions(), ["1.0.2", "1.0.2", "1.0.2"]);
    for (const host of fleet.hosts) assertTidy(host);
  });

  test("a host is cut off between the first wave and its own: the others are done, it is unknown and whole", async () => {
    fleet.configure({ rollout: { canary: 1, batch: 1 } });
    const { code, events } = await fleet.deployKilledAt(
      builds[0]!.tarball,
      ({ host, step, state }) => host === "app1" && step === "health" && state === "begin",
      () => networks[1]!.unplug(),
    );
    assert.equal(code, 1);
    const { hosts } = events.at(-1) as unknown as { hosts: { host: string; result: string }[] };
    assert.deepEqual(
      hosts.map(({ host, result }) => `${host} ${result}`),
      ["app1 done", "app2 unknown", "app3 not reached"],
    );
    await networks[1]!.plug();
    await until(
      "the link is up",
      async () => (await fleet.ask(app2).catch(() => undefined)) !== undefined,
    );
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.2", "1.0.2"]);
    await fleet.tsugi("unlock", "production");
    const again = await fleet.deploy(builds[0]!.tarball);
    assert.equal(again.status, 0, again.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0", "1.0.0"]);
  });
});
