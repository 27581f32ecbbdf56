/**
 * The Ansible role by way of its own example playbook: Debian's ansible, a real sshd, and the example
 * service from a git repository. One host lives through what an engineer does with it in a year.
 */
import assert from "node:assert/strict";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ansibleExamples, playbook, whyNoAnsible } from "../helpers/ansible.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { copyExample, exampleName, tsugiCli } from "../helpers/example.ts";
import { freePort } from "../helpers/ports.ts";
import { mustTsugi } from "../helpers/projects.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";
import { AdmiralWorkload, startTraffic } from "../helpers/traffic/index.ts";

const SECRET = `it's "half" of \\ the # truth`;

describe("the Ansible role", { skip: (await whyNoAnsible()) || (await whyNoSshd()) }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-ansible-"));
  const repository = join(folder, "repository");
  const port = await freePort();
  let fleet: SshFleet | undefined;
  let root = "";
  let owner: string | undefined;
  const app = (...args: string[]) =>
    runCommand(join(root, "bin", exampleName), args, { env: { PATH: process.env.PATH } });

  after(async () => {
    if (existsSync(join(root, "bin"))) await app("stop");
    await fleet?.remove();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  const variables = (): Record<string, unknown> => ({
    ansible_become: false,
    ansible_ssh_common_args: `-F ${fleet!.configFile}`,
    ansible_python_interpreter: "/usr/bin/python3",
    repository,
    tsugi_command: [process.execPath, tsugiCli],
    tsugi_workspace: join(folder, "workspace"),
    tsugi_root: root,
    tsugi_user: owner ?? "",
    tsugi_create_user: false,
    tsugi_env: { PORT: port, HOST: "127.0.0.1", VERBOSE: false },
    tsugi_secrets: { TOKEN: SECRET },
    tsugi_config: { timeouts: { probationMs: 1500 } },
    // Where systemd runs, it would look for the unit in its own folder.
    tsugi_systemd: !existsSync("/run/systemd/system"),
    tsugi_unit_folder: join(folder, "units"),
    tsugi_upgrade_flags: ["--ephemeral"],
  });

  /** Of a version that was built by an earlier run: no build, only the hosts. */
  const built = (version: string) => ({
    tsugi_tarball: join(
      folder,
      "workspace",
      exampleName,
      "releases",
      version,
      `${exampleName}.tar.gz`,
    ),
  });

  const play = async (more: Record<string, unknown> = {}, ...flags: string[]) => {
    const file = join(folder, "variables.json");
    writeFileSync(file, JSON.stringify({ ...variables(), ...more }));
    const args = [
      ...["-i", inventory(), "-e", `@${file}`],
      ...("tsugi_tarball" in more ? ["--limit", "admirals"] : []),
      ...flags,
    ];
    const result = await playbook(join(ansibleExamples, `${exampleName}.yml`), args, folder);
    assert.ok(result.hosts.app1, result.output);
    return { ...result, host: result.hosts.app1 };
  };

  function inventory(): string {
    const file = join(folder, "inventory.yml");
    writeFileSync(file, "admirals:\n  hosts:\n    app1:\n");
    return file;
  }

  test("--check on an empty host says what would change, and changes nothing", async () => {
    await makeRepository(repository);
    fleet = await startSshHosts(["app1"], { sftp: true });
    mkdirSync(join(folder, "units"));
    root = join(fleet.hosts[0]!.folder, "srv");
    if (process.getuid?.() === 0) {
      owner = "daemon";
      chmodSync(fleet.folder, 0o755);
    }
    const { host, stdout } = await play({ ref: "v0.0.1" }, "--check", "--diff");
    assert.deepEqual([host.failed, host.changed > 0], [0, true], stdout);
    assert.match(stdout, /Would run: start/);
    assert.deepEqual(readdirSync(fleet.hosts[0]!.folder), []);
  });

  test("the first run installs and starts it, as the owner, with its secrets 0600", async () => {
    const { host, stdout } = await play(built("0.0.1"), "--diff");
    assert.equal(host.failed, 0, stdout);
    assert.equal((await health(port)).version, "0.0.1");
    assert.equal(statSync(join(root, "etc", "env")).mode & 0o777, 0o600);
    const token = await app("rpc", "process.env.TOKEN + process.env.VERBOSE", "--json");
    assert.equal(JSON.parse(token.stdout).value, `${SECRET}false`);
    const uids = readdirSync(root, { recursive: true, encoding: "utf8" }).map(
      (path) => statSync(join(root, path), { throwIfNoEntry: false })?.uid,
    );
    assert.deepEqual([...new Set(uids)], [statSync(root).uid]);
    if (owner !== undefined) assert.notEqual(statSync(root).uid, 0);
  });

  test("the second run finds everything as it should be", async () => {
    const { host, stdout } = await play(built("0.0.1"));
    assert.deepEqual([host.failed, host.changed], [0, 0], stdout);
  });

  test("--check says that another version would be upgraded to, and changes nothing", async () => {
    const { host, stdout } = await play({ ref: "v0.0.2" }, "--check", "--diff");
    assert.deepEqual([host.failed, host.changed > 0], [0, true], stdout);
    assert.match(stdout, /Would run: upgrade 0\.0\.2/);
    assert.equal((await health(port)).version, "0.0.1");
    assert.equal(existsSync(join(root, "releases", "0.0.2")), false);
  });

  test("a new version is upgraded to under load, and no request fails", async () => {
    const workload = new AdmiralWorkload();
    const clients = { newConnection: 2, keepAlive: 4, webSockets: 10, pauseMs: 10 };
    const traffic = await startTraffic({ host: "127.0.0.1", port }, workload, clients);
    try {
      await traffic.answers(20);
      const store = join(folder, "store");
      await mustTsugi(["push", built("0.0.2").tsugi_tarball, "--store", store], folder);
      const stored = { tsugi_tarball: "", tsugi_reference: `${store}#${exampleName}@latest` };
      const { host, stdout } = await play(stored);
      assert.deepEqual([host.failed, host.changed > 0], [0, true], stdout);
      assert.match(stdout, /0\.0\.1 → 0\.0\.2 by handoff: pause .* 0 lost/);
      await traffic.answers(20);
    } finally {
      await traffic.stop();
    }
    for (const tally of traffic.tallies) {
      assert.equal(tally.failures, 0, `${tally.kind}: ${tally.problems.join("; ")}`);
      assert.equal(tally.counts.reconnected, 0, `${tally.kind} had to connect again`);
      assert.deepEqual([...tally.byVersion.keys()].sort(), ["0.0.1", "0.0.2"]);
    }
  });

  test("a changed secret reloads the same version", async () => {
    const { pid } = await status();
    const { host, stdout } = await play({ ...built("0.0.2"), tsugi_secrets: { TOKEN: "new" } });
    assert.equal(host.failed, 0, stdout);
    assert.notEqual((await status()).pid, pid);
    assert.equal((await app("rpc", "process.env.TOKEN")).stdout.trim(), "new");
    assert.deepEqual(
      readdirSync(join(root, "etc")).filter((name) => name.endsWith("~")),
      [],
    );
  });

  test("a version that does not load is refused, and everything is as before", async () => {
    const refused = await play({ ref: "v0.0.3" });
    assert.notEqual(refused.status, 0);
    assert.match(
      refused.stdout,
      /0\.0\.3 was refused on app1 \(exit code 4\)\. 0\.0\.2 serves as before\. TSUGI_LOAD_FAILED: .*no license/,
    );
    await nothingChanged();
  });

  test("a version that turns out unhealthy is handed back, and everything is as before", async () => {
    const handedBack = await play({ ref: "v0.0.4" });
    assert.match(
      handedBack.stdout,
      /0\.0\.4 was handed back on app1 \(exit code 5\)\. 0\.0\.2 serves as before\. TSUGI_UNHEALTHY/,
    );
    await nothingChanged();
  });

  /** Those runs wrote a secret, too, which belongs to the version that was refused. */
  async function nothingChanged(): Promise<void> {
    assert.equal((await health(port)).version, "0.0.2");
    assert.match(readFileSync(join(root, "etc", "env"), "utf8"), /^TOKEN=new$/m);
    assert.equal((await status()).etcChanged, false);
  }

  async function status(): Promise<{ pid: number; etcChanged: boolean }> {
    const { etcChanged, processes } = JSON.parse((await app("status", "--json")).stdout);
    return { etcChanged, pid: processes[0].slots[0].pid };
  }
});

/** Four commits: the example's two versions, one that does not load, one that is not healthy. */
async function makeRepository(folder: string): Promise<void> {
  mkdirSync(folder);
  const git = (...args: string[]) =>
    mustRun("git", ["-c", "user.name=A", "-c", "user.email=a@example.com", ...args], {
      cwd: folder,
    });
  await git("init", "-q");
  const commit = async (version: string, edit = () => {}) => {
    for (const name of readdirSync(folder)) {
      if (name !== ".git") rmSync(join(folder, name), { recursive: true });
    }
    const copy = copyExample(version < "0.0.3" ? version : "0.0.2", `${folder}-${version}`);
    cpSync(copy, folder, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ ...manifest, version }));
    edit();
    await git("add", "-A");
    await git("commit", "-q", "-m", version);
    await git("tag", `v${version}`);
  };
  const server = join(folder, "src", "server.ts");
  const append = (line: string) => () =>
    writeFileSync(server, `${readFileSync(server, "utf8")}\n${line}\n`);
  await commit("0.0.1");
  await commit("0.0.2");
  await commit("0.0.3", append('throw new Error("no license");'));
  await commit("0.0.4", append("hot.health(() => false);"));
}

async function health(port: number): Promise<{ version: string | null }> {
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(response.status, 200);
  return { version: response.headers.get("x-version") };
}
