/** What systemd is told, seen by a receiver of its notifications; no systemd is needed for it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { runCommand } from "../helpers/commands.ts";
import { findProgram, needPrograms } from "../helpers/debian.ts";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-systemd-"));
const socket = join(workshop, "notify");
let receiver: ChildProcess;
let notified = "";
let one: BuiltRelease;
let other: BuiltRelease;

before(async () => {
  await needPrograms("socat", "systemd-notify");
  one = await buildVariant(join(workshop, "one"), { fixture: "counter-1.0.0" });
  other = await buildVariant(join(workshop, "other"), {
    fixture: "counter-1.1.0",
    node: "22.23.0",
  });
  receiver = spawn(findProgram("socat")!, ["-u", `UNIX-RECV:${socket}`, "-"]);
  receiver.stdout!.setEncoding("utf8").on("data", (text: string) => {
    notified += text;
  });
});
after(() => {
  receiver.kill();
  rmSync(workshop, { recursive: true, force: true });
});

const ROOTS = ["plain", "with a space", "100%b", 'a "quote"', "$HOME", "it's;x"];
for (const name of ROOTS) {
  test(`systemd finds nothing wrong with the unit of a root named ${name}, and understands it`, {
    skip: findProgram("systemd-analyze") === undefined && "needs systemd-analyze",
  }, async () => {
    const host = await Installed.install(one);
    const root = join(dirname(host.root), name);
    renameSync(host.root, root);
    try {
      const bin = join(root, "bin", "counter");
      const file = join(workshop, "counter.service");
      const printed = await runCommand(bin, ["systemd"], { env: host.host.environment });
      assert.equal(printed.status, 0, printed.output);
      writeFileSync(file, printed.stdout);
      const args = ["verify", "--man=no", "--recursive-errors=no", file];
      const { status, output } = await runCommand(findProgram("systemd-analyze")!, args);
      assert.deepEqual([status, output], [0, ""]);
      // It looks for the program: that it can't be run is how one sees what was understood.
      if (!/["'\\]/.test(name)) {
        chmodSync(bin, 0o644);
        const missing = await runCommand(findProgram("systemd-analyze")!, args);
        assert.ok(missing.output.includes(`${bin} is not executable`), missing.output);
      }
      writeFileSync(file, readFileSync(file, "utf8").replace("KillMode=mixed", "KilMode=mixed"));
      const wrong = await runCommand(findProgram("systemd-analyze")!, args);
      assert.match(wrong.output, /KilMode/);
    } finally {
      renameSync(root, host.root);
      chmodSync(join(host.root, "bin", "counter"), 0o755);
      await host.remove();
    }
  });
}

test("USR1, USR2 and HUP end nobody, neither the launcher nor the supervisor; QUIT is a stop", async () => {
  const host = await Installed.install(one);
  const { bin, environment } = host.host;
  const launcher = spawn(bin, ["foreground"], {
    env: { ...environment, NOTIFY_SOCKET: socket, WATCHDOG_USEC: "600000" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let logged = "";
  for (const stream of [launcher.stdout, launcher.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      logged += text;
    });
  }
  const ended = new Promise<number | null>((resolve) => launcher.once("exit", resolve));
  try {
    await until("it is ready", () => logged.includes("is ready, pid"));
    const pid = host.supervisorPid;
    for (const signal of ["SIGUSR1", "SIGUSR2", "SIGHUP"] as const) {
      for (const to of [pid, launcher.pid!]) process.kill(to, signal);
    }
    // Two of one kind at once may be one.
    for (const signal of ["SIGUSR1", "SIGUSR2"]) {
      await until(`${signal} is told`, () => logged.includes(`${signal} means nothing here`));
    }
    assert.doesNotMatch(logged, /[Dd]ebugger/);
    assert.equal(host.supervisorPid, pid);
    assert.equal((await host.get<{ sum: number }>("/")).sum, 0);
    notified = "";
    await until("the watchdog hears of it, twice", () => notified.split("WATCHDOG=1").length > 2);
  } finally {
    launcher.kill("SIGQUIT");
    assert.equal(await ended, 0);
    await host.remove();
  }
});

test("foreground says READY, stays the main process through a replace, and says STOPPING", async () => {
  notified = "";
  const host = await Installed.install(one);
  const { bin, environment } = host.host;
  const launcher = spawn(bin, ["foreground"], {
    env: { ...environment, NOTIFY_SOCKET: socket },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let logged = "";
  launcher.stdout.setEncoding("utf8").on("data", (text: string) => {
    logged += text;
  });
  const ended = new Promise<number | null>((resolve) => launcher.once("exit", resolve));
  try {
    await until("READY=1", () => notified.includes("READY=1"));
    await host.post("/increment");
    notified = "";
    const first = host.supervisorPid;
    host.drop(other);
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.strategy, "replace");
    assert.notEqual(host.supervisorPid, first);
    await until("the successor's READY=1", () => notified.includes("READY=1"));
    assert.doesNotMatch(notified, /MAINPID/);
    assert.equal(launcher.exitCode, null, "the launcher is the main process still");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 1);

    launcher.kill("SIGTERM");
    assert.equal(await ended, 0);
    assert.match(notified, /STOPPING=1/);
    assert.match(logged, /counter 1\.1\.0 has taken over/);
    assert.equal((await host.host.app("ping")).status, 3);
  } finally {
    launcher.kill("SIGKILL");
    await host.remove();
  }
});

/** Under LISTEN_FDS a service takes its socket from systemd; elsewhere it binds one itself. */
const bySocket = (source: string) =>
  source.replace(
    'server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1", ',
    "if (Number(process.env.LISTEN_PID) !== process.pid) throw new Error('not for us');\n" +
      "server.listen({ fd: Number(process.env.FD ?? 3) }, ",
  );

test("listen({ fd }) takes the socket that systemd has opened, through a replace too", async () => {
  const edit = { "src/server.ts": bySocket };
  const first = await buildVariant(join(workshop, "fd-1"), { fixture: "counter-1.0.0", edit });
  const second = await buildVariant(join(workshop, "fd-2"), {
    fixture: "counter-1.1.0",
    node: "22.23.0",
    edit,
  });
  const host = await Installed.install(first);
  const { bin, environment } = host.host;
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(host.port, "127.0.0.1", resolve));
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const launcher = spawn("sh", ["-c", 'export LISTEN_PID=$$; exec "$0" foreground', bin], {
    env: { ...environment, LISTEN_FDS: "1" },
    stdio: ["ignore", "ignore", "inherit", fd],
  });
  const ended = new Promise<number | null>((resolve) => launcher.once("exit", resolve));
  try {
    await until("a ping", async () => (await host.host.app("ping")).status === 0);
    // From here on nobody but the service accepts.
    await new Promise((resolve) => server.close(resolve));
    await host.post("/increment");
    host.drop(second);
    const { status, report } = await host.report("upgrade", "1.1.0");
    assert.equal(status, 0, JSON.stringify(report));
    assert.equal(report.strategy, "replace");
    assert.equal((await host.get<{ sum: number }>("/")).sum, 1);
    launcher.kill("SIGTERM");
    assert.equal(await ended, 0);
  } finally {
    launcher.kill("SIGKILL");
    await host.remove();
  }
});

test("listen({ fd }) of a descriptor that was not passed is refused: it may be tsugi's own", async () => {
  const built = await buildVariant(join(workshop, "fd-bad"), {
    fixture: "counter-1.0.0",
    edit: { "src/server.ts": (text) => bySocket(text).replace(/^if .*$/m, "") },
  });
  const host = await Installed.install(built);
  try {
    const { status, output } = await host.host.app("start");
    assert.equal(status, 1);
    assert.match(output, /EBADF/);
  } finally {
    await host.remove();
  }
});
