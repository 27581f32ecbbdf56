/**
 * The Ansible role by a user who is nobody in particular: of three hosts, two let them become root by
 * sudo, the third only the owner of the service. One after the other (`serial: 1`), under load.
 */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type Played, playbook, whyNoAnsible } from "../helpers/ansible.ts";
import { needPackages } from "../helpers/debian.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { MountHost, whyNoMountHosts } from "../helpers/mountHosts.ts";
import { freePort } from "../helpers/ports.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";
import { plainWorkload, startTraffic } from "../helpers/traffic/index.ts";

const skip = (await whyNoAnsible()) || (await whyNoSshd()) || (await whyNoMountHosts());
const APP = "teller";
const NAMES = ["app1", "app2", "app3"];
const SECRET = "it's the truth";
/** Of sudo, on one of them. */
const PASSWORD = "open sesame";

/** As an engineer would write it; who becomes whom is the inventory's to say. */
const PLAYBOOK = [
  {
    name: "Upgrade the tellers",
    hosts: "tellers",
    become: true,
    gather_facts: false,
    serial: 1,
    max_fail_percentage: 0,
    roles: ["tsugi"],
  },
];

describe("the Ansible role through sudo, host by host", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-ansible-sudo-"));
  const hosts: MountHost[] = [];
  const builds: BuiltRelease[] = [];
  let ports: number[];
  let fleet: SshFleet;

  before(async () => {
    chmodSync(workshop, 0o711);
    // Between two users without rights, Ansible shares its files by an access list.
    await needPackages(["setfacl"], ["acl"]);
    for (const version of ["1.0.0", "1.0.1", "1.0.2"]) {
      const folder = join(workshop, version);
      builds.push(await buildVariant(folder, { fixture: "teller-1.0.0", version }));
    }
    for (const name of NAMES) {
      const may = name === "app3" ? "ALL=(owner) NOPASSWD: ALL" : "ALL=(root) NOPASSWD: ALL";
      const folder = join(workshop, name);
      const isAsked = name === "app2";
      hosts.push(
        await MountHost.start(
          folder,
          "deployer",
          isAsked ? "ALL=(root) ALL" : may,
          isAsked ? PASSWORD : undefined,
        ),
      );
    }
    // On the third an administrator has prepared all that takes root.
    await hosts[2]!.addUser("owner");
    await hosts[2]!.run("install", "-d", "-o", "owner", "-g", "owner", `/srv/${APP}`);
    const places = Object.fromEntries(NAMES.map((name, index) => [name, hosts[index]!]));
    fleet = await startSshHosts(NAMES, { sftp: true, places });
    ports = await Promise.all(NAMES.map(freePort));
  });
  after(async () => {
    for (const host of hosts) {
      if (existsSync(join(host.folder, "srv", APP, "bin"))) await host.run(bin, "stop");
    }
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const bin = `/srv/${APP}/bin/${APP}`;

  const play = (more: Record<string, unknown>, ...flags: string[]): Promise<Played> => {
    const file = (name: string, content: unknown) => {
      writeFileSync(join(workshop, name), JSON.stringify(content));
      return join(workshop, name);
    };
    const common = {
      ansible_ssh_common_args: `-F ${fleet.configFile}`,
      ansible_python_interpreter: "/usr/bin/python3",
      tsugi_app: APP,
      tsugi_secrets: { SECRET },
      // The hosts are containers, perhaps; and no systemd of ours runs there.
      tsugi_upgrade_flags: ["--ephemeral"],
    };
    const perHost = NAMES.map((name, index) => [
      name,
      {
        tsugi_env: { PORT: ports[index] },
        ...(name === "app2" ? { ansible_become_password: PASSWORD } : {}),
        ...(name === "app3" ? { ansible_become_user: "owner", tsugi_user: "" } : {}),
      },
    ]);
    const inventory = { tellers: { hosts: Object.fromEntries(perHost), vars: common } };
    const args = ["-i", file("inventory.json", inventory), "-e", `@${file("more.json", more)}`];
    return playbook(file("playbook.json", PLAYBOOK), [...args, ...flags], workshop);
  };
  const build = (index: number) => ({ tsugi_tarball: builds[index]!.tarball });
  const ask = async (index: number) => {
    const response = await fetch(`http://127.0.0.1:${ports[index]}/`);
    return (await response.json()) as { version: string; secret: string };
  };
  const versions = async () => {
    const answers = await Promise.all(NAMES.map((_, index) => ask(index)));
    return answers.map(({ version }) => version);
  };
  const changes = ({ hosts }: Played) =>
    NAMES.map((name) => (hosts[name] === undefined ? "-" : hosts[name].changed > 0));
  const ownersOn = async ({ folder }: MountHost, format: string) => {
    const host = hosts.find((one) => one.folder === folder)!;
    const { stdout } = await host.run("find", `/srv/${APP}`, "-printf", format);
    return [...new Set(stdout.trim().split("\n"))];
  };

  test("--check on empty hosts: it would install on all, and nothing is there", async () => {
    const played = await play(build(0), "--check", "--diff");
    assert.equal(played.status, 0, played.output);
    assert.deepEqual(changes(played), [true, true, true]);
    for (const { folder } of hosts.slice(0, 2))
      assert.deepEqual(readdirSync(join(folder, "srv")), []);
    assert.deepEqual(readdirSync(join(hosts[2]!.folder, "srv", APP)), []);
  });

  test("it installs: all is the service user's, made where one may be made, and so is what runs", async () => {
    const played = await play(build(0));
    assert.equal(played.status, 0, played.output);
    assert.deepEqual(await versions(), ["1.0.0", "1.0.0", "1.0.0"]);
    assert.equal((await ask(2)).secret, SECRET);
    for (const [index, owner] of [APP, APP, "owner"].entries()) {
      const host = hosts[index]!;
      assert.deepEqual(await ownersOn(host, "%u:%g\n"), [`${owner}:${owner}`]);
      const { stdout } = await host.run(bin, "status", "--json");
      const { pid } = JSON.parse(stdout).processes[0].slots[0];
      const process = await host.run("ps", "-o", "user=", "-p", String(pid));
      assert.equal(process.stdout.trim(), owner);
    }
  });

  test("the same again, and --check of it: all is as it should be", async () => {
    for (const flags of [[], ["--check"]]) {
      const played = await play(build(0), ...flags);
      assert.equal(played.status, 0, played.output);
      assert.deepEqual(changes(played), [false, false, false], played.stdout);
    }
  });

  test("a second root of the same user, while the first one runs", async () => {
    const port = await freePort();
    const second = { ...build(0), tsugi_root: "/srv/second", tsugi_env: { PORT: port } };
    for (const isChanged of [true, false]) {
      const played = await play(second, "--limit", "app1");
      assert.equal(played.status, 0, played.output);
      assert.equal(played.hosts.app1!.changed > 0, isChanged, played.stdout);
    }
    const response = await fetch(`http://127.0.0.1:${port}/`);
    assert.equal(((await response.json()) as { version: string }).version, "1.0.0");
    assert.equal((await ask(0)).version, "1.0.0");
    await hosts[0]!.run(`/srv/second/bin/${APP}`, "stop");
  });

  test("a new version: --check says so; then host by host under load, and no request fails", async () => {
    const checked = await play(build(1), "--check");
    assert.equal(checked.stdout.match(/Would run: upgrade 1\.0\.1/g)?.length, 3, checked.stdout);
    assert.deepEqual(await versions(), ["1.0.0", "1.0.0", "1.0.0"]);

    const clients = { newConnection: 1, keepAlive: 2, pauseMs: 20 };
    const traffics = await Promise.all(
      ports.map((port) => startTraffic({ host: "127.0.0.1", port }, plainWorkload("/"), clients)),
    );
    const settled = () => Promise.all(traffics.map((traffic) => traffic.answers(10)));
    await settled();
    const played = await play(build(1));
    await settled();
    const tallies = (await Promise.all(traffics.map((traffic) => traffic.stop()))).flat();
    assert.equal(played.status, 0, played.output);
    assert.deepEqual(changes(played), [true, true, true]);
    for (const { kind, failures, counts, problems, byVersion } of tallies) {
      assert.deepEqual([failures, counts.reconnected], [0, 0], `${kind}: ${problems.join("; ")}`);
      assert.deepEqual([...byVersion.keys()].sort(), ["1.0.0", "1.0.1"]);
    }
  });

  test("a host that hands it back stops the play: the one before is done, the one after not reached", async () => {
    const settings = {
      tsugi_env: { PORT: `{{ ports[inventory_hostname] }}`, ILL: "{{ ill[inventory_hostname] }}" },
    };
    const played = await play({
      ...build(2),
      ...settings,
      ports: Object.fromEntries(NAMES.map((name, index) => [name, ports[index]])),
      ill: { app1: "", app2: "1.0.2", app3: "" },
    });
    assert.notEqual(played.status, 0);
    assert.match(played.stdout, /1\.0\.2 was handed back on app2 \(exit code 5\)\. 1\.0\.1 serves/);
    assert.deepEqual(changes(played).slice(0, 2), [true, true], played.output);
    assert.equal(played.hosts.app3, undefined, played.output);
    assert.deepEqual(await versions(), ["1.0.2", "1.0.1", "1.0.1"]);
  });
});
