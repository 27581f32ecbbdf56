/** What people do to a service at three in the morning, and what does it to them. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { Agent, get, type IncomingMessage } from "node:http";
import { createConnection } from "node:net";
import { join } from "node:path";
import { json, text } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import type { FleetStatus } from "../../src/cli/documents.ts";
import type { Status } from "../../src/protocol/report.ts";
import { assertDocument } from "../contract/binApp/documents.ts";
import { runCommand } from "../helpers/commands.ts";
import { tsugiCli } from "../helpers/example.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const quick = { timeouts: { probationMs: 100, stopMs: 3_000, readyMs: 10_000 } };
const wall = await buildWall({
  "0.0.1": { config: quick },
  "0.0.2": { config: quick },
  "0.0.3": { config: quick, extra: 'throw new Error("0.0.3 was never any good");' },
  "0.0.4": {
    config: quick,
    extra: "if (process.env.SLOW) await new Promise((go) => setTimeout(go, 60_000));",
  },
  "0.0.5": {
    extra: `const { end } = http.ServerResponse.prototype;
      http.ServerResponse.prototype.end = function (...parts) {
        if (this.req?.url !== "/held") return end.apply(this, parts);
        globalThis.answer = () => void end.apply(this, parts);
      };`,
  },
});
after(() => wall.dispose());
const QUICK = { timeout: 60_000 };

const logOf = (host: Host) => readFileSync(join(host.root, "log", "wall.log"), "utf8");

test(
  "a long answer of rpc is cut in the worker, says so, and --max-bytes has more",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    await host.must("start");
    const { stdout, stderr } = await host.must("rpc", '"ü".repeat(1e7)');
    assert.equal(stdout, `${"ü".repeat(524_288)}\n`);
    assert.match(stderr, /^Cut at 1\.0 MB of 19\.1 MB: --max-bytes\n$/);
    const more = await host.must("rpc", "--max-bytes", "30000000", "'x'.repeat(2e7)", "--json");
    assert.equal((JSON.parse(more.stdout) as { value: string }).value.length, 2e7);
    const huge = await host.must("rpc", "'x'.repeat(5e8)", "--json");
    assert.equal((JSON.parse(huge.stdout) as { totalBytes: number }).totalBytes, 5e8);
  },
);

test(
  "a FIFO in the drop box is refused, however often, and the supervisor stays well",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    await host.must("start");
    const box = join(host.root, "releases", "0.0.2");
    mkdirSync(box);
    execFileSync("mkfifo", [join(box, "wall.tar.gz")]);
    for (let number = 0; number < 6; number += 1) {
      const { status, output } = await host.app("upgrade", "0.0.2");
      assert.equal(status, 4, output);
      assert.match(output, /TSUGI_UNPACK_REFUSED[\s\S]*it is no file/);
    }
    await host.must("ping");
    await host.must("stop");
  },
);

test(
  "clients that ask nothing are let go; one that finds nobody is told no kill -9",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    await host.must("start");
    const path = join(host.root, "run", "control.sock");
    const closed = [undefined, '{"format":1,'].map((text) => {
      const socket = createConnection(path);
      if (text) socket.write(text);
      socket.resume();
      return new Promise((resolve) => socket.once("close", resolve));
    });
    await Promise.all(closed);
    rmSync(path);
    const { status, output } = await host.app("ping");
    assert.equal(status, 1, output);
    assert.match(output, /Its end in order is: kill \d+\./);
  },
);

test(
  "while a stop waits for an answer, status and ping say so, and a start waits for its end",
  QUICK,
  async (t) => {
    const patient = { timeouts: { stopMs: 30_000 } };
    const { host, port } = await wall.host(t, "0.0.5", { config: patient });
    await host.must("start");
    const held = fetch(`http://127.0.0.1:${port}/held`);
    await eventually("it has arrived", async () =>
      /function/.test((await host.app("rpc", "typeof answer")).stdout),
    );
    const stop = host.app("stop");
    const said = await eventually("it stops", async () => {
      const status = JSON.parse((await host.app("status", "--json")).stdout) as Status;
      return status.stopping?.until !== undefined && status;
    });
    assertDocument("status", said);
    const { stdout } = await host.must("status");
    assert.match(stdout, /^Stopping since .*: what is under way has until .*Z; nothing new$/m);
    const ping = await host.app("ping");
    assert.equal(ping.status, 3, ping.output);
    assert.match(ping.output, /TSUGI_STOPPING[\s\S]*When it has ended: \S+ start/);
    const start = host.run(host.bin, ["start"], {
      onOutput: (said) => {
        if (/Waiting for pid \d+, which is being stopped/.test(said))
          void host.app("rpc", "answer()");
      },
    });
    assert.equal((await held).status, 200);
    assert.match((await stop).output, /0\.0\.5 stopped, pid/);
    const { status, output } = await start;
    assert.equal(status, 0, output);
    await host.must("ping");
  },
);

test(
  "a reload of what has changed since the one under way began is not told as done by that",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    const etc = (name: string, text: string) =>
      writeFileSync(join(host.root, "etc", name), text, { mode: 0o600 });
    const env = readFileSync(join(host.root, "etc", "env"), "utf8");
    await host.must("start");
    etc(
      "config.json",
      '\uFEFF{ "health": { "healthyAfter": 9 }, "timeouts": { "probationMs": 9000 } }',
    );
    etc("env", `${env}\nWHICH=first\n`);
    const first = host.app("reload");
    await eventually("it has begun", async () => {
      const { upgrade } = JSON.parse((await host.must("status", "--json")).stdout) as Status;
      return upgrade?.step === "probation";
    });
    etc("env", `${env}\nWHICH=second\n`);
    const [{ stderr }] = await Promise.all([host.must("reload"), first]);
    assert.match(stderr, /etc\/ has changed since the reload that is under way began/);
    assert.equal((await first).status, 0);
    assert.equal((await host.must("rpc", "process.env.WHICH")).stdout, "second\n");
  },
);

test("what is no file in etc/ is refused, and nobody waits for a FIFO", QUICK, async (t) => {
  const { host } = await wall.host(t, "0.0.1");
  await host.must("start");
  for (const name of ["env", "config.json", "node.args"]) {
    const path = join(host.root, "etc", name);
    const before = existsSync(path) ? readFileSync(path) : undefined;
    rmSync(path, { force: true });
    execFileSync("mkfifo", ["-m", "600", path]);
    for (const command of ["reload", "restart"]) {
      const { status, output } = await host.app(command);
      assert.equal(status, 4, output);
      assert.match(output, /TSUGI_SETTINGS_INVALID[\s\S]*it is no file/);
    }
    await host.must("status");
    rmSync(path);
    if (before) writeFileSync(path, before, { mode: 0o600 });
  }
});

test("an upgrade, a reload and a refusal have lines in the application's log", QUICK, async (t) => {
  const { host } = await wall.host(t, "0.0.1");
  await host.must("start");
  await host.must("upgrade", wall.tarball("0.0.2"));
  await host.must("reload");
  assert.equal((await host.app("upgrade", wall.tarball("0.0.3"))).status, 4);
  await eventually("all are there", () => {
    const log = logOf(host);
    return [
      /upgrade to 0\.0\.2: begun/,
      /upgrade 0\.0\.1 → 0\.0\.2 by handoff: committed/,
      /reload of 0\.0\.2 by handoff: committed/,
      /upgrade 0\.0\.2 → 0\.0\.3 by handoff: refused: .*never any good/,
    ].every((line) => line.test(log));
  });
});

test(
  "where the permanent release can't start, an older one can: named, started, kept",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1");
    await host.must("start");
    await host.must("upgrade", wall.tarball("0.0.2"));
    await host.must("unpack", wall.tarball("0.0.3"));
    await host.must("stop");
    const bad = await host.app("start", "--version", "0.0.3");
    assert.equal(bad.status, 1, bad.output);
    assert.match(bad.output, /never any good/);
    const read = () => readFileSync(join(host.root, "releases", "permanent"), "utf8");
    assert.match(read(), /^0\.0\.2 /, "what failed is not kept");
    const { output } = await host.must("rollback");
    assert.match(output, /Nothing runs: 0\.0\.1, which was permanent before, is started/);
    assert.equal((await get()).version, "0.0.1");
    assert.match(read(), /^0\.0\.1 /);
    await host.must("stop");
    await host.must("start", "--version", "0.0.2");
    assert.equal((await get()).version, "0.0.2");
    await host.must("stop");
    assert.equal((await host.app("start", "--version", "7.7.7")).status, 4);
    appendFileSync(join(host.root, "etc", "env"), "NODE_OPTIONS=--no-such-option\n");
    const failed = await host.app("start");
    assert.equal(failed.status, 1, failed.output);
    assert.match(failed.output, /0\.0\.1 was permanent before: \S+ start --version 0\.0\.1/);
  },
);

test(
  "where a version gives up after an upgrade, the way back is named, and goes",
  QUICK,
  async (t) => {
    const restarts = { max: 0, withinMs: 60_000 };
    const { host, get } = await wall.host(t, "0.0.1", { config: { restarts } });
    await host.must("start");
    await host.must("upgrade", wall.tarball("0.0.2"));
    await get("/crash").catch(() => {});
    const wayBack = /0\.0\.1 was permanent before: \S+ rollback\b/;
    const ended = await eventually("it has given up", async () => {
      const { status, output } = await host.app("status");
      return status === 3 && /0\.0\.2 ended at .*TSUGI_GAVE_UP/.test(output) ? output : undefined;
    });
    assert.match(ended, wayBack);
    const wide = ended.split("\n").filter((line) => line.length > 80 && !line.includes("/"));
    assert.deepEqual(wide, []);
    const fleet = await fleetStatus(host, "--json");
    const [seen] = (JSON.parse(fleet.stdout) as FleetStatus).hosts;
    assert.deepEqual(
      [fleet.status, seen!.health, seen!.lastEnd?.code],
      [3, "stopped", "TSUGI_GAVE_UP"],
    );
    assert.match((await fleetStatus(host)).output, /^app1: 0\.0\.2 ended at .*TSUGI_GAVE_UP/m);
    const unwell = await host.app("doctor");
    assert.match(unwell.output.replaceAll(/\s+/g, " "), wayBack);
    await host.must("rollback");
    assert.equal((await get()).version, "0.0.1");
    await host.must("stop");
  },
);

/** As somebody asks who deploys to it. */
function fleetStatus(host: Host, ...args: string[]) {
  const hosts = [{ host: "app1", local: true, root: host.root }];
  const config = JSON.stringify({ name: host.name, environments: { production: { hosts } } });
  writeFileSync(join(host.root, "var", "tsugi.config.json"), config);
  const argv = [tsugiCli, "status", "production", ...args];
  const env = { ...process.env, TSUGI_EPHEMERAL: "1" };
  return runCommand(process.execPath, argv, { cwd: join(host.root, "var"), env });
}

/** Over one connection that is kept alive; fails where another one is needed. */
function keptAlive(t: TestContext, port: number): () => Promise<{ pid: number }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  let first: number | undefined;
  return async () => {
    const request = get({ port, host: "127.0.0.1", agent });
    const [response] = (await once(request, "response")) as [IncomingMessage];
    first ??= response.socket.localPort;
    assert.equal(response.socket.localPort, first, "the connection goes on");
    return (await json(response)) as { pid: number };
  };
}

test(
  "a worker beyond maxMemory is replaced, and at the times of reloadAt; no connection ends",
  QUICK,
  async (t) => {
    const { host, port } = await wall.host(t, "0.0.1", { config: { maxMemory: "250M" } });
    await host.must("start");
    const ask = keptAlive(t, port);
    const { pid: leaky } = await ask();
    const other = async (...pids: number[]) => !pids.includes((await ask()).pid);
    await host.must("rpc", "globalThis.leak = Buffer.alloc(3e8, 1), true");
    await eventually("another worker answers", () => other(leaky), 30_000);
    assert.match(logOf(host), /main\.0 pid \d+ takes \d+ MB, more than maxMemory \(250M\): reload/);
    const isDone = () => /reload of 0\.0\.1 by handoff: committed/.test(logOf(host));
    await eventually("it is committed", isDone, 30_000);

    const config = { health: { intervalMs: 50 }, reloadAt: "*/3 * * * * *" };
    writeFileSync(join(host.root, "etc", "config.json"), JSON.stringify(config));
    const { pid: before } = await ask();
    await host.must("reload");
    const { pid: reloaded } = await ask();
    await eventually("it was time", () => other(before, reloaded), 30_000);
    assert.match(logOf(host), /it is time \(reloadAt: \*\/3 \* \* \* \* \*\): reload/);
  },
);

test(
  "who is told to stop before it is ready has not failed: it ends, and nothing else is tried",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.4", { env: { SLOW: "yes" } });
    const begins = () =>
      eventually("a worker is there", () => existsSync(join(host.root, "run", "workers")));
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const container = spawn(host.bin, ["foreground"], { env: host.env });
      const said = text(container.stderr);
      await begins();
      container.kill(signal);
      assert.deepEqual(await once(container, "exit"), [0, null]);
      assert.match(await said, /^wall 0\.0\.4 was told to stop before it was ready\.$/m);
    }
    const started = host.app("start");
    await begins();
    const ping = await host.app("ping");
    assert.equal(ping.status, 3, ping.output);
    assert.match(ping.output, /TSUGI_STARTING[\s\S]*Wait until it is ready: \S+ ping/);
    await host.must("stop");
    const { status, output } = await started;
    assert.equal(status, 3, output);
    assert.match(output, /TSUGI_START_STOPPED[\s\S]*To start it again: \S+ start$/m);
    assert.doesNotMatch(output + logOf(host), /TSUGI_START_FAILED|was permanent before/);
  },
);
