/** What `tsugi deploy` runs on a host by sh: each of them as a host would see it, also when it is cut off. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { parseFacts } from "../../src/deploy/facts.ts";
import { HeldLock, parseLock } from "../../src/deploy/lock.ts";
import { askFacts } from "../../src/deploy/remote/factsScript.ts";
import { removeLock, takeLock } from "../../src/deploy/remote/lockScripts.ts";
import { finish, install, send, stageEnv, withEnv } from "../../src/deploy/remote/scripts.ts";
import { writeUnit } from "../../src/deploy/remote/unitScripts.ts";
import { type Layout, layoutOf } from "../../src/release/layout.ts";
import { sha256 } from "../../src/release/manifest.ts";
import { LocalTransport } from "../../src/transport/index.ts";
import { until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-scripts-"));
const host = new LocalTransport("here");
let root: string;
let layout: Layout;
let count = 0;

beforeEach(() => {
  count += 1;
  root = join(workshop, `root-${count}`);
  layout = layoutOf(root, "wall");
});
after(() => rmSync(workshop, { recursive: true, force: true }));

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

const read = (path: string) => readFileSync(path, "utf8");

describe("send", () => {
  test("a tarball is under its name only when it is whole", async () => {
    mkdirSync(root);
    const short = await host.run(send(layout, "1.2.0", 10), { stdin: "four" });
    assert.equal(short.exitCode, 1);
    assert.match(short.stderr, /4 of 10 bytes/);
    assert.deepEqual(readdirSync(layout.release("1.2.0").dir), []);
    assert.equal((await host.run(send(layout, "1.2.0", 4), { stdin: "four" })).exitCode, 0);
    assert.equal(read(layout.release("1.2.0").tarball), "four");
  });
});

describe("the first install", () => {
  let tarball: Buffer;
  before(() => {
    const tree = join(workshop, "tree");
    const files = ["runtime/node-1/bin/node", "lib/wall-1/app.mjs", "releases/1/release.json"];
    for (const path of files) write(join(tree, path), path);
    write(join(tree, "bin", "wall"), "#!/bin/sh\n", 0o755);
    const args = ["-C", tree, "-czf", "-", "runtime", "lib", "releases", "bin"];
    tarball = execFileSync("tar", args);
  });
  const run = (bytes: Buffer = tarball) =>
    host.run(install(layout, tarball.length, sha256(tarball)), { stdin: bytes });

  test("an empty folder becomes a root", async () => {
    assert.equal((await run()).exitCode, 0);
    assert.deepEqual(readdirSync(root).sort(), ["bin", "lib", "releases", "runtime"]);
    assert.equal((await run()).exitCode, 0, "the same again changes nothing");
  });

  test("a BEAM release has its erts beside lib/, and it goes along", async () => {
    const tree = join(workshop, "beam");
    for (const path of [
      "erts-14.2/bin/beam.smp",
      "lib/wall-1/ebin/wall.app",
      "releases/1/release.json",
    ])
      write(join(tree, path), path);
    write(join(tree, "bin", "wall"), "#!/bin/sh\n", 0o755);
    const beam = execFileSync("tar", ["-C", tree, "-czf", "-", ...readdirSync(tree)]);
    const { exitCode, stderr } = await host.run(install(layout, beam.length, sha256(beam)), {
      stdin: beam,
    });
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(readdirSync(root).sort(), ["bin", "erts-14.2", "lib", "releases"]);
  });

  test("one that was cut off is done again, wherever that was", async () => {
    assert.equal((await run(tarball.subarray(0, 100))).exitCode, 1);
    assert.deepEqual(readdirSync(root), [], "nothing half-done stays");
    // As if it had been killed between two renames.
    mkdirSync(layout.firstInstall);
    write(join(root, "lib", "wall-0", "half"), "");
    assert.equal((await run()).exitCode, 0);
    assert.deepEqual(readdirSync(join(root, "lib")), ["wall-1"]);
    assert.ok(!existsSync(layout.firstInstall));
  });

  test("another file than was sent is not extracted", async () => {
    const other = Buffer.from(tarball);
    other[other.length - 1]! ^= 1;
    const { exitCode, stderr } = await run(other);
    assert.equal(exitCode, 1);
    assert.match(stderr, /another file arrived than was sent/);
    assert.deepEqual(readdirSync(root), []);
  });

  test("what is of somebody else is not touched", async () => {
    write(join(root, "lib", "theirs"), "precious");
    const { exitCode, stderr } = await run();
    assert.equal(exitCode, 1);
    assert.match(stderr, /is not of a tsugi release/);
    assert.equal(read(join(root, "lib", "theirs")), "precious");
  });
});

describe("etc/env", () => {
  const stage = (text: string) =>
    host.run(stageEnv(layout, Buffer.byteLength(text)), { stdin: text });
  const run = (mode: "trial" | "keep", script: string) =>
    host.run(withEnv(layout, mode, ["sh", "-c", script, "sh", layout.etcEnv, layout.permanent]));

  test("is staged privately, beside the one in force", async () => {
    write(layout.etcEnv, "OLD=1\n", 0o600);
    assert.equal((await stage("NEW=1\n")).stdout, "changed\n");
    assert.equal(read(layout.etcEnv), "OLD=1\n");
    assert.equal(statSync(layout.etcEnvNext).mode & 0o777, 0o600);
    assert.equal((await stage("OLD=1\n")).stdout, "same\n");
    assert.ok(!existsSync(layout.etcEnvNext));
    assert.equal((await stage("OLD=1")).stdout, "changed\n", "a line break counts");
  });

  test("a trial has the new one, and afterwards the old one is back", async () => {
    write(layout.etcEnv, "OLD=1\n", 0o600);
    await stage("NEW=1\n");
    assert.equal((await run("trial", 'cat "$1"')).stdout, "NEW=1\n");
    assert.equal(read(layout.etcEnv), "OLD=1\n");
    assert.equal(statSync(layout.etcEnv).mode & 0o777, 0o600);
    assert.equal((await run("keep", 'cat "$1"; exit 0')).stdout, "NEW=1\n");
    assert.equal(read(layout.etcEnv), "NEW=1\n");
    assert.ok(!existsSync(layout.etcEnvNext));
  });

  test("whoever asks meanwhile learns that it goes on, also when nobody holds the connection any more", async () => {
    write(layout.etcEnv, "OLD=1\n", 0o600);
    await stage("NEW=1\n");
    const isBusy = async () => parseFacts((await host.run(askFacts(layout))).stdout).isBusy;
    const [command, ...args] = withEnv(layout, "trial", ["sh", "-c", "cat", "sh"]);
    const child = spawn(command!, args, { stdio: ["pipe", "ignore", "inherit"] });
    await until("it has begun", () => existsSync(layout.etcEnvBefore));
    child.kill("SIGHUP");
    assert.equal(await isBusy(), true);
    child.stdin.end();
    await until("it has ended", () => child.exitCode !== null);
    assert.equal(await isBusy(), false);
    assert.equal(read(layout.etcEnv), "OLD=1\n");
    // A process with that number, which is none of a deploy.
    write(layout.deployBusy, `${process.pid}\n`);
    assert.equal(await isBusy(), false);
  });

  test("what a deploy that broke off has left is gone with the next one", async () => {
    write(layout.etcEnvBefore, "SECRET=old\n", 0o600);
    await stage("NEW=1\n");
    assert.ok(!existsSync(layout.etcEnvBefore));
  });

  test("a change that failed has its old one again; one that was committed all the same keeps the new", async () => {
    write(layout.etcEnv, "OLD=1\n", 0o600);
    write(layout.permanent, "1.0.0 …\n");
    await stage("NEW=1\n");
    assert.equal((await run("keep", "exit 5")).exitCode, 5);
    assert.equal(read(layout.etcEnv), "OLD=1\n");
    await stage("NEW=1\n");
    assert.equal((await run("keep", 'echo "1.1.0 …" >"$2"; exit 1')).exitCode, 1);
    assert.equal(read(layout.etcEnv), "NEW=1\n");
  });

  test("where there was none, there is none again", async () => {
    mkdirSync(root);
    await stage("NEW=1\n");
    await run("trial", "exit 4");
    assert.ok(!existsSync(layout.etcEnv));
  });
});

describe("the lock", () => {
  const who = JSON.stringify({ by: "you@here", reason: "why", at: "2026-01-01T00:00:00Z" });

  test("by hand it stays, and says whose it is", async () => {
    mkdirSync(root);
    assert.equal((await host.run(takeLock(layout, who, "leave"))).exitCode, 0);
    const { exitCode, stdout } = await host.run(takeLock(layout, "{}", "leave"));
    assert.equal(exitCode, 4);
    assert.deepEqual([parseLock(stdout)?.by, parseLock(stdout)?.isDeploy], ["you@here", false]);
    await host.run(removeLock(layout));
    assert.equal((await host.run(takeLock(layout, who, "leave"))).exitCode, 0);
  });

  test("held, it ends with its stdin; one whose holder was killed is seen through", async () => {
    mkdirSync(root);
    const [command, ...args] = takeLock(layout, who, "hold") as [string, ...string[]];
    const hold = async () => {
      const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        said += text;
      });
      await until("it is taken", () => said.endsWith(".\n"));
      return child;
    };
    const first = await hold();
    assert.equal((await host.run(takeLock(layout, who, "leave"))).exitCode, 4);
    first.stdin.end();
    await until("it is gone", () => !existsSync(layout.deployLock));

    const second = await hold();
    second.kill("SIGKILL");
    await until("its holder is gone", () => second.signalCode !== null);
    assert.ok(existsSync(layout.deployLock));
    second.stdin.destroy();
    const third = await hold();
    third.stdin.end();
    await until("it is gone", () => !existsSync(layout.deployLock));
    assert.deepEqual(readdirSync(layout.run), []);
  });

  test("where it can't be written, how much room there is is said, and nothing stays", async () => {
    mkdirSync(root);
    // What a full disk is to a write, a limit is as well.
    const full = "trap '' XFSZ; ulimit -f 0; exec \"$@\"";
    const taken = await host.run(["sh", "-c", full, "sh", ...takeLock(layout, who, "leave")]);
    assert.equal(taken.exitCode, 1);
    assert.match(taken.stderr, /^\d+ KB are free at \//m);
    assert.deepEqual(readdirSync(layout.run), []);
  });

  test("one whose holder's number is somebody else's by now is seen through", async () => {
    write(layout.deployLock, `${who}\n${process.pid}\n`);
    assert.equal((await host.run(takeLock(layout, who, "leave"))).exitCode, 0);
  });

  test("it is taken, and says what a boot takes, with or without a line break at the end", async () => {
    mkdirSync(root);
    for (const text of ["", "1.0.0 abc runtime/node tsugi\n", "14.2 0.0.2"]) {
      write(layout.startErlData, text);
      const lock = await HeldLock.take(host, layout, "a test", "production");
      assert.equal(lock.boot, text.trim());
      await lock.unlock();
    }
  });

  test("of many who want it at the same time, also a stale one, exactly one gets it", async () => {
    write(layout.deployLock, `${who}\n999999999\n`);
    const takers = Array.from({ length: 8 }, () => host.run(takeLock(layout, who, "leave")));
    const codes = (await Promise.all(takers)).map(({ exitCode }) => exitCode).sort();
    assert.deepEqual(codes, [0, 4, 4, 4, 4, 4, 4, 4]);
  });
});

test("an account after one that was cut off is a line of its own", async () => {
  const say = async (text: string) =>
    assert.equal((await host.run(finish(layout), { stdin: text })).exitCode, 0);
  await say("one\n");
  write(layout.deploysLog, "one\ntw");
  await say("three\n");
  await say("four\n");
  assert.equal(read(layout.deploysLog), "one\ntw\nthree\nfour\n");
});

test("facts are asked of an empty host without leaving a trace", async () => {
  const { stdout, exitCode } = await host.run(askFacts(layout));
  assert.equal(exitCode, 0);
  const facts = parseFacts(stdout);
  assert.equal(facts.platform, `${process.platform}-${process.arch}`);
  assert.equal(facts.nearest.path, workshop);
  assert.ok(facts.freeBytes! > 0);
  assert.deepEqual([facts.installed, facts.status, facts.boot], [false, undefined, ""]);
  assert.ok(!existsSync(root));
});

test("a unit is written once, and systemd told of it", {
  skip: process.getuid?.() !== 0,
}, async () => {
  const calls = join(workshop, "calls");
  const folder = join(workshop, "path");
  write(join(folder, "systemctl"), `#!/bin/sh\necho "$@" >>${calls}\n`);
  chmodSync(join(folder, "systemctl"), 0o755);
  const unit = join(workshop, "wall.service");
  const run = (text: string) => {
    const command = ["env", `PATH=${folder}:${process.env.PATH}`, ...writeUnit(unit)];
    return host.run(command, { stdin: text });
  };
  for (const text of ["[Unit]\n", "[Unit]\n", "[Unit]\nother\n"]) {
    assert.equal((await run(text)).exitCode, 0);
    assert.equal(read(unit), text);
  }
  assert.equal(read(calls), "daemon-reload\ndaemon-reload\n");
});
