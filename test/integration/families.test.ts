/** What an application starts is known, and ended with the worker that has started it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { UpgradeReport } from "../../src/protocol/report.ts";
import type { Host } from "../helpers/host.ts";
import { buildWall, eventually, isRunning } from "../helpers/wall.ts";

/** Ignores SIGTERM where etc/env says so, and starts what the test asks for. */
const extra = `
import { spawn } from "node:child_process";
process.on("SIGTERM", () => { if (!process.env.STUBBORN) process.exit(0) });
globalThis.begin = (script, options = {}) => spawn("sh", ["-c", script], { stdio: "ignore", ...options }).pid;
`;
const config = { timeouts: { stopMs: 1_000, drainMs: 100, probationMs: 100, readyMs: 10_000 } };
const wall = await buildWall({ "0.0.1": { extra, config } });
after(() => wall.dispose());
const QUICK = { timeout: 60_000 };

async function start(t: TestContext, env: Record<string, string> = {}) {
  const { host, get } = await wall.host(t, "0.0.1", { env, config });
  await host.must("start");
  const begin = async (script: string, options = "{}") => {
    const { stdout } = await host.must("rpc", `begin(${JSON.stringify(script)}, ${options})`);
    const pid = Number(stdout);
    t.after(() => isRunning(pid) && process.kill(pid, "SIGKILL"));
    return pid;
  };
  return { host, get, begin };
}

const reload = async (host: Host) =>
  JSON.parse((await host.must("reload", "--wait", "--json")).stdout) as UpgradeReport;

test("a reload ends what the old worker has started, and reports it", QUICK, async (t) => {
  const { host, begin } = await start(t, { STUBBORN: "1" });
  const meek = await begin("exec sleep 987");
  const stubborn = await begin("trap '' TERM; while :; do sleep 1; done");
  const lost = await begin("(setsid sleep 986 &) ; exec sleep 985", "{ detached: true }");
  const bare = await begin("exec sleep 984", "{ env: {} }");
  const report = await reload(host);
  assert.equal(report.result, "committed");
  for (const pid of [meek, stubborn, lost, bare]) assert.ok(!isRunning(pid), `${pid}`);
  const ended = (report.ended ?? []).join("\n");
  assert.match(ended, new RegExp(`sleep \\(pid ${meek}\\) of main\\.0$`, "m"));
  assert.match(ended, new RegExp(`sh \\(pid ${stubborn}\\) of main\\.0, killed$`, "m"));
  assert.match(ended, /^main\.0 \(pid \d+\), killed$/m);
  assert.equal(ended.match(/sleep/g)!.length >= 4, true, ended);
  assert.deepEqual(report.leftovers, []);
});

test("a stop ends it too, and says so", QUICK, async (t) => {
  const { host, begin } = await start(t);
  const pid = await begin("exec sleep 987");
  const { output } = await host.must("stop");
  assert.match(output, new RegExp(`Ended with it: sleep \\(pid ${pid}\\) of main\\.0\\n`));
  assert.ok(!isRunning(pid));
});

test(
  "a crash of the worker ends it, and so does a start after a killed supervisor",
  QUICK,
  async (t) => {
    const { host, get, begin } = await start(t);
    const first = await begin("exec sleep 987");
    await get("/crash").catch(() => {});
    await eventually("it has ended", () => !isRunning(first));
    await eventually("it is restarted", async () => (await host.app("rpc", "1")).status === 0);
    const log = readFileSync(join(host.root, "log", "wall.log"), "utf8");
    assert.match(log, new RegExp(`ended with it: sleep \\(pid ${first}\\)`));
    const second = await begin("exec sleep 986", "{ detached: true }");
    process.kill(Number((await host.must("pid")).stdout), "SIGKILL");
    const { output } = await host.must("start");
    assert.match(
      output,
      new RegExp(`Ending what its workers have started: sleep \\(pid ${second}\\)`),
    );
    assert.ok(!isRunning(second));
  },
);

test("what says that it lives on is left alone", QUICK, async (t) => {
  const { host, begin } = await start(t);
  const options = '{ detached: true, env: { ...process.env, TSUGI_LIVES_ON: "1" } }';
  const pid = await begin("exec sleep 987", options);
  const report = await reload(host);
  assert.equal(report.ended, undefined);
  await host.must("stop");
  assert.ok(isRunning(pid));
});

test("an application that upgrades itself does not end its own bin/<app>", QUICK, async (t) => {
  const { host, begin } = await start(t);
  const before = (await host.must("status", "--json")).stdout;
  await begin(`'${host.bin}' reload; echo "exit $?" > '${host.root}/var/reloaded'`);
  const read = () => {
    try {
      return readFileSync(join(host.root, "var", "reloaded"), "utf8");
    } catch {
      return undefined;
    }
  };
  await eventually(
    "it is reloaded",
    async () => (await host.app("status", "--json")).stdout !== before,
  );
  // The shell is a child like any other; the control program is not.
  assert.match(read() ?? "exit 0\n", /^exit 0\n$/);
});
