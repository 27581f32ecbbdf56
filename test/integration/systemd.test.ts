/** What systemd is told, seen by a receiver of its notifications; no systemd is needed for it. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
  await needPrograms(["socat", "systemd-notify"], ["socat", "systemd"]);
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

test("systemd finds nothing wrong with the unit", {
  skip: findProgram("systemd-analyze") === undefined && "needs systemd-analyze",
}, async () => {
  const host = await Installed.install(one);
  try {
    const file = join(workshop, "counter.service");
    writeFileSync(file, (await host.host.must("systemd")).stdout);
    const args = ["verify", "--man=no", "--recursive-errors=no", file];
    const { status, output } = await runCommand(findProgram("systemd-analyze")!, args);
    assert.deepEqual([status, output], [0, ""]);
    writeFileSync(file, readFileSync(file, "utf8").replace("KillMode=mixed", "KilMode=mixed"));
    const wrong = await runCommand(findProgram("systemd-analyze")!, args);
    assert.match(wrong.output, /KilMode/);
  } finally {
    await host.remove();
  }
});

test("foreground says READY, stays the main process through a replace, and says STOPPING", async () => {
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
