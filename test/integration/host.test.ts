/**
 * `bin/<app>` as a host knows it: a tarball, real processes, and neither Node nor npm on PATH.
 * This file: one version and its life. host-releases: several versions. host-upgrade: changing over.
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
import type { CommandResult } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually, isRunning } from "../helpers/wall.ts";

const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: 'throw new Error("no table " + "called admirals");' },
});
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
  "start returns when the application is ready, and stop when all of it is gone",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t);
    const { value } = await json(host, "start");
    assert.deepEqual([value.name, value.version], ["wall", "0.0.1"]);
    const answer = await get();
    assert.equal(answer.version, "0.0.1");
    assert.equal(await pidOf(host), value.pid);
    const stopped = await json(host, "stop");
    assert.equal(stopped.status, 0);
    assert.equal(stopped.value.version, "0.0.1");
    assert.ok(!isRunning(value.pid) && !isRunning(answer.pid));
    await assert.rejects(get());
    const left = readdirSync(join(host.root, "run")).filter((name) => name !== "boot.err");
    assert.deepEqual(left, []);
  },
);

test("a second start says that it runs already", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const pid = await pidOf(host);
  expectEnd(await host.app("start"), 1, new RegExp(`TSUGI_ALREADY_RUNNING[\\s\\S]*pid ${pid}`));
  const { value } = await json(host, "start");
  assert.equal(value.error.code, "TSUGI_ALREADY_RUNNING");
  assert.equal(await pidOf(host), pid);
});

test("of two starts at once one starts it and the other says that it runs", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  const results = await Promise.all([host.app("start"), host.app("start"), host.app("start")]);
  assert.deepEqual(results.map(({ status }) => status).sort(), [0, 1, 1]);
  assert.equal((await get()).version, "0.0.1");
});

const NEED_A_SYSTEM: string[][] = [
  ["stop"],
  ["reload"],
  ["ping"],
  ["pid"],
  ["status"],
  ["rpc", "1"],
  ["check", "0.0.1"],
  ["install", "0.0.1"],
  ["commit"],
  ["upgrade", "0.0.1"],
  ["downgrade", "0.0.1"],
  ["rollback"],
];

test("what needs a running system exits with 3 and says how to start it", QUICK, async (t) => {
  const { host } = await wall.host(t);
  for (const args of NEED_A_SYSTEM) {
    expectEnd(await host.app(...args), 3, /TSUGI_NOT_RUNNING[\s\S]*bin\/wall start/);
    const { status, value } = await json(host, ...args);
    assert.deepEqual([status, value.error.code], [3, "TSUGI_NOT_RUNNING"], args.join(" "));
  }
  expectEnd(await host.app("console"), 3);
});

test("wrong usage exits with 2, names the fault and the help to read", QUICK, async (t) => {
  const { host } = await wall.host(t);
  expectEnd(await host.app("stat"), 2, /unknown command 'stat'[\s\S]*Did you mean[\s\S]*wall help/);
  expectEnd(await host.app("start", "--fast"), 2, /unknown option '--fast'[\s\S]*wall help start/);
  expectEnd(await host.app("upgrade"), 2, /missing required argument/);
  expectEnd(await host.app("prune", "--keep", "0"), 2, /above 0/);
  expectEnd(await host.app("logs", "-n", "all"), 2, /whole number/);
  expectEnd(await host.app("upgrade", "0.0.1", "--rehearse", "maybe"), 2, /auto, full, skip/);
  const { status, value } = await json(host, "rpc");
  assert.deepEqual([status, value.error.code], [2, "TSUGI_USAGE"]);
});

test("help names every command, and each of them has help of its own", QUICK, async (t) => {
  const { host } = await wall.host(t);
  const { stdout } = expectEnd(await host.app("help"), 0);
  const named = [...stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name]) => name!);
  const all =
    "start stop restart reload foreground ping pid status logs console rpc releases describe unpack plan check install commit upgrade downgrade rollback remove prune inventory systemd version help";
  assert.deepEqual(named.sort(), all.split(" ").sort());
  for (const name of named.filter((one) => one !== "help"))
    expectEnd(await host.app("help", name), 0, /Usage: wall/);
});

test("ping, pid, status and version tell what runs", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const { pid } = await get();
  assert.equal((await host.must("ping")).stdout, "pong\n");
  assert.deepEqual((await json(host, "ping")).value, { answer: "pong" });
  const status = (await json(host, "status")).value;
  assert.deepEqual(
    [status.name, status.version, status.status, status.etcChanged, status.upgrade],
    ["wall", "0.0.1", "permanent", false, null],
  );
  assert.equal(status.processes[0].name, "main");
  assert.equal(status.processes[0].slots[0].pid, pid);
  assert.match((await host.must("status")).stdout, new RegExp(`permanent[\\s\\S]*${pid} `));
  const version = (await json(host, "version")).value;
  assert.deepEqual([version.version, version.node], ["0.0.1", process.versions.node]);
});

test("restart starts anew, also what was not running", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  expectEnd(await host.app("restart"), 0, /was not running/);
  const before = await get();
  const { value } = await json(host, "restart");
  const now = await get();
  assert.notEqual(now.pid, before.pid);
  assert.equal(now.hits, 1);
  assert.equal(value.pid, await pidOf(host));
});

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

test("a supervisor that hangs is killed by stop, and its workers with it", QUICK, async (t) => {
  const { host, get } = await wall.host(t, "0.0.1", { config: { timeouts: { stopMs: 200 } } });
  await host.must("start");
  const worker = (await get()).pid;
  const supervisor = await pidOf(host);
  process.kill(supervisor, "SIGSTOP");
  const { status, value } = await json(host, "stop");
  assert.deepEqual([status, value.killed], [0, true]);
  assert.ok(!isRunning(worker) && !isRunning(supervisor));
  await host.must("start");
});

test("a supervisor that hangs is reported as unreachable by ping", QUICK, async (t) => {
  const { host } = await wall.host(t);
  await host.must("start");
  const supervisor = await pidOf(host);
  process.kill(supervisor, "SIGSTOP");
  expectEnd(await host.app("ping"), 1, /TSUGI_CONTROL_UNREACHABLE[\s\S]*kill -9/);
  process.kill(supervisor, "SIGCONT");
  await host.must("ping");
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

test("console is a REPL inside the worker, which goes on when it is left", {
  timeout: 20_000,
}, async (t) => {
  const { host, get } = await wall.host(t);
  await host.must("start");
  const { pid } = await get();
  const child = spawn(host.bin, ["console"], { env: host.env, stdio: ["pipe", "pipe", "inherit"] });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  t.after(() => child.kill("SIGKILL"));
  child.stdin.end("wall.hits += 100\nprocess.pid\n");
  assert.deepEqual(await once(child, "close"), [0, null]);
  assert.match(output, /101[\s\S]*\d+/);
  assert.ok(output.includes(String(pid)), output);
  assert.equal((await get()).hits, 102);
});

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
    follower.kill();
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
  "a worker that crashes too often takes the system down, with a code other than 0",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1", {
      config: { restarts: { max: 1, withinMs: 60_000 } },
    });
    const child = spawn(host.bin, ["foreground"], { env: host.env });
    const ended = once(child, "close");
    let output = "";
    child.stdout.on("data", (data) => {
      output += data;
    });
    for (let crash = 0; crash < 2; crash += 1) {
      await eventually("it answers", () => get().catch(() => undefined));
      await get("/crash").catch(() => {});
    }
    const [code] = await ended;
    assert.ok(code > 0, `code ${code}`);
    assert.match(output, /TSUGI_GAVE_UP/);
    expectEnd(await host.app("status"), 3);
  },
);

test("foreground logs to stdout only, stops on SIGTERM and ends with 0", QUICK, async (t) => {
  const { host, get } = await wall.host(t);
  const child = spawn(host.bin, ["foreground"], { env: host.env });
  const ended = once(child, "close");
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  await eventually("it is ready", () => output.includes("is ready"));
  const { pid } = await get("/say?hello");
  await host.must("ping");
  await eventually("it logs", () => output.includes("said /say?hello"));
  assert.ok(!existsSync(join(host.root, "log", "wall.log")));
  expectEnd(await host.app("start"), 1, /TSUGI_ALREADY_RUNNING/);
  child.kill("SIGTERM");
  assert.deepEqual(await ended, [0, null]);
  assert.ok(!isRunning(pid));
  expectEnd(await host.app("foreground", "--json"), 2);
});

test(
  "a version that throws while it starts fails the start with its reason, and nothing stays",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.2");
    const { status, value } = await json(host, "start");
    assert.equal(status, 1, JSON.stringify(value));
    assert.match(value.error.message, /no table called admirals/);
    expectEnd(await host.app("status"), 3);
    assert.match((await host.must("logs")).stdout, /no table called admirals/);
  },
);

test("a port that is taken fails the start", QUICK, async (t) => {
  const { host, port } = await wall.host(t);
  const { createServer } = await import("node:net");
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  expectEnd(await host.app("start"), 1, /EADDRINUSE/);
  other.close();
  await once(other, "close");
  await host.must("start");
});

test(
  "an etc/env that others can read, or that can't be parsed, fails the start",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t);
    const env = join(host.root, "etc", "env");
    chmodSync(env, 0o644);
    expectEnd(await host.app("start"), 1, /TSUGI_ENV_EXPOSED[\s\S]*chmod 600/);
    chmodSync(env, 0o600);
    appendFileSync(env, "what is this\n");
    expectEnd(await host.app("start"), 1, /TSUGI_SETTINGS_INVALID[\s\S]*line 2/);
    writeFileSync(env, "");
    writeFileSync(join(host.root, "etc", "config.json"), '{ "timeouts": { "stopMs": "soon" } }');
    expectEnd(await host.app("start"), 1, /timeouts\.stopMs[\s\S]*soon/);
  },
);

test("a first start verifies what tar has put there", QUICK, async (t) => {
  const { host } = await wall.host(t);
  appendFileSync(join(host.root, "lib", "wall-0.0.1", "server.js"), "\n");
  expectEnd(await host.app("start"), 1, /TSUGI_RELEASE_DAMAGED[\s\S]*server\.js/);
  assert.ok(!existsSync(join(host.root, "releases", "permanent")));
});

test("a root without a whole release says so", QUICK, async (t) => {
  const { host } = await wall.host(t);
  rmSync(join(host.root, "lib"), { recursive: true });
  expectEnd(await host.app("ping"), 1, /no whole release/);
});

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

test("systemd prints a unit for this root", QUICK, async (t) => {
  const { host } = await wall.host(t);
  const { value } = await json(host, "systemd");
  for (const line of [
    `ExecStart=${host.bin} foreground`,
    "Type=notify",
    "NotifyAccess=all",
    "KillMode=mixed",
    "Restart=on-failure",
  ]) {
    assert.ok(value.unit.split("\n").includes(line), line);
  }
  assert.equal((await host.must("systemd")).stdout, value.unit);
});
