/** At run time a secret comes from etc/env or from systemd's credentials; it stands nowhere else. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed } from "../helpers/installed.ts";
import { snapshot, temporaryFolder } from "../helpers/projects.ts";

const SECRET = `s3cr3t-${process.pid}-of-etc-env`;
const CREDENTIAL = `s3cr3t-${process.pid}-of-systemd`;

describe("secrets of a running release", () => {
  const { folder, remove } = temporaryFolder("host-secrets");
  const releases: BuiltRelease[] = [];
  let installed: Installed;

  before(async () => {
    for (const version of ["1.0.0", "1.1.0"]) {
      const fixture = `counter-${version}`;
      releases.push(await buildVariant(join(folder, version), { fixture }));
    }
    const edit = {
      "src/server.ts": (text: string) => `${text}\nthrow new Error(JSON.stringify(process.env));\n`,
    };
    const thrower = { fixture: "counter-1.1.0", version: "1.2.0", edit };
    releases.push(await buildVariant(join(folder, "1.2.0"), thrower));
    installed = await Installed.install(releases[0]!, { env: { API_SECRET: SECRET } });
    // As systemd does for LoadCredential=: a folder of files that only the service reads.
    const credentials = join(folder, "credentials");
    mkdirSync(credentials, { mode: 0o700 });
    writeFileSync(join(credentials, "database"), CREDENTIAL, { mode: 0o400 });
    installed.host.env.CREDENTIALS_DIRECTORY = credentials;
    await installed.host.must("start", "--keep-env");
    // Not of the commands that follow: what the service has, it has from its start.
    delete installed.host.env.CREDENTIALS_DIRECTORY;
  });
  after(async () => {
    await installed?.remove();
    remove();
  });

  const seen = async () => {
    const credential =
      'require("fs").readFileSync(process.env.CREDENTIALS_DIRECTORY + "/database", "utf8")';
    const lengths = `[process.env.API_SECRET.length, ${credential}.length].join()`;
    return (await installed.host.must("rpc", lengths)).stdout.trim();
  };
  const both = [SECRET.length, CREDENTIAL.length].join();

  test("the app has them, after an upgrade and a reload too", async () => {
    assert.equal(await seen(), both);
    installed.drop(releases[1]!);
    const { status, report } = await installed.report("upgrade", "1.1.0");
    assert.equal(status, 0);
    assert.ok(!JSON.stringify(report).includes("s3cr3t"));
    assert.equal(await seen(), both);
    await installed.host.must("reload");
    assert.equal(await seen(), both);
  });

  test("no command shows them", async () => {
    for (const command of [
      "status",
      "releases",
      "describe",
      "inventory",
      "plan 1.0.0",
      "check 1.0.0",
      "logs",
    ]) {
      for (const json of command === "logs" ? [[]] : [[], ["--json"]]) {
        const { output } = await installed.host.app(...command.split(" "), ...json);
        assert.ok(output.length > 0, command);
        assert.doesNotMatch(output, /s3cr3t/, command);
      }
    }
  });

  test("no file of the root has them but etc/env, and no command line", () => {
    const files = Object.entries(snapshot(installed.root)).filter(([, text]) =>
      text.includes("s3cr3t"),
    );
    assert.deepEqual(
      files.map(([path]) => path),
      ["etc/env"],
    );
    const lines = readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, "latin1");
        } catch {
          return "";
        }
      });
    assert.ok(lines.some((line) => line.includes(installed.root) || line.includes("tsugi")));
    assert.ok(!lines.some((line) => line.includes(SECRET) || line.includes(CREDENTIAL)));
  });

  test("a setting that does not parse is told without its value", async () => {
    const env = join(installed.root, "etc", "env");
    const good = readFileSync(env, "utf8");
    writeFileSync(env, `${good}API SECRET s3cr3t\nOTHER="s3cr3t\n`);
    const { status, output } = await installed.host.app("reload");
    writeFileSync(env, good);
    assert.notEqual(status, 0);
    assert.match(output, /TSUGI_SETTINGS_INVALID/);
    assert.doesNotMatch(output, /s3cr3t/);
  });

  test("an application that throws its environment shows its own log only", async () => {
    installed.drop(releases[2]!);
    const { status, output } = await installed.host.app("upgrade", "1.2.0");
    assert.equal(status, 4, output);
    assert.match(output, /TSUGI_LOAD_FAILED[\s\S]*API_SECRET":"\*\*\*"/);
    const asJson = await installed.host.app("upgrade", "1.2.0", "--json");
    assert.match(asJson.output, /API_SECRET[\\":]+\*\*\*/);
    const history = readFileSync(join(installed.root, "log", "upgrades.jsonl"), "utf8");
    assert.match(history, /API_SECRET[\\":]+\*\*\*/);
    const described = await installed.host.app("describe", "1.2.0", "--json");
    const log = readFileSync(join(installed.root, "log", "counter.log"), "utf8");
    const own = log.split("\n").filter((line) => / tsugi-\S+ /.test(line));
    assert.ok(
      own.some((line) => line.includes("***")),
      own.join("\n"),
    );
    await installed.host.must("stop");
    const started = await installed.host.app("start", "--version", "1.2.0", "--json");
    assert.equal(started.status, 1, started.output);
    assert.match(started.output, /TSUGI_START_FAILED[\s\S]*\*\*\*/);
    for (const said of [output, asJson.output, history, described.output, started.output, ...own])
      assert.doesNotMatch(said, /s3cr3t/);
    await installed.host.must("start");
  });

  test("what no process can be given is refused before anything is touched, by its name", async () => {
    const env = join(installed.root, "etc", "env");
    const good = readFileSync(env, "utf8");
    const pidFile = join(installed.root, "run", "pid");
    const pid = readFileSync(pidFile, "utf8");
    const refused = async (exitCode: number, name: RegExp, ...command: string[]) => {
      const { status, output } = await installed.host.app(...command);
      assert.equal(status, exitCode, `${command.join(" ")}: ${output}`);
      assert.match(output, /TSUGI_SETTINGS_INVALID[\s\S]*etc\/env, line/);
      assert.match(output, name);
      assert.doesNotMatch(output, /s3cr3t/);
    };
    try {
      for (const [line, name] of [
        ["NULL=s3cr3t\0s3cr3t\n", /NULL has a NUL/],
        [`LONG=${"s3cr3t".repeat(40_000)}\n`, /LONG is too long/],
        ["NODE_CHANNEL_FD=s3cr3t\n", /NODE_CHANNEL_FD/],
      ] as const) {
        writeFileSync(env, good + line);
        for (const verb of ["check 1.0.0", "upgrade 1.0.0", "reload", "restart"])
          await refused(4, name, ...verb.split(" "));
        assert.equal(readFileSync(pidFile, "utf8"), pid);
      }
      await installed.host.must("stop");
      await refused(4, /NODE_CHANNEL_FD/, "start");
    } finally {
      writeFileSync(env, good);
    }
    await installed.host.must("start");
    const history = readFileSync(join(installed.root, "log", "upgrades.jsonl"), "utf8");
    assert.doesNotMatch(history, /s3cr3t/);
  });

  test("a shell with more variables than fit beside etc/env is told by their names", async () => {
    await installed.host.must("stop");
    const env = join(installed.root, "etc", "env");
    const good = readFileSync(env, "utf8");
    const long = "s3cr3t".repeat(20_000);
    const names = [...Array(12).keys()];
    try {
      const own = names.map((name) => `OWN_${name}=${long}\n`).join("");
      writeFileSync(env, good + own);
      for (const name of names) installed.host.env[`SHELL_${name}`] = long;
      const { status, output } = await installed.host.app("start", "--keep-env");
      assert.equal(status, 1, output);
      assert.match(
        output,
        /TSUGI_START_FAILED[\s\S]*more than the system gives a process: \d+ bytes/,
      );
      assert.match(output.replace(/\s+/g, " "), /the longest (OWN|SHELL)_\d+ \(\d+\)/);
      assert.doesNotMatch(output, /s3cr3t/);
      await installed.host.must("start");
    } finally {
      for (const name of names) delete installed.host.env[`SHELL_${name}`];
      writeFileSync(env, good);
    }
  });
});
