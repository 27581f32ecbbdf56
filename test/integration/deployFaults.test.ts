/** What a deploy leaves behind when something breaks: one whole version on every host, and an account. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { DeployResult } from "../../src/deploy/index.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { type DeployEventLine, Deploying } from "../helpers/deploying.ts";
import { assertGoesOn, assertTidy, assertWhole, forget, killAt } from "../helpers/deployKills.ts";
import { tsugiCli } from "../helpers/example.ts";
import { type BuiltRelease, buildTellers } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { random, shuffled } from "../helpers/random.ts";
import { whyNoSshd } from "../helpers/sshd.ts";
import { Terminal } from "../helpers/terminal.ts";

const skip = await whyNoSshd();

const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-faults-"));
let one: BuiltRelease;
let two: BuiltRelease;

before(async () => {
  if (skip) return;
  [one, two] = await buildTellers(workshop);
});
after(() => rmSync(workshop, { recursive: true, force: true }));

describe("a deploy that breaks", { skip }, () => {
  let fleet: Deploying;

  before(async () => {
    fleet = await Deploying.start("teller", ["app1", "app2"]);
  });
  after(() => fleet?.remove());

  const began = (step: string, host?: string) => (event: DeployEventLine) =>
    event.step === step && event.state === "begin" && (!host || event.host === host);

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

  test("kill -9 of tsugi deploy at any event leaves whole hosts, and the same command goes on", async (t) => {
    // All events, and all kinds of deploys: npm run long -- crash:deploy.
    const steps = ["lock", "send", "environment", "check", "upgrade", "health", "account"];
    const keys = steps.flatMap((step) =>
      ["begin", "end"].flatMap((state) =>
        ["app1", "app2"].map((host) => `${host} ${step} ${state}`),
      ),
    );
    const [first, second] = shuffled(keys, random(Number(process.env.TSUGI_SEED ?? 7)));
    const upgrades = [first, second, "app1 line load"].map((key, turn) => ({ key, turn }));
    for (const { key, turn } of upgrades) {
      const [from, target] = turn % 2 === 0 ? [one, two] : [two, one];
      for (const host of fleet.hosts) await forget(host, target.version);
      const word = `word-${turn}`;
      fleet.configure({ env: { WORD: word } });
      t.diagnostic(`killed at: ${key}`);
      const scenario = { before: [from.version], target, word };
      await killAt(fleet, target.tarball, key!);
      await assertWhole(fleet, scenario);
      await assertGoesOn(fleet, scenario);
    }
    fleet.configure();
  });

  test("status, logs and exec show all hosts; rollback takes them back", async () => {
    const status = await fleet.tsugi("status", "production");
    assert.equal(status.status, 0, status.output);
    assert.match(status.stdout, /^app1 +1\.0\.1 +ok /m);
    assert.match(status.stdout, /^app2 +1\.0\.1 +ok +.* ago +\d+ ms$/m);
    const exec = await fleet.tsugi("exec", "production", "--", "sh", "-c", "pwd; exit 3");
    assert.equal(exec.status, 3, exec.output);
    assert.match(exec.stdout, new RegExp(`^app2  ${fleet.hosts[1]!.root}$`, "m"));
    const unknown = await fleet.tsugi("exec", "--host", "typo", "--", "pwd");
    assert.match(unknown.stderr, /typo/);
    fleet.configure({}, { app2: { host: "no-such-host" } });
    for (const words of [
      ["exec", "production", "--json", "--", "pwd"],
      ["unlock", "production", "--json"],
    ]) {
      const { status, stdout } = await fleet.tsugi(...words);
      assert.notEqual(status, 0);
      const { hosts, failures } = JSON.parse(stdout);
      assert.deepEqual([hosts.length, failures.length], [1, 1], stdout);
    }
    fleet.configure();
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
    for (const dry of [
      ["deploy", "production", one.tarball],
      ["rollback", "production"],
    ]) {
      const { output } = await fleet.tsugi(...dry, "--dry-run");
      assert.doesNotMatch(output, /TSUGI_DEPLOY_LOCKED/);
      assert.match(output, /app1: locked by .*: the database is being moved/);
    }
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

  test("Ctrl-C when all has been sent: it does not say that nothing lies there", async () => {
    const app2 = fleet.hosts[1]!;
    await forget(app2, "1.0.0");
    const isSent = ({ event, host, sent, total }: DeployEventLine) =>
      event === "bytes" && host === "app2" && sent === total;
    const interrupt = (pid: number) => process.kill(pid, "SIGINT");
    const { code, events } = await fleet.deployKilledAt(one.tarball, isSent, interrupt);
    assert.equal(code, 1);
    assert.match(
      (events.at(-1)!.error as { message: string }).message,
      /app2: (the new version lies there if all of it had arrived|it unpacks)/,
    );
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });

  test("Ctrl-C in a later wave, with onFailure: rollback: the first one stays, and that is said", async () => {
    fleet.configure({ rollout: { canary: 1, batch: 1, onFailure: "rollback" } });
    const interrupt = (pid: number) => process.kill(pid, "SIGINT");
    // Its step begins here: only what the host says of it then shows that it has begun there.
    const begin = began("upgrade", "app2");
    const hasBegun = (event: DeployEventLine, at: number, all: DeployEventLine[]) =>
      event.event === "line" && event.host === "app2" && all.slice(0, at).some(begin);
    const { code, events } = await fleet.deployKilledAt(one.tarball, hasBegun, interrupt);
    fleet.configure();
    assert.equal(code, 1);
    assert.ok(!events.some(({ step }) => step === "rollback"), "nothing more is begun");
    const { hosts, error } = events.at(-1) as unknown as DeployResult;
    assert.equal(hosts[1]!.result, "unknown");
    assert.equal(hosts[0]!.result, "done");
    assert.match(
      error!.message,
      /app1: the new version runs there;.*\n.*app2: the upgrade goes on/,
    );
    await until("app2 has gone on by itself", async () =>
      (await fleet.versions()).every((version) => version === "1.0.0"),
    );
    assert.equal((await fleet.deploy(two.tarball)).status, 0);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });

  test("a supervisor that is killed in its upgrade: nothing runs there, and it is said", async () => {
    const app2 = fleet.hosts[1]!;
    const pid = Number(readFileSync(join(app2.root, "run", "pid"), "utf8"));
    const kill = () => process.kill(pid, "SIGKILL");
    const { code, events } = await fleet.deployKilledAt(
      one.tarball,
      began("upgrade", "app2"),
      kill,
    );
    assert.equal(code, 1);
    const { hosts, error } = events.at(-1) as unknown as DeployResult;
    assert.equal(hosts[0]!.isStopped, undefined);
    assert.equal(hosts[1]!.isStopped, true);
    assert.match(error!.hint, /Nothing runs on app2: the same command again starts it there/);
    const again = await fleet.deploy(one.tarball);
    assert.equal(again.status, 0, again.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
    assert.equal((await fleet.deploy(two.tarball)).status, 0);
  });

  test("Ctrl-C or Ctrl-D at its question ends it: no host is changed", async () => {
    const argv = [process.execPath, tsugiCli, "deploy", "production", one.tarball];
    const { PATH, HOME } = process.env;
    for (const key of ["C-c", "C-d"]) {
      const options = { cwd: fleet.folder, env: { PATH, HOME }, columns: 80, rows: 24 };
      const terminal = await Terminal.run(argv, options);
      const shows = (words: RegExp) =>
        until(`${key}: ${words}`, async () => words.test((await terminal.screen()).join("\n")));
      try {
        await shows(/Deploy 1\.0\.0 to these 2 hosts\? \[y\/N\]/);
        await terminal.press(key);
        await shows(/^No host was changed\.\nended 0$/m);
      } finally {
        await terminal.end();
      }
    }
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);
  });
});

const isMounted = (place: string): boolean =>
  readFileSync("/proc/self/mounts", "utf8").includes(` ${place} `);

describe("a host with a small disk", {
  skip: skip || (process.getuid?.() === 0 ? false : "only root can mount a small disk"),
}, () => {
  let fleet: Deploying;
  let disk: string;
  let filling: string;

  before(async () => {
    fleet = await Deploying.start("teller", ["app1", "app2"]);
    disk = join(fleet.hosts[1]!.ssh.folder, "srv");
    filling = join(disk, "filling");
    mkdirSync(disk);
  });
  after(async () => {
    if (fleet !== undefined) await runCommand(fleet.hosts[1]!.bin, ["stop"]).catch(() => {});
    // What was stopped there needs a moment to be gone.
    const unmounted = async () => (await runCommand("umount", [disk])).status === 0;
    await until("nothing holds the disk", async () => (await unmounted()) || !isMounted(disk));
    await fleet?.remove();
  });
  const mount = async (size: string) => {
    await runCommand("umount", [disk]);
    await mustRun("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", disk]);
  };
  const empty = () => {
    for (const file of [filling, `${filling}.most`]) rmSync(file, { force: true });
  };
  /** All that is left, as another program on that host would take it. */
  const fill = () => {
    const { bavail: free, bsize } = statfsSync(disk);
    const most = String(Math.max(1, free * bsize - 16_000_000));
    spawnSync("fallocate", ["-l", most, `${filling}.most`], { stdio: "ignore" });
    spawnSync("dd", ["if=/dev/zero", `of=${filling}`, "bs=64k"], { stdio: "ignore" });
  };

  test("it is seen before a byte is sent, and refused for all", async () => {
    await mount("20m");
    const { status, events, output } = await fleet.deploy(one.tarball);
    assert.equal(status, 4, output);
    assert.match(JSON.stringify(events.at(-1)), /app2.*Not enough space/);
    assert.ok(!events.some(({ step }) => step === "send"));
    assert.deepEqual(readdirSync(disk), []);
  });

  test("it fills up in the middle of a first transfer: nothing half-done stays there, no host is started", async () => {
    await mount("260m");
    const isUnderWay = ({ event, host, sent }: DeployEventLine) =>
      event === "bytes" && host === "app2" && Number(sent) > 2_000_000;
    const { code, events } = await fleet.deployKilledAt(one.tarball, isUnderWay, fill);
    assert.equal(code, 4);
    assert.match(JSON.stringify(events.at(-1)), /app2: the first install failed.*No space left/);
    assert.ok(!events.some(({ step }) => step === "start"));
    // Besides the account of it, for which there is room again.
    const [, app2] = fleet.hosts;
    const left = readdirSync(app2!.root).filter((name) => name !== "log");
    assert.deepEqual([left, readdirSync(join(app2!.root, "run"))], [["run"], []]);

    empty();
    const again = await fleet.deploy(one.tarball);
    assert.equal(again.status, 0, again.output);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"]);
  });

  test("it fills up before an upgrade arrives: refused for all; in the middle of one: back to the old one, by policy everywhere", async () => {
    const rollout = { canary: 1, batch: 1, onFailure: "rollback" };
    fleet.configure({ env: { WORD: "welcome" }, rollout });
    const at = (host: string, step: string) => (event: DeployEventLine) =>
      event.host === host && event.step === step && event.state === "begin";
    // The second: while the canary, whose disk is another one, is upgraded.
    for (const [host, step, exit] of [
      ["app2", "send", 4],
      ["app1", "upgrade", 1],
    ] as const) {
      const { code, events } = await fleet.deployKilledAt(two.tarball, at(host, step), fill);
      assert.equal(code, exit, JSON.stringify(events.at(-1)));
      const { error } = events.at(-1) as { error?: { message: string } };
      assert.match(error!.message, /app2: .*(No space|Not enough space|room on the disk)/s);
      assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.0"], step);
      empty();
    }
    const again = await fleet.deploy(two.tarball);
    assert.equal(again.status, 0, again.output);
    for (const host of fleet.hosts) {
      const { version, word } = await fleet.ask(host);
      assert.deepEqual([version, word], ["1.0.1", "welcome"]);
      assertTidy(host);
    }
  });

  test("with no room for a lock or a new etc/env it is a full disk that is told, and how to make room", async () => {
    fill();
    for (const words of [
      ["lock", "production", "--reason", "inventory day"],
      ["deploy", "production", two.tarball, "--yes"],
    ]) {
      const { status, output } = await fleet.tsugi(...words);
      assert.equal(status, 4, output);
      assert.match(output, /Not enough space at app2:/);
      assert.match(output, /tsugi exec production --host app2 -- bin\/teller prune --keep 2/);
      assert.doesNotMatch(output, /printf/);
    }
    await fleet.tsugi("unlock", "production");
    empty();
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
