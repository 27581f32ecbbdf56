/**
 * `bin/<app>` of Node releases, where it is more than test/contract/binApp asks of every kind: a
 * tarball, real processes, and neither Node nor npm on PATH. This file: one version and its life.
 * hostReleases: several versions. hostUpgrade: changing over.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { HOST_COMMANDS } from "../../src/contract/commands/host.ts";
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually, isRunning } from "../helpers/wall.ts";

const wall = await buildWall({ "0.0.1": {} });
after(() => wall.dispose());

/** One that hangs must not hold up the rest. */
const QUICK = { timeout: 30_000 };

/** The command ended with this code; with an error code, it is the one on stderr. */
function expectEnd(result: CommandResult, status: number, pattern = /(?:)/): CommandResult {
  assert.equal(result.status, status, result.output);
  assert.match(result.output, pattern);
  return result;
}

async function json(host: Host, ...args: string[]) {
  const result = await host.app(...args, "--json");
  return { status: result.status, value: JSON.parse(result.stdout) };
}

const pidOf = async (host: Host) => Number((await host.must("pid")).stdout);

test(
  "a pid file that is stale, or whose pid is another process by now, is seen through",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    await host.must("stop");
    const run = (name: string) => join(host.root, "run", name);
    writeFileSync(run("pid"), `${process.pid}\n`);
    const stranger = { pid: process.pid, startTime: "1", bootId: "another boot" };
    writeFileSync(run("lock"), JSON.stringify(stranger));
    writeFileSync(run("workers"), `${JSON.stringify(stranger)}\nnot json\n`);
    symlinkSync("control.1.sock", run("control.sock"));
    expectEnd(await host.app("ping"), 3);
    expectEnd(await host.app("stop"), 3);
    await host.must("start");
    assert.equal((await get()).version, "0.0.1");
  },
);

test(
  "after a supervisor was killed outright, the next start has the port and no worker is left",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const supervisor = await pidOf(host);
    const worker = (await get()).pid;
    process.kill(supervisor, "SIGKILL");
    await eventually("it is noticed", async () => (await host.app("ping")).status === 3);
    await host.must("start");
    assert.ok(!isRunning(worker));
    assert.notEqual((await get()).pid, worker);
  },
);

test("whose pid file is removed is known all the same, and stopped in order", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const supervisor = await pidOf(host);
  rmSync(join(host.root, "run", "pid"));
  assert.equal((await get()).version, "0.0.1");
  expectEnd(await host.app("start"), 1, /TSUGI_ALREADY_RUNNING/);
  expectEnd(await host.app("stop"), 0, new RegExp(`stopped, pid ${supervisor}`));
  assert.ok(!isRunning(supervisor));
  await host.must("start");
});

test(
  "whose run/ is cleared away is found, has it anew, and no second one is started",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const supervisor = await pidOf(host);
    const run = join(host.root, "run");
    rmSync(run, { recursive: true });
    expectEnd(
      await host.app("start"),
      1,
      new RegExp(`TSUGI_ALREADY_RUNNING[\\s\\S]*pid ${supervisor}`),
    );
    assert.equal(await pidOf(host), supervisor);
    rmSync(run, { recursive: true });
    const { pid } = await get();
    assert.equal((await json(host, "status")).value.processes[0].slots[0].pid, pid);
    assert.match(readFileSync(join(run, "workers"), "utf8"), new RegExp(`"pid":${pid}\\b`));
    rmSync(run, { recursive: true });
    expectEnd(await host.app("stop"), 0, new RegExp(`stopped, pid ${supervisor}`));
    assert.ok(!isRunning(supervisor) && !isRunning(pid));
    expectEnd(await host.app("status"), 3);
  },
);

test("stop ends what a killed supervisor left", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const worker = (await get()).pid;
  process.kill(await pidOf(host), "SIGKILL");
  await eventually("it is noticed", async () => (await host.app("ping")).status === 3);
  expectEnd(await host.app("stop"), 3);
  assert.ok(!isRunning(worker));
});

test("stop finishes the requests under way", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  await get();
  const slow = get("/slow");
  await eventually(
    "the request has arrived",
    async () => Number((await host.must("rpc", "wall.hits")).stdout) === 2,
  );
  await host.must("stop");
  assert.equal((await slow).version, "0.0.1");
});

test("a worker that stands still costs a stop no more than the time to stop", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  process.kill((await get()).pid, "SIGSTOP");
  const { value } = await json(host, "stop");
  assert.ok(value.ms < 3_000 + 1_500, `${value.ms} ms`);
  assert.match(value.ended.join(), /^main\.0 \(pid \d+\), killed$/);
});

test("a supervisor that hangs is reported as unreachable, by what could wait for ever too", async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const supervisor = await pidOf(host);
  process.kill(supervisor, "SIGSTOP");
  const commands = [["ping"], ["rpc", "1"], ["reload"]];
  const ended = commands.map(async (command) =>
    expectEnd(await host.app(...command), 1, /TSUGI_CONTROL_UNREACHABLE[\s\S]*kill -9/),
  );
  await Promise.all(ended);
  process.kill(supervisor, "SIGCONT");
  await host.must("ping");
});

test("an answer that takes its time is waited for as long as the supervisor is there", async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const slow = "new Promise((resolve) => setTimeout(resolve, 9_000, 'at last'))";
  assert.equal((await host.must("rpc", slow)).stdout, "at last\n");
});

test(
  "rpc evaluates in the running worker, awaits promises, and exits with 1 on a throw",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const { pid } = await get();
    assert.equal((await host.must("rpc", "process.pid")).stdout, `${pid}\n`);
    assert.equal((await host.must("rpc", "Promise.resolve(wall.hits + 40)")).stdout, "41\n");
    assert.equal((await json(host, "rpc", "wall.version")).value.value, "0.0.1");
    expectEnd(await host.app("rpc", "Promise.reject(new Error('not today'))"), 1, /not today/);
    expectEnd(await host.app("rpc", "("), 1, /TSUGI_RPC_THREW[\s\S]*SyntaxError/);
    expectEnd(await host.app("rpc", "1", "--process", "jobs"), 2, /TSUGI_NO_SUCH_WORKER/);
    expectEnd(await host.app("rpc", "1", "--slot", "3"), 2, /TSUGI_NO_SUCH_WORKER/);
  },
);

test(
  "logs shows the last lines, with time, version and pid, and follows through a rotation",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    expectEnd(await host.app("logs"), 1, /TSUGI_NO_LOG/);
    await host.must("start");
    const { pid } = await get("/say?1");
    await get("/say?2");
    const log = join(host.root, "log", "wall.log");
    await eventually("it is written", () => readFileSync(log, "utf8").includes("said /say?2"));
    const { stdout } = await host.must("logs", "-n", "1");
    assert.match(
      stdout,
      new RegExp(`^\\d{4}-\\d\\d-\\d\\dT\\S+Z 0\\.0\\.1 ${pid} said /say\\?2\n$`),
    );
    const follower = spawn(host.bin, ["logs", "-f", "-n", "1"], { env: host.env });
    t.after(() => follower.kill("SIGKILL"));
    let followed = "";
    follower.stdout.on("data", (data) => {
      followed += data;
    });
    await eventually("it begins", () => followed.includes("?2"));
    appendFileSync(log, "before the rotation\n");
    renameSync(log, `${log}.1`);
    writeFileSync(log, "after the rotation\n");
    await eventually("it follows", () => followed.includes("after the rotation"));
    assert.match(followed, /before the rotation\nafter the rotation\n/);
    await host.must("stop");
    await host.must("logs");
  },
);

test("a worker that crashes is started again, and the restart is counted", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const { pid } = await get();
  await get("/crash").catch(() => {});
  const again = await eventually("it answers again", () => get().catch(() => undefined));
  assert.notEqual(again.pid, pid);
  assert.equal((await json(host, "status")).value.processes[0].slots[0].restarts, 1);
});

test(
  "a worker that stands still is said to, and with silentMs killed and started again",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1", { config: { restarts: { silentMs: 4500 } } });
    await host.must("start");
    const { pid } = await get();
    const still = host.app("rpc", "for (;;);");
    await eventually("it is said", async () =>
      /main\.0 is unhealthy: [\s\S]*did not\s+answer/.test((await host.app("status")).output),
    );
    const again = await eventually("it answers again", () => get().catch(() => undefined));
    assert.notEqual(again.pid, pid);
    await still;
    expectEnd(await host.app("status"), 0, /main\.0 crashed [\s\S]*stood still for 4\.5 s/);
    const stillAgain = host.app("rpc", "for (;;);");
    await eventually("it is said", async () =>
      /is unhealthy/.test((await host.app("status")).output),
    );
    const began = performance.now();
    await host.must("stop");
    // stopMs, and what is waited for its answer; no hook of it is.
    assert.ok(performance.now() - began < 12_000);
    await stillAgain;
  },
);

test(
  "a worker that crashes too often takes the system down, with a code other than 0",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1", {
      config: { restarts: { max: 1, withinMs: 60_000 }, notify: { command: "cat >var/told" } },
    });
    const child = spawn(host.bin, ["foreground"], { env: host.env });
    const closed = once(child, "close");
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    for (let crash = 0; crash < 2; crash += 1) {
      await eventually("it answers", () => get().catch(() => undefined));
      await get("/crash").catch(() => {});
    }
    const [code] = await closed;
    assert.ok(code > 0, `code ${code}`);
    assert.match(output, /TSUGI_GAVE_UP[\s\S]*The last time it exited with code/);
    const ended =
      /0\.0\.1 ended at [\s\S]*main crashed 2 times[\s\S]*Its last words:\n {2}listening/;
    expectEnd(await host.app("status"), 3, ended);
    const { lastEnd } = (await json(host, "status")).value;
    assert.equal(lastEnd.code, "TSUGI_GAVE_UP");
    assert.deepEqual(lastEnd.lastWords, ["listening"]);
    assert.equal(statSync(join(host.root, "run", "last-end")).mode & 0o777, 0o600);
    const told = JSON.parse(readFileSync(join(host.root, "var", "told"), "utf8"));
    assert.deepEqual([told.event, told.lastWords], ["gave-up", ["listening"]]);
    await host.must("start");
    await host.must("stop");
    assert.equal((await json(host, "status")).value.lastEnd, undefined);
  },
);

test(
  "told to stop while it starts, it ends, and has no fault of its own to tell of",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t);
    const told = `--import=data:text/javascript,process.kill(process.ppid,"SIGTERM")\n`;
    writeFileSync(join(host.root, "etc", "node.args"), told);
    const { status, output } = await host.app("start");
    assert.equal(status, 3, output);
    const exits = (verb: "start" | "restart"): readonly number[] => HOST_COMMANDS[verb].exits;
    assert.ok(exits("start").includes(3) && exits("restart").includes(3), "its help says so");
    expectEnd(await host.app("status"), 3, /wall/);
    const log = readFileSync(join(host.root, "log", "wall.log"), "utf8");
    assert.match(log, /stopped/);
    assert.doesNotMatch(output + log, /TSUGI_INTERNAL/);
    expectEnd(await host.app("foreground"), 0, /wall/);
    assert.ok(!existsSync(join(host.root, "run", "exit-code")), "nobody would read it");
  },
);

test("bin/<app> works through links, from any folder, and with any sh", QUICK, async (t) => {
  const { host } = await wall.host(t);
  const link = join(host.root, "wall-link");
  symlinkSync("bin/wall", link);
  for (const [command, args] of [
    [link, ["version"]],
    ["sh", ["bin/wall", "version"]],
    ["dash", [link, "version"]],
    ["bash", ["--posix", link, "version"]],
    ["busybox", ["sh", link, "version"]],
  ] as const) {
    const result = await host.run(command, [...args]).catch(() => undefined);
    if (result === undefined) continue; // that shell is not on this machine
    expectEnd(result, 0, /wall .*tsugi/);
  }
  const elsewhere = await host.run(join("..", "bin", "wall"), ["version"], {
    cwd: join(host.root, "lib"),
  });
  expectEnd(elsewhere, 0);
});

test(
  "a root whose path is longer than a socket's may be, and odd, works all the same",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t);
    const long = join(wall.folder, `a #1 100%20 ? ${"a".repeat(120)}`);
    renameSync(host.root, long);
    const at = (...args: string[]) => host.run(join(long, "bin", "wall"), args, { cwd: long });
    expectEnd(await at("start"), 0);
    expectEnd(await at("ping"), 0);
    expectEnd(await at("stop"), 0);
  },
);

test("run as root it acts as the owner of the root and leaves no root-owned file", {
  skip: process.getuid?.() !== 0 && "needs root",
}, async (t) => {
  const { host, get } = await wall.host(t);
  const nobody = 65534;
  chmodSync(wall.folder, 0o755);
  const own = (path: string) => {
    chownSync(path, nobody, nobody);
    if (statSync(path).isDirectory()) for (const name of readdirSync(path)) own(join(path, name));
  };
  own(host.root);
  await host.must("start");
  const { pid } = await get();
  assert.equal(statSync(`/proc/${pid}`).uid, nobody);
  // From a folder that the owner may not enter, such as root's own.
  const closed = join(wall.folder, "closed");
  mkdirSync(closed, { mode: 0o700 });
  for (const command of ["status", "reload", "stop"]) {
    expectEnd(await host.run(host.bin, [command], { cwd: closed }), 0);
  }
  for (const path of readdirSync(host.root, { recursive: true }).map(String)) {
    assert.equal(statSync(join(host.root, path)).uid, nobody, path);
  }
});
