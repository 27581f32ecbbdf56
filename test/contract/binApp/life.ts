/** From start to stop. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { mustRun } from "../../helpers/commands.ts";
import { until } from "../../helpers/installed.ts";
import { isRunning } from "../../helpers/wall.ts";
import { document, ended, failure, installed, started, statuses } from "./ends.ts";
import type { Kind } from "./kinds.ts";

const DEADLINE_MS = 60_000;

export function life(kind: Kind): void {
  test("start returns when it serves, a second one says that it runs, stop when all is gone", async (t) => {
    const host = await installed(t, await kind.one());
    const begun = await document(host, "start", ["start"]);
    assert.deepEqual([begun.name, begun.version], ["shop", "0.0.1"]);
    assert.equal(await host.get("/version"), "0.0.1");
    assert.equal(await host.pid(), begun.pid);
    ended(await host.app("start"), 1, new RegExp(`TSUGI_ALREADY_RUNNING[\\s\\S]*pid ${begun.pid}`));
    await failure(host, ["start"], 1, "TSUGI_ALREADY_RUNNING");
    await host.get("/add");
    const again = await document(host, "start", ["restart"]);
    assert.notEqual(again.pid, begun.pid);
    assert.equal(await host.get("/count"), "0");
    const stopped = await document(host, "stop", ["stop"]);
    assert.deepEqual([stopped.version, stopped.pid, stopped.killed], ["0.0.1", again.pid, false]);
    assert.ok(stopped.states.includes(kind.state), stopped.states.join());
    assert.ok(!isRunning(begun.pid) && !isRunning(again.pid));
    await assert.rejects(host.get("/version"));
    ended(await host.app("restart"), 0, /was not running[\s\S]*shop 0\.0\.1 is ready, pid \d+ \(/);
    ended(
      await host.app("stop"),
      0,
      /In-memory state goes with it: [\s\S]*shop 0\.0\.1 stopped, pid \d+ \(/,
    );
    const { version } = await document(host, "stopped", ["status"], 3);
    assert.equal(version, "0.0.1");
  });

  test("status and doctor say that what ran was killed, until the next start", async (t) => {
    const host = await started(t, await kind.one());
    const pid = await host.pid();
    // First the keeper of a BEAM release, which would start it again.
    for (const file of ["keeper", "pid"].map((name) => join(host.root, "run", name))) {
      if (existsSync(file)) process.kill(Number(readFileSync(file, "utf8")), "SIGKILL");
    }
    await until("it is gone", async () => (await host.app("ping")).status === 3, DEADLINE_MS);
    const died = `0\\.0\\.1 ended, TSUGI_SUPERVISOR_DIED:\\s+The supervisor \\(pid ${pid}\\)`;
    ended(await host.app("status"), 3, new RegExp(died));
    const { lastEnd } = await document(host, "stopped", ["status"], 3);
    assert.deepEqual([lastEnd.code, lastEnd.at], ["TSUGI_SUPERVISOR_DIED", null]);
    ended(await host.app("doctor"), 4, new RegExp(`${died}[\\s\\S]*→ \\S+bin/shop start$`, "m"));
    await host.must("start");
    await host.must("stop");
    assert.ok(!("lastEnd" in (await document(host, "stopped", ["status"], 3))));
  });

  test("a key of etc/config.json that is not known is told, with the one that was meant, and is no stop", async (t) => {
    const host = await installed(t, await kind.one());
    const health = { intervalMs: 50 };
    const config = {
      timeout: { freezeMs: 5000 },
      keepRelease: 3,
      timeouts: { freezMs: 1 },
      health,
    };
    const file = join(host.root, "etc", "config.json");
    writeFileSync(file, JSON.stringify({ ...config, ofAnotherVersion: true }));
    const words = [
      "timeout is not known; did you mean timeouts?",
      "keepRelease is not known; did you mean keepReleases?",
      "timeouts.freezMs is not known; did you mean freezeMs?",
      "ofAnotherVersion is not known",
    ];
    for (const verb of ["start", "reload", "restart"]) {
      const { stderr } = await host.must(verb);
      for (const text of words) assert.equal(stderr.split(`${file}: ${text}`).length, 2, stderr);
    }
    const { stdout } = ended(await host.app("doctor"), 4);
    const told = stdout.replace(/\s+/g, " ");
    for (const text of words) {
      assert.ok(told.includes(text), stdout);
      assert.ok(host.log().includes(text), host.log());
    }
    writeFileSync(file, JSON.stringify({ timeouts: { freezeMs: 5000 }, health }));
    assert.doesNotMatch((await host.must("reload")).stderr, /is not known/);
  });

  test("restart refuses what a start would refuse, while the old one still serves", async (t) => {
    const host = await started(t, await kind.one());
    const pid = await host.pid();
    const etc = join(host.root, "etc");
    for (const [path, open, closed, words] of [
      [etc, 0o777, 0o755, /TSUGI_ROOT_EXPOSED[\s\S]*chmod go-w/],
      [join(etc, "env"), 0o644, 0o600, /TSUGI_ENV_EXPOSED[\s\S]*chmod 600/],
    ] as const) {
      chmodSync(path, open);
      const { status, output } = await host.app("restart");
      assert.equal(status, 4, output);
      assert.match(output, words);
      assert.equal(await host.pid(), pid, output);
      assert.equal(await host.get("/version"), "0.0.1");
      chmodSync(path, closed);
    }
    await host.must("restart");
    assert.notEqual(await host.pid(), pid);
  });

  test("of three starts at once one starts it and the others say that it runs", async (t) => {
    const host = await installed(t, await kind.one());
    const results = await Promise.all([host.app("start"), host.app("start"), host.app("start")]);
    const codes = results.map(({ status }) => status).sort();
    assert.deepEqual(codes, [0, 1, 1], results.map(({ output }) => output).join("\n"));
    assert.equal(await host.get("/version"), "0.0.1");
  });

  test("processes that write and start at once take turns", async (t) => {
    const host = await installed(t, await kind.one());
    const two = await kind.two();
    const results = await Promise.all([
      host.app("unpack", two.tarball),
      host.app("start"),
      host.app("unpack", two.tarball),
    ]);
    for (const result of results) ended(result, 0);
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  });

  test("logs shows the last lines and follows through a rotation", async (t) => {
    const host = await started(t, await kind.one());
    await host.must("rpc", kind.expressions.log);
    const log = join(host.root, "log", "shop.log");
    await until(
      "it is written",
      () => readFileSync(log, "utf8").includes("said aloud"),
      DEADLINE_MS,
    );
    assert.match((await host.must("logs")).stdout, /said aloud/);
    const lastLine = (await host.must("logs", "-n", "1")).stdout;
    assert.equal(lastLine.split("\n").length, 2, lastLine);
    const follower = spawn(host.bin, ["logs", "-f", "-n", "1"], { env: host.env });
    t.after(() => follower.kill("SIGKILL"));
    let followed = "";
    follower.stdout.setEncoding("utf8").on("data", (text: string) => {
      followed += text;
    });
    await until("it begins", () => followed !== "", DEADLINE_MS);
    appendFileSync(log, "before the rotation\n");
    await until("it goes on", () => followed.includes("before the rotation"), DEADLINE_MS);
    renameSync(log, `${log}.1`);
    writeFileSync(log, "after the rotation\n");
    await until("it follows", () => followed.includes("after the rotation"), DEADLINE_MS);
  });

  test("foreground logs to stdout only, and ends with 0 at SIGTERM", async (t) => {
    const host = await installed(t, await kind.one());
    const child = spawn(host.bin, ["foreground"], { cwd: host.root, env: host.env });
    t.after(() => child.kill("SIGKILL"));
    const closed = once(child, "close");
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    await until("it is ready", () => /shop 0\.0\.1 is ready, pid \d+/.test(output), DEADLINE_MS);
    assert.equal(await host.get("/version"), "0.0.1");
    await host.must("rpc", kind.expressions.log);
    await until("it logs", () => output.includes("said aloud"), DEADLINE_MS);
    assert.ok(!existsSync(join(host.root, "log", "shop.log")));
    await failure(host, ["start"], 1, "TSUGI_ALREADY_RUNNING");
    const pid = await host.pid();
    child.kill("SIGTERM");
    assert.deepEqual(await closed, [0, null]);
    assert.ok(!isRunning(pid));
    ended(await host.app("ping"), 3);
  });

  test("one that hangs is killed by stop", async (t) => {
    const config = { timeouts: { stopMs: 200 } };
    const host = await started(t, await kind.one(), { config });
    const pid = await host.pid();
    process.kill(pid, "SIGSTOP");
    const stopped = await document(host, "stop", ["stop"]);
    assert.equal(stopped.killed, true);
    assert.ok(!isRunning(pid));
    await host.must("start");
  });

  test("one that can't boot fails the start with its reason, and nothing stays", async (t) => {
    const host = await installed(t, await kind.broken());
    const { error } = await failure(host, ["start"], 1, "TSUGI_START_FAILED");
    assert.match(error.message, /no table called admirals/);
    ended(await host.app("status"), 3);
    assert.match((await host.must("logs")).stdout, /no table called admirals/);
    const taken = createServer().listen(host.port, "127.0.0.1");
    await once(taken, "listening");
    taken.close();
  });

  test("a port that is taken is refused by the start", async (t) => {
    const host = await installed(t, await kind.one());
    const other = createServer().listen(host.port, "127.0.0.1");
    await once(other, "listening");
    ended(await host.app("start"), 1, /eaddrinuse/i);
    other.close();
    await once(other, "close");
    await host.must("start");
  });

  test("an etc/ that others can read, or that can't be read, is refused by the start", async (t) => {
    const host = await installed(t, await kind.one());
    const env = join(host.root, "etc", "env");
    const config = join(host.root, "etc", "config.json");
    chmodSync(env, 0o644);
    ended(await host.app("start"), 4, /TSUGI_ENV_EXPOSED[\s\S]*chmod 600/);
    chmodSync(env, 0o600);
    appendFileSync(env, "what is this\n");
    ended(await host.app("start"), 4, /TSUGI_SETTINGS_INVALID[\s\S]*etc\/env[\s\S]*line 3/);
    for (const [line, problem] of [
      ["KEY=s3cr3t\0x\n", /KEY has a NUL/],
      [Buffer.from("KEY=s3cr3t\xe9\n", "latin1"), /KEY is not UTF-8/],
      ["TSUGI_ROOT=s3cr3t\n", /TSUGI_ROOT is set by/],
      [`KEY=${"s3cr3t".repeat(25_000)}\n`, /KEY is too long/],
    ] as const) {
      host.setEnv({});
      appendFileSync(env, line);
      const refused = await host.app("start");
      ended(refused, 4, /TSUGI_SETTINGS_INVALID[\s\S]*etc\/env, line 3/);
      assert.match(refused.output, problem);
      assert.doesNotMatch(refused.output, /s3cr3t/);
    }
    host.setEnv({});
    writeFileSync(config, '{ "timeouts": { "stopMs": "soon" } }');
    ended(
      await host.app("start"),
      4,
      /timeouts\.stopMs[\s\S]*expected a positive whole number, found "soon"/,
    );
    writeFileSync(config, "{");
    ended(await host.app("start"), 4, /TSUGI_SETTINGS_INVALID[\s\S]*not JSON/);
  });

  test("a first start verifies what tar has put there; a root without a whole release says so", async (t) => {
    const host = await installed(t, await kind.one());
    const lib = join(host.root, "lib", "shop-0.0.1");
    const files = readdirSync(lib, { recursive: true, withFileTypes: true });
    const file = files.find((entry) => entry.isFile())!;
    appendFileSync(join(file.parentPath, file.name), "\n");
    ended(await host.app("start"), 1, new RegExp(`TSUGI_RELEASE_DAMAGED[\\s\\S]*${file.name}`));
    rmSync(join(host.root, "lib"), { recursive: true });
    ended(await host.app("ping"), 1, /no whole release/);
  });

  test("a stale pid is seen through; torn registries are mended by the next start", async (t) => {
    const host = await installed(t, await kind.one());
    await host.must("start");
    await host.must("unpack", (await kind.two()).tarball);
    await host.must("stop");
    writeFileSync(join(host.root, "run", "pid"), `${process.pid}\n`);
    ended(await host.app("ping"), 3);
    ended(await host.app("stop"), 3);
    assert.ok(isRunning(process.pid));
    writeFileSync(join(host.root, "releases", "RELEASES.json"), '{"format":1,"rele');
    assert.equal((await document(host, "start", ["start"])).version, "0.0.1");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent", "0.0.2": "unpacked" });
  });

  test("bin/<app> works through links, from any folder, in a long and odd path", async (t) => {
    const host = await installed(t, await kind.one());
    const odd = join(host.root, "..", `a#1,100%20=${"a".repeat(120)}`);
    renameSync(host.root, odd);
    symlinkSync("bin/shop", join(odd, "link"));
    const at = (program: string, ...args: string[]) =>
      mustRun(program, args, { cwd: "/", env: host.env });
    try {
      await at(join(odd, "link"), "start");
      await at("sh", join(odd, "link"), "ping");
      await at(join(odd, "bin", "shop"), "stop");
    } finally {
      await at(join(odd, "bin", "shop"), "stop").catch(() => {});
      renameSync(odd, host.root);
    }
  });
}
