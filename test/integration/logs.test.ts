/** What an application prints is in its log, or counted as lost, whatever happens to either of them. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import type { Host } from "../helpers/host.ts";
import { LOG_TROUBLE, logTroubles, type Trouble } from "../helpers/soakMix/logTrouble.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const count = 20_000;
const print = (what: string) => `for (let i = 0; i < ${count}; i++) console.log("${what} " + i)`;
const farewell = `
import { writeFileSync } from "node:fs";
process.on("exit", () => writeFileSync(process.env.TSUGI_DATA_DIR + "/ended", String(Date.now())));
process.on("SIGTERM", () => { if (process.env.FAREWELL) { ${print("bye")} } process.exit(0) });`;
const appup = { before: [["node", "-e", `${print("step")}; process.exit(0)`]] };

const wall = await buildWall({
  "0.0.1": { extra: farewell },
  "0.0.2": { extra: farewell, config: { appup, timeouts: { probationMs: 100 } } },
});
after(() => wall.dispose());

const QUICK = { timeout: 60_000 };
const asRoot = process.getuid?.() === 0;

const logOf = (host: Host) => join(host.root, "log", "wall.log");
const linesOf = (host: Host) => readFileSync(logOf(host), "utf8").trimEnd().split("\n");
const withText = (host: Host, text: RegExp) => linesOf(host).filter((line) => text.test(line));

async function status(host: Host) {
  return JSON.parse((await host.must("status", "--json")).stdout) as {
    logDropped: number;
    logProblem?: string;
    processes: { slots: { pid: number }[] }[];
  };
}

/** Starts `foreground` with its stdout where the test wants it; ended after the test. */
function foreground(t: TestContext, host: Host, stdout: number | "pipe") {
  const child = spawn(host.bin, ["foreground"], {
    env: host.environment,
    stdio: ["ignore", stdout, "ignore"],
  });
  const ended = once(child, "exit");
  t.after(async () => {
    child.kill("SIGTERM");
    await ended;
  });
  return { child, ended };
}

const answers = async (host: Host) => (await host.app("ping")).status === 0;

function secondsOfCpu(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

test(
  "what is printed right before process.exit, in a signal handler or before a crash is in the log",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1", { env: { FAREWELL: "1" } });
    await host.must("start");
    await host.app("rpc", `setTimeout(() => { ${print("line")}; process.exit(3) }, 0), "soon"`);
    await eventually("it has ended", () => withText(host, /exited with code 3/).length === 1);
    assert.equal(withText(host, / line \d+$/).length, count);
    await eventually("it is restarted", () => withText(host, /listening/).length === 2);
    await host.app(
      "rpc",
      `setTimeout(() => { console.error("x".repeat(900_000)); throw new Error("the end") }, 0), "soon"`,
    );
    await eventually("it has crashed", () => withText(host, /exited with code 1/).length === 1);
    assert.equal(withText(host, / x{900000}$/).length, 1);
    assert.ok(withText(host, /Error: the end/).length > 0);
    await eventually("it is restarted", () => withText(host, /listening/).length === 3);
    await host.must("stop");
    assert.equal(withText(host, / bye \d+$/).length, count);
  },
);

test("what an appup's command prints before its end is in the log", QUICK, async (t) => {
  const { host } = await wall.host(t, "0.0.1");
  await host.must("start");
  await host.must("upgrade", wall.tarball("0.0.2"));
  assert.equal(withText(host, / step \d+$/).length, count);
});

test(
  "a supervisor that does not read keeps no application waiting; what is lost is counted",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1");
    await host.must("start");
    const supervisor = Number((await host.must("pid")).stdout);
    const many = 200_000;
    const text = "x".repeat(100);
    const script = `setTimeout(() => { let i = 0; const more = () => { for (const end = i + 5000; i < end; i++) console.log("many " + i + " ${text}"); if (i < ${many}) setTimeout(more, 5); else globalThis.wall.version = "printed" }; more() }, 500), "soon"`;
    await host.must("rpc", script);
    process.kill(supervisor, "SIGSTOP");
    try {
      await eventually("it goes on", async () => (await get()).version === "printed", 30_000);
    } finally {
      process.kill(supervisor, "SIGCONT");
    }
    const last = await eventually(
      "all is accounted for",
      async () => {
        const { logDropped } = await status(host);
        const found = withText(host, / many \d+ x{100}$/).length;
        return found + logDropped >= many ? { found, logDropped } : undefined;
      },
      30_000,
    );
    assert.equal(last.found + last.logDropped, many);
    const told = withText(host, /log lines? (is|are) missing here/).map((line) =>
      Number(/ (\d+) log line/.exec(line)![1]),
    );
    assert.equal(
      told.reduce((sum, one) => sum + one, 0),
      last.logDropped,
    );
  },
);

for (const follow of [[], ["-f"]]) {
  test(
    `logs ${follow.join("")} into a reader that has read enough (| head) ends, and with 0`,
    QUICK,
    async (t) => {
      const { host } = await wall.host(t, "0.0.1");
      await host.must("start");
      await host.must("rpc", `${print("line")}, 1`);
      const child = spawn(host.bin, ["logs", "-n", "100000", ...follow], { env: host.environment });
      let errors = "";
      child.stderr.on("data", (chunk) => {
        errors += chunk;
      });
      child.stdout.once("data", () => child.stdout.destroy());
      const ended = await once(child, "exit");
      assert.deepEqual([ended, errors], [[0, null], ""]);
    },
  );
}

test("/dev/stdout can be opened, as in a container", QUICK, async (t) => {
  const { host } = await wall.host(t, "0.0.1");
  await host.must("start");
  await host.must(
    "rpc",
    `require("node:fs").appendFileSync("/dev/stdout", "through the device\\n")`,
  );
  await eventually("it is there", () => withText(host, /through the device$/).length === 1);
});

test(
  "rotated by somebody else, by HUP or without it, every line is in one of the files",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    await host.must("start");
    await host.must("rpc", `console.log("first")`);
    await eventually("it is written", () => withText(host, /first$/).length === 1);
    renameSync(logOf(host), `${logOf(host)}.old`);
    process.kill(Number((await host.must("pid")).stdout), "SIGHUP");
    await host.must("rpc", `console.log("second")`);
    await eventually(
      "it goes on",
      () => existsSync(logOf(host)) && withText(host, /second$/).length === 1,
    );
    rmSync(join(host.root, "log"), { recursive: true });
    await host.must("rpc", `console.log("third")`);
    await eventually(
      "it is there again",
      () => existsSync(logOf(host)) && withText(host, /third$/).length === 1,
    );
    assert.equal((await status(host)).logDropped, 0);
  },
);

test("logs.format: json makes every line of the log one object", QUICK, async (t) => {
  const { host } = await wall.host(t, "0.0.1", { config: { logs: { format: "json" } } });
  await host.must("start");
  await host.must("rpc", `console.log(JSON.stringify({ level: 30, msg: "x".repeat(300_000) }))`);
  await eventually("it is written", () => withText(host, /"level":30/).length === 1);
  const lines = linesOf(host).map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(lines.every(({ time, version, pid }) => time && version && pid));
  assert.equal((lines.find(({ level }) => level === 30)!.msg as string).length, 300_000);
});

const disk = asRoot ? QUICK : { skip: "only root can mount a small file system" };
for (const [what, spoil] of [
  [
    "full",
    (log: string) =>
      execFileSync("sh", ["-c", `cat /dev/zero > "${log}/filler" 2>/dev/null || true`]),
  ],
  [
    "read-only",
    (log: string) => execFileSync("mount", ["-o", "remount,ro", log], { stdio: "ignore" }),
  ],
] as const) {
  test(
    `with a log that is ${what} it serves, says so, restarts and stops in time`,
    disk,
    async (t) => {
      const config = { notify: { command: "cat >var/told" } };
      const { host, get } = await wall.host(t, "0.0.1", { config });
      const log = join(host.root, "log");
      mkdirSync(log);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", log]);
      t.after(() => execFileSync("umount", ["-l", log]));
      // Read-only is what a file system becomes while the log is open elsewhere.
      if (what === "full") await host.must("start");
      spoil(log);
      if (what === "read-only") await host.must("start");
      await host.must("rpc", `${print("line")}, 1`);
      await eventually("it is noticed", async () => (await status(host)).logProblem);
      assert.equal((await get()).version, "0.0.1");
      assert.match((await host.must("status")).stdout, /The log can't be written: E(NOSPC|ROFS)/);
      const told = join(host.root, "var", "told");
      const isTold = () => existsSync(told) && readFileSync(told, "utf8").includes('"disk-full"');
      if (what === "full") await eventually("somebody is told", isTold);
      else assert.ok(!existsSync(told));
      for (const verb of ["restart", "stop"]) {
        const began = performance.now();
        const { output } = await host.must(verb);
        assert.ok(performance.now() - began < 10_000, output);
        assert.match(output, /\d+ log lines? lost/);
        assert.doesNotMatch(output, /was killed/);
      }
    },
  );
}

test(
  "foreground into a full disk: no processor is kept busy, and it answers and stops",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    const full = openSync("/dev/full", "w");
    const { child, ended } = foreground(t, host, full);
    closeSync(full);
    await eventually("it is ready", () => answers(host), 30_000);
    await host.must("rpc", print("line"));
    const pid = Number((await host.must("pid")).stdout);
    const [cpu, at] = [secondsOfCpu(pid), performance.now()];
    for (let number = 0; number < 5; number += 1) assert.ok(await answers(host));
    const { logProblem } = await status(host);
    assert.match(logProblem ?? "", /ENOSPC/);
    const seconds = (performance.now() - at) / 1000;
    assert.ok(secondsOfCpu(pid) - cpu < Math.max(0.3, seconds * 0.15));
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  },
);

test(
  "foreground into a reader that has gone: each line is counted, and it serves and stops",
  QUICK,
  async (t) => {
    const { host, get } = await wall.host(t, "0.0.1");
    const { child, ended } = foreground(t, host, "pipe");
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (chunk) => {
      said += chunk;
    });
    await eventually("it is ready", () => /is ready/.test(said), 30_000);
    child.stdout!.destroy();
    await host.must("rpc", print("line"));
    await eventually("they are counted", async () => (await status(host)).logDropped >= count);
    assert.equal((await status(host)).logDropped, count);
    assert.equal((await get()).version, "0.0.1");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
  },
);

test(
  "foreground into a file that others append to, and into a slow reader, is whole",
  QUICK,
  async (t) => {
    const { host } = await wall.host(t, "0.0.1");
    const path = join(host.root, "out.log");
    writeFileSync(path, "");
    const out = openSync(path, "a");
    const first = foreground(t, host, out);
    closeSync(out);
    await eventually("it is ready", () => answers(host), 30_000);
    await host.must("rpc", print("line"));
    first.child.kill("SIGTERM");
    await first.ended;
    const printed = (text: string) => text.split("\n").filter((line) => / line \d+$/.test(line));
    assert.equal(printed(readFileSync(path, "utf8")).length, count);

    const second = foreground(t, host, "pipe");
    await eventually("it is ready", () => answers(host), 30_000);
    await host.must("rpc", print("line"));
    let text = "";
    second.child.stdout!.setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
    });
    await eventually("all has come", () => printed(text).length === count);
  },
);

test("stop is done within a second of the application's own end, whatever has become of the log", {
  timeout: 180_000,
}, async (t) => {
  const { host } = await wall.host(t, "0.0.1");
  /** How much longer than the application `stop` takes. */
  const lateMs = async (stop: () => Promise<unknown>) => {
    const ended = join(host.root, "var", "ended");
    rmSync(ended, { force: true });
    await host.must("rpc", `${print("line")}, 1`);
    await stop();
    return Date.now() - Number(readFileSync(ended, "utf8"));
  };
  const inTrouble = async ({ spoil, mend }: Pick<Trouble, "spoil" | "mend">) => {
    await host.must("start");
    spoil(logOf(host));
    try {
      return await lateMs(() => host.must("stop"));
    } finally {
      mend(logOf(host));
    }
  };
  const into = async (stdout: number | "pipe") => {
    const { child, ended } = foreground(t, host, stdout);
    await eventually("it is ready", () => answers(host), 30_000);
    child.stdout?.destroy();
    return lateMs(() => {
      child.kill("SIGTERM");
      return ended;
    });
  };
  // The command itself, on a machine that is as busy as it is.
  const usuallyMs = await inTrouble({ spoil: () => {}, mend: () => {} });
  const rotated = (path: string) => renameSync(path, `${path}.1`);
  const found: Record<string, number> = {
    rotated: await inTrouble({ spoil: rotated, mend: () => {} }),
  };
  for (const name of logTroubles()) found[name] = await inTrouble(LOG_TROUBLE[name]!);
  found["a reader that has gone"] = await into("pipe");
  const full = openSync("/dev/full", "w");
  found["foreground into a full disk"] = await into(full);
  closeSync(full);
  t.diagnostic(`${JSON.stringify(found)}, usually ${usuallyMs} ms`);
  for (const [name, ms] of Object.entries(found))
    assert.ok(ms < 1_000 + 2 * usuallyMs, `${name}: ${ms} ms, usually ${usuallyMs}`);
});
