/** What a deploy leaves behind when something breaks: one whole version on every host, and an account. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { type DeployEventLine, Deploying } from "../helpers/deploying.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();

describe("a deploy that breaks", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-faults-"));
  let one: BuiltRelease;
  let two: BuiltRelease;
  let fleet: Deploying;

  before(async () => {
    one = await buildVariant(join(workshop, "one"), { fixture: "teller-1.0.0" });
    two = await buildVariant(join(workshop, "two"), { fixture: "teller-1.0.0", version: "1.0.1" });
    fleet = await Deploying.start("teller", ["app1", "app2"]);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const began = (step: string, host?: string) => (event: DeployEventLine) =>
    event.step === step && event.state === "begin" && (!host || event.host === host);
  const lockOf = (root: string) => join(root, "run", "deploy.lock");
  const unlocked = () =>
    until("the locks are gone", () => fleet.hosts.every(({ root }) => !existsSync(lockOf(root))));

  test("a host that vanishes while it gets its first release: nothing runs, and the same again works", async () => {
    const app2 = fleet.hosts[1]!;
    const wire = await cutAfter(8_000_000, app2.ssh.port);
    fleet.configure({ ssh: { config: fleet.fleet.through("app2", wire.port) } });
    const { status, events, output } = await fleet.deploy(one.tarball);
    await wire.close();
    assert.equal(status, 4, output);
    assert.match(JSON.stringify(events.at(-1)), /TSUGI_DEPLOY_REFUSED.*app2/);
    assert.ok(!events.some(({ step }) => step === "start"), "none was started");
    assert.ok(!existsSync(app2.bin), "what is not whole is not in place");

    fleet.configure();
    const again = await fleet.deploy(one.tarball);
    assert.equal(again.status, 0, again.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });

  test("another host key than the known one: refused, and no host is touched", async () => {
    const known = readFileSync(fleet.fleet.knownHosts, "utf8");
    const [first, second] = known.trim().split("\n") as [string, string];
    const wrong = second.replace(/\S+$/, first.split(" ").at(-1)!);
    writeFileSync(fleet.fleet.knownHosts, `${first}\n${wrong}\n`);
    try {
      const { status, events, output } = await fleet.deploy(two.tarball);
      assert.equal(status, 4, output);
      assert.match(JSON.stringify(events.at(-1)), /app2.*Host key verification failed/);
      assert.ok(!events.some(({ step }) => step === "lock" || step === "send"));
    } finally {
      writeFileSync(fleet.fleet.knownHosts, known);
    }
  });

  test("kill -9 of tsugi deploy at any step leaves whole hosts, and the same command goes on", async () => {
    for (const step of ["send", "environment", "check"]) {
      await fleet.deployKilledAt(two.tarball, began(step));
      assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"], `killed at ${step}`);
      await unlocked();
    }
    // From here on the canary goes on by itself: its upgrade is the supervisor's.
    const isLoaded: Parameters<Deploying["deployKilledAt"]>[1] = ({ event, text }, index, all) =>
      event === "line" && /load/.test(String(text)) && all.slice(0, index).some(began("upgrade"));
    await fleet.deployKilledAt(two.tarball, isLoaded);
    await until(
      "the canary's upgrade",
      async () => (await fleet.versions())[0] === "1.0.1",
      60_000,
    );
    assert.equal((await fleet.versions())[1], "1.0.0");
    await unlocked();

    const { status, output, result } = await fleet.deploy(two.tarball);
    assert.equal(status, 0, output);
    const hosts = result!.hosts as { result: string; sentBytes: number }[];
    assert.deepEqual(
      hosts.map(({ result }) => result),
      ["unchanged", "done"],
    );
    assert.equal(hosts[1]!.sentBytes, 0, "what was there already is not sent again");
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });

  test("status, logs and exec show all hosts; rollback takes them back", async () => {
    const status = await fleet.tsugi("status", "production");
    assert.equal(status.status, 0, status.output);
    assert.match(status.stdout, /^app1 +1\.0\.1 +ok /m);
    assert.match(status.stdout, /^app2 +1\.0\.1 +ok +.* ago +\d+ ms$/m);
    const exec = await fleet.tsugi("exec", "production", "--", "sh", "-c", "pwd; exit 3");
    assert.equal(exec.status, 3, exec.output);
    assert.match(exec.stdout, new RegExp(`^app2  ${fleet.hosts[1]!.root}$`, "m"));
    const logs = await fleet.tsugi("logs", "production", "-n", "5");
    assert.match(logs.stdout, /^app1 /m);
    assert.match(logs.stdout, /^app2 /m);

    const back = await fleet.tsugi("rollback", "production");
    assert.equal(back.status, 0, back.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
    const { action, from, to, result } = fleet.records(fleet.hosts[0]!).at(-1)!;
    assert.deepEqual([action, from, to, result], ["rollback", "1.0.1", "1.0.0", "done"]);
  });

  test("of two who deploy at once one is refused, and reads whose lock it is", async () => {
    const gate = join(workshop, "gate");
    const wait = `until [ -e ${gate} ]; do sleep 0.05; done`;
    fleet.configure({ hooks: { beforeDeploy: ["sh", "-c", wait] } });
    const isLocked: Parameters<Deploying["deployKilledAt"]>[1] = ({ step, state, host }) =>
      step === "lock" && state === "end" && host === "app2";
    let second: ReturnType<Deploying["deploy"]> | undefined;
    const { code } = await fleet.deployKilledAt(two.tarball, isLocked, () => {
      fleet.configure();
      second = fleet.deploy(one.tarball).finally(() => writeFileSync(gate, ""));
    });
    const { status, output, events } = await second!;
    assert.equal(status, 4, output);
    assert.match(JSON.stringify(events.at(-1)), /TSUGI_DEPLOY_LOCKED.*teller 1\.0\.1/);
    assert.equal(code, 0, "the first one is not disturbed");
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });

  test("a lock by hand refuses until it is taken away", async () => {
    await fleet.tsugi("lock", "production", "--reason", "the database is being moved");
    const { status, output } = await fleet.deploy(one.tarball);
    assert.equal(status, 4, output);
    assert.match(output, /the database is being moved/);
    const unlock = await fleet.tsugi("unlock", "production");
    assert.match(unlock.stdout, /app2: unlocked; it was .*the database is being moved/);
    assert.equal((await fleet.tsugi("unlock", "production")).status, 0);
  });

  test("Ctrl-C while it checks: no host is changed, exit 1, and it says what to do", async () => {
    const interrupt = (pid: number) => process.kill(pid, "SIGINT");
    const { code, events } = await fleet.deployKilledAt(one.tarball, began("check"), interrupt);
    assert.equal(code, 1);
    assert.match(JSON.stringify(events.at(-1)), /TSUGI_INTERRUPTED/);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });

  const noMount = process.getuid?.() === 0 ? false : "only root can mount a small disk";
  test("a full disk on one host: refused for all before a byte is sent", {
    skip: noMount,
  }, async (t) => {
    const small = join(fleet.hosts[1]!.ssh.folder, "small");
    mkdirSync(small);
    const mounted = await runCommand("mount", ["-t", "tmpfs", "-o", "size=20m", "tmpfs", small]);
    if (mounted.status !== 0) return t.skip(`no mount here: ${mounted.output}`);
    try {
      fleet.configure({}, { app2: { root: join(small, "teller") } });
      const { status, events, output } = await fleet.deploy(one.tarball);
      assert.equal(status, 4, output);
      assert.match(JSON.stringify(events.at(-1)), /app2.*Not enough space/);
      assert.ok(!events.some(({ step }) => step === "send"));
      assert.ok(!existsSync(join(small, "teller")));
    } finally {
      fleet.configure();
      await mustRun("umount", [small]);
    }
  });
});

/** A way to a port that is cut for good when so many bytes have gone there. */
async function cutAfter(bytes: number, port: number) {
  const sockets = new Set<Socket>();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  let left = bytes;
  const server = createServer((client) => {
    const host = connect(port, "127.0.0.1");
    for (const socket of [client, host]) {
      sockets.add(socket);
      socket.on("error", cut).on("close", cut);
    }
    client.on("data", (chunk) => {
      left -= chunk.length;
      if (left < 0) {
        server.close();
        cut();
      }
    });
    client.pipe(host).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = async () => {
    cut();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  return { port: (server.address() as { port: number }).port, close };
}
