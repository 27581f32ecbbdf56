/** Commands that ask, and what is said when nothing runs or the call is wrong. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ShellAtTerminal } from "../../helpers/shellAtTerminal.ts";
import { assertDocument } from "./documents.ts";
import { document, ended, failure, fits80Columns, installed, started, statuses } from "./ends.ts";
import type { Kind } from "./kinds.ts";

const COMMANDS =
  "start stop restart reload foreground ping pid status doctor logs console rpc releases describe unpack plan check install commit upgrade downgrade rollback remove prune inventory ps metrics systemd version completion help".split(
    " ",
  );

/** What the other kind of host does not have. */
const ONLY = { node: ["follow"], beam: ["eval"] };

const NEED_A_SYSTEM: string[][] = [
  ["stop"],
  ["reload"],
  ["ping"],
  ["pid"],
  ["rpc", "1"],
  ["check", "0.0.1"],
  ["install", "0.0.1"],
  ["commit"],
  ["upgrade", "0.0.1"],
  ["downgrade", "0.0.1"],
];

const WRONG: [string[], RegExp][] = [
  [["stat"], /unknown command 'stat'[\s\S]*Did you mean[\s\S]*What there is: shop help/],
  [["start", "--fast"], /unknown option '--fast'[\s\S]*How it is called: shop help start/],
  [["upgrade"], /missing required argument 'version\|file'[\s\S]*shop help upgrade/],
  [["upgrade", ""], /argument 'version\|file'\. It is empty\.[\s\S]*shop help upgrade/],
  [["remove", ""], /argument 'version'\. It is empty\./],
  [["remove", "0.0.1", "0.0.2"], /too many arguments[\s\S]*shop help remove/],
  [["prune", "--keep", "0"], /above 0/],
  [["logs", "-n", "all"], /whole number/],
  [["upgrade", "0.0.1", "--rehearse", "maybe"], /auto, full, skip/],
  [["foreground", "--json"], /unknown option '--json'/],
  [["logs", "--json"], /unknown option '--json'/],
];

export function asking(kind: Kind): void {
  test("what needs a running system exits with 3 and says how to start it", async (t) => {
    const host = await installed(t, await kind.one());
    for (const args of NEED_A_SYSTEM) {
      const value = await failure(host, args, 3, "TSUGI_NOT_RUNNING");
      assert.match(value.error.hint, /bin\/shop start/);
    }
    // On a host of Node it goes back also while nothing runs, where there is something to go to.
    const isNode = kind.name === "node";
    const refusal = isNode ? "TSUGI_NOTHING_TO_ROLL_BACK_TO" : "TSUGI_NOT_RUNNING";
    await failure(host, ["rollback"], isNode ? 4 : 3, refusal);
    ended(await host.app("ping"), 3, /TSUGI_NOT_RUNNING[\s\S]*→ Start it: \S+bin\/shop start/);
    ended(await host.app("console"), 3, /TSUGI_NOT_RUNNING/);
    const stopped = await document(host, "stopped", ["status"], 3);
    assert.deepEqual([stopped.status, stopped.version], ["stopped", null]);
  });

  test("before its first start a root says what is there, and what is not", async (t) => {
    const host = await installed(t, await kind.one());
    assert.equal((await document(host, "version", ["version"])).version, null);
    assert.match(
      (await host.must("version")).stdout,
      /^shop \(never started\), tsugi \d+\.\d+\.\d+, /,
    );
    await failure(host, ["describe"], 1, "TSUGI_NO_PERMANENT");
    ended(await host.app("logs"), 1, /TSUGI_NO_LOG/);
    assert.deepEqual(await statuses(host), { "0.0.1": "unpacked" });
  });

  test("wrong usage exits with 2, names the fault and the help to read", async (t) => {
    const host = await installed(t, await kind.one());
    for (const [args, pattern] of WRONG) ended(await host.app(...args), 2, pattern);
    await failure(host, ["rpc"], 2, "TSUGI_USAGE");
  });

  test("help names every command, and each of them has help of its own", async (t) => {
    const host = await installed(t, await kind.one());
    const { stdout } = await host.must("help");
    const named = [...stdout.matchAll(/^ {2}([a-z]+)(?: |$)/gm)].map(([, name]) => name!);
    const commands = [...COMMANDS, ...ONLY[kind.name]];
    assert.deepEqual(named.sort(), commands.sort());
    assert.match(stdout, /Exit codes: 0 done · 1 failed · 2 wrong usage · 3 not running/);
    for (const name of commands.filter((one) => one !== "help"))
      ended(await host.app("help", name), 0, new RegExp(`^Usage: shop ${name}`));
    assert.match((await host.must("upgrade", "--help")).stdout, /^Usage: shop upgrade/);
  });

  test("ping, pid, status, version and rpc tell what runs", async (t) => {
    const host = await started(t, await kind.one());
    const { pid } = await document(host, "pid", ["pid"]);
    assert.equal((await host.must("pid")).stdout, `${pid}\n`);
    assert.deepEqual(await document(host, "ping", ["ping"]), { answer: "pong" });
    assert.equal((await host.must("ping")).stdout, "pong\n");
    const status = await document(host, "status", ["status"]);
    const { processes, etcChanged, upgrade } = status;
    assert.deepEqual([status.name, status.version, status.status], ["shop", "0.0.1", "permanent"]);
    assert.deepEqual([processes[0].name, etcChanged, upgrade], ["main", false, null]);
    assert.equal(processes[0].slots[0].healthy, true);
    const [first, head, row] = (await host.must("status")).stdout.split("\n");
    assert.match(
      first!,
      new RegExp(`^shop 0\\.0\\.1 \\([0-9a-f]{12}\\), permanent since .*, pid ${pid}$`),
    );
    assert.match(head!, /^process +slot +pid +generation +node +restarts +memory +health$/);
    assert.match(row!, /^main +0 +\d+ +1 .* 0 +[\d.]+ MB +ok$/);
    assert.equal((await document(host, "rpc", ["rpc", kind.expressions.sum])).value, "42");
    assert.equal((await host.must("rpc", kind.expressions.sum)).stdout, "42\n");
    ended(await host.app("rpc", kind.expressions.throws), 1, /TSUGI_RPC_THREW[\s\S]*not today/);
    ended(
      await host.app("rpc", kind.expressions.unreadable),
      1,
      /TSUGI_RPC_THREW[\s\S]*SyntaxError|TokenMissing/,
    );
    ended(await host.app("rpc", "1", "--process", "jobs"), 2, /TSUGI_NO_SUCH_WORKER/);
    ended(await host.app("rpc", "1", "--slot", "3"), 2, /TSUGI_NO_SUCH_WORKER/);
    assert.match((await host.must("version")).stdout, /^shop 0\.0\.1, tsugi /);
    assert.match((await host.must("version")).stdout, kind.runsOn);
    assert.equal((await document(host, "version", ["version"])).version, "0.0.1");
  });

  test("doctor finds nothing in a sound root, and what is wrong with its remedy", async (t) => {
    const host = await installed(t, await kind.one());
    const checks = ["space", "ports", "clock", "permissions", "leftovers", "processes", "files"];
    const sound = async () => {
      const found = await document(host, "doctor", ["doctor"]);
      assert.deepEqual(
        found.checks.map(({ check }: { check: string }) => check),
        checks,
      );
      const text = (await host.must("doctor")).stdout;
      for (const check of checks) assert.match(text, new RegExp(`^${check} +ok  `, "m"));
      fits80Columns(text.replaceAll(host.root, ""));
    };
    await sound();
    await host.must("start");
    await sound();
    await host.must("stop");
    const staging = join(host.root, "releases", ".staging", "1");
    mkdirSync(staging, { recursive: true });
    appendFileSync(join(host.root, "releases", "0.0.1", "config.json"), " ");
    const wrong = await failure(host, ["doctor"], 4, "TSUGI_HOST_UNWELL");
    assertDocument("doctor", wrong);
    const found = Object.fromEntries(
      wrong.checks.map(({ check, findings }: Record<string, unknown>) => [check, findings]),
    );
    assert.deepEqual(found.leftovers, [
      { problem: `${staging} is an unpack that was cut off.`, remedy: `rm -r ${staging}` },
    ]);
    assert.match(found.files[0].problem, /releases\/0\.0\.1\/config\.json: /);
    assert.match(found.files[0].remedy, /tar xzf shop\.tar\.gz -C /);
    const text = ended(await host.app("doctor"), 4, /→ rm -r .*\.staging/).output;
    assert.match(text, /^leftovers +WRONG/m);
  });

  test("releases, describe, inventory and systemd have one form", async (t) => {
    const host = await started(t, await kind.one());
    const [head, row] = (await host.must("releases")).stdout.split("\n");
    assert.match(head!, /^version +status +since +id$/);
    assert.match(row!, /^0\.0\.1 +permanent +\d{4}-\S+Z +[0-9a-f]{12}$/);
    const described = await document(host, "describe", ["describe"]);
    assert.deepEqual([described.kind, described.verified], [kind.name, true]);
    const { stdout } = await host.must("describe", "0.0.1");
    for (const label of [
      "release",
      "id",
      "status",
      "trust",
      "runtime",
      "tsugi",
      "build",
      "content",
      "process",
      "state",
    ])
      assert.match(stdout, new RegExp(`^${label} +\\S`, "m"));
    await failure(host, ["describe", "0.0.9"], 4, "TSUGI_RELEASE_NOT_FOUND");
    await failure(host, ["describe", "../../etc"], 4, "TSUGI_RELEASE_NOT_FOUND");
    const { folders, platform } = await document(host, "inventory", ["inventory"]);
    // In the words of the manifest: what is for this host is found by it.
    assert.equal(platform, described.runtime.platform);
    assert.ok(folders.some(({ folder }: { folder: string }) => folder === "lib/shop-0.0.1"));
    const listed = (await host.must("inventory")).stdout;
    assert.match(listed, /^folder +files +bytes\n/);
    assert.match(listed, /^lib\/shop-0\.0\.1 +\d+ +\d+$/m);
    assert.match(
      (await host.must("inventory", "--files", "--json")).stdout,
      /"sha256": "[0-9a-f]{64}"/,
    );
    const { unit } = await document(host, "systemd", ["systemd"]);
    for (const line of [
      `ExecStart=${host.bin} foreground`,
      `ExecReload=${host.bin} reload`,
      "Type=notify",
      "NotifyAccess=all",
      "KillMode=mixed",
      "Restart=on-failure",
    ])
      assert.ok(unit.split("\n").includes(line), `${line}\n${unit}`);
    assert.equal((await host.must("systemd")).stdout, unit);
  });

  test("bash completes commands, options and the versions on this host", async (t) => {
    const host = await installed(t, await kind.one());
    writeFileSync(join(host.root, "shop.bash"), (await host.must("completion", "bash")).stdout);
    const terminal = new ShellAtTerminal("bash", host.root, host.env);
    t.after(() => terminal.end());
    await terminal.run("source ./shop.bash");
    await terminal.completes("bin/shop roll", /bin\/shop rollback /);
    await terminal.completes("bin/shop upgrade --reh", /upgrade --rehearse /);
    await terminal.completes("bin/shop describe 0", /bin\/shop describe 0\.0\.1 /);
    ended(await host.app("completion", "csh"), 2, /csh, but for bash, [\s\S]*shop help completion/);
  });

  test("ps has a row for each application beside it, also where nothing runs", async (t) => {
    const host = await started(t, await kind.one());
    const other = join(dirname(host.root), "other");
    cpSync(host.root, other, { recursive: true, verbatimSymlinks: true, filter: isNoSocket });
    for (const folder of ["run", "log"]) rmSync(join(other, folder), { recursive: true });
    const { apps } = await document(host, "neighbours", ["ps"]);
    assert.deepEqual(
      apps.map(({ name, root, status, healthy }: Record<string, unknown>) => {
        return [name, root, status, healthy];
      }),
      [
        ["shop", other, "stopped", null],
        ["shop", host.root, "permanent", true],
      ],
    );
    assert.deepEqual([apps[1].version, apps[1].pid], ["0.0.1", await host.pid()]);
    const [head, stopped, running] = (await host.must("ps")).stdout.split("\n");
    assert.match(head!, /^name +version +status +pid +uptime +restarts +cpu +memory$/);
    assert.match(stopped!, /^shop +0\.0\.1 +stopped +- +- +0 +- +-$/);
    assert.match(running!, /^shop +0\.0\.1 +permanent +\d+ +\d+[smh] +0 +\d+% +[\d.]+ MB$/);
    // What somebody else could have put there is not run.
    chmodSync(other, 0o777);
    const { stdout } = await host.must("ps");
    assert.match(stdout, /^shop +- +unknown[\s\S]*other: others may change it/m);
  });

  test("console is a shell inside the application, which goes on when it is left", async (t) => {
    const host = await started(t, await kind.one());
    await host.get("/add");
    const child = spawn(host.bin, ["console"], {
      env: host.env,
      stdio: ["pipe", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    t.after(() => child.kill("SIGKILL"));
    child.stdin.end(`${kind.expressions.sum}\n`);
    const [code] = await once(child, "close");
    assert.equal(code, 0, output);
    assert.match(output, /42/);
    assert.equal(await host.get("/count"), "1");
  });
}

const isNoSocket = (path: string) => !lstatSync(path).isSocket() && !lstatSync(path).isFIFO();
