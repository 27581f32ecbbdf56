/** What an operator types at `tsugi deploy`, `rollback` and `exec`, and what scripts read of it. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Deploying } from "../helpers/deploying.ts";
import { tsugiCli } from "../helpers/example.ts";
import { type BuiltRelease, buildTellers } from "../helpers/fixtureReleases.ts";
import { until } from "../helpers/installed.ts";
import { freePort } from "../helpers/ports.ts";
import { whyNoSshd } from "../helpers/sshd.ts";
import { Terminal } from "../helpers/terminal.ts";

const skip = await whyNoSshd();

describe("what is typed", { skip }, () => {
  const workshop = mkdtempSync(join(tmpdir(), "tsugi-deploy-typed-"));
  let fleet: Deploying;
  let one: BuiltRelease;
  let two: BuiltRelease;

  before(async () => {
    [one, two] = await buildTellers(workshop);
    fleet = await Deploying.start("teller", ["app1", "app2"]);
    assert.equal((await fleet.deploy(one.tarball)).status, 0);
  });
  after(async () => {
    await fleet?.remove();
    rmSync(workshop, { recursive: true, force: true });
  });

  const execs = async (...words: string[]) => {
    const { status, stdout, stderr } = await fleet.tsugi("exec", ...words);
    return { status, stderr, stdout, lines: stdout.trim().split("\n").sort() };
  };

  test("exec: options before the command are ours wherever they stand, after -- none is", async () => {
    const here = ["app1  --host", "app1  --json", "app1  word"];
    const command = ["--", "printf", "%s\\n", "--host", "word", "--json"];
    for (const words of [
      ["production", "--host", "app1", ...command],
      ["--host", "app1", "production", ...command],
      ["--host=app1", ...command],
      ["production", "--skip=app2", ...command.slice(1)],
    ]) {
      const { status, lines, stderr } = await execs(...words);
      assert.deepEqual([status, lines], [0, here], `${words.join(" ")}\n${stderr}`);
    }
    const both = await execs("production", "echo", "-la", "--", "--host");
    assert.deepEqual(both.lines, ["app1  -la -- --host", "app2  -la -- --host"]);
    const json = await execs("production", "--json", "--skip", "app1", "--", "printf", "a");
    assert.deepEqual(JSON.parse(json.stdout).hosts[0], {
      host: "app2",
      exitCode: 0,
      stdout: "a",
      stderr: "",
    });
    const unnamed = await execs("--host", "app1", "--", "production");
    assert.equal(unnamed.status, 127, "what follows the -- is a command, whatever it is called");
  });

  test("exec: what is none of our options, and no environment, is said and runs nowhere", async () => {
    const option = await execs("production", "--hots", "app1", "--", "touch", "wrong");
    assert.deepEqual([option.status, option.stdout], [2, ""], option.stderr);
    assert.match(option.stderr, /unknown option '--hots'/);
    const name = await execs("prodution", "--", "touch", "wrong");
    assert.deepEqual([name.status, name.stdout], [2, ""], name.stderr);
    assert.match(name.stderr, /TSUGI_ENVIRONMENT_UNKNOWN/);
    const none = await execs("production", "--host", "app1", "--");
    assert.match(none.stderr, /which command\?/);
    assert.deepEqual((await execs("--", "ls", "wrong")).status, 2);
  });

  test("--json of deploy and rollback: every line is an event, the last one the result or the error", async () => {
    const lines = async (...words: string[]) => {
      const { stdout, status } = await fleet.tsugi(...words, "--json");
      const events = stdout.trimEnd().split("\n");
      const last = events.map((line) => JSON.parse(line)).at(-1);
      return { status, last, isDated: !Number.isNaN(Date.parse(last.at)) };
    };
    for (const [code, ...words] of [
      ["TSUGI_ENVIRONMENT_UNKNOWN", "deploy", "nope"],
      ["TSUGI_ENVIRONMENT_UNKNOWN", "rollback", "nope"],
      ["TSUGI_HOST_UNKNOWN", "rollback", "production", "--host", "nope"],
      ["TSUGI_USAGE", "deploy", "production", "--nope"],
      ["TSUGI_RELEASE_UNREADABLE", "deploy", "production", "./nope.tar.gz"],
    ] as [string, ...string[]][]) {
      const { status, last, isDated } = await lines(...words);
      assert.deepEqual([last.event, last.error?.code, isDated], ["error", code, true]);
      assert.equal(status, last.error.exitCode);
    }
    const dry = await lines("rollback", "production", "--to", "1.0.0", "--dry-run");
    const { event, dryRun, hosts, environment } = dry.last;
    assert.deepEqual([event, dryRun, hosts, environment], ["result", true, [], "production"]);
  });

  test("a secret that is empty is refused as one that is not there, and says so", async () => {
    const file = join(workshop, "secret");
    writeFileSync(file, "\n");
    const before = fleet.envOf(fleet.hosts[0]!);
    fleet.env.PRODUCTION_KEY = "";
    for (const [source, said] of [
      [{ env: "PRODUCTION_KEY" }, "the variable PRODUCTION_KEY is empty"],
      [{ file }, `${file} is empty`],
      [{ command: ["true"] }, "what true prints is empty"],
    ] as const) {
      fleet.configure({ secrets: { API_KEY: source } });
      const { status, stderr } = await fleet.tsugi("deploy", "production", one.tarball, "--yes");
      assert.equal(status, 1, stderr);
      const told = stderr.replace(/\s+/g, " ");
      assert.ok(told.includes(`The secret API_KEY could not be read: ${said}.`), told);
      assert.match(told, /API_KEY: '' in environments\.<name>\.env/);
    }
    fleet.configure();
    assert.equal(fleet.envOf(fleet.hosts[0]!), before);
  });

  test("a pipe behind it does not take the question away: it is asked on the terminal", async () => {
    const deployed = await fleet.deploy(two.tarball);
    assert.equal(deployed.status, 0, deployed.output);
    const tsugi = `"${process.execPath}" "${tsugiCli}"`;
    const { PATH, HOME } = process.env;
    const log = join(workshop, "log");
    for (const [command, question] of [
      ["rollback production", /Roll back these 2 hosts\? \[y\/N\]/],
      [`deploy production "${one.tarball}"`, /Deploy 1\.0\.0 to these 2 hosts\? \[y\/N\]/],
    ] as const) {
      const argv = ["sh", "-c", `${tsugi} ${command} | tee "${log}"`];
      const options = { cwd: fleet.folder, env: { PATH, HOME }, columns: 80, rows: 24 };
      const terminal = await Terminal.run(argv, options);
      const shows = (words: RegExp) =>
        until(`${words}`, async () => words.test((await terminal.screen()).join("\n")));
      try {
        await shows(question);
        await terminal.press("n");
        await terminal.press("Enter");
        await shows(/No host was changed\.\s+ended 0/);
      } finally {
        await terminal.end();
      }
      assert.doesNotMatch(readFileSync(log, "utf8"), question);
    }
  });

  test("deploy --dry-run breaks no word on a narrow terminal", async () => {
    const argv = [process.execPath, tsugiCli, "deploy", "production", one.tarball, "--dry-run"];
    const { PATH, HOME } = process.env;
    const options = { cwd: fleet.folder, env: { PATH, HOME }, columns: 60, rows: 40 };
    const terminal = await Terminal.run(argv, options);
    try {
      let screen = "";
      await until("it has ended", async () => {
        screen = (await terminal.screen()).join("\n");
        return /ended 0/.test(screen);
      });
      assert.match(screen, /^ {2}would, on app1, app2: .*\n {2}\S.*processes$/m);
    } finally {
      await terminal.end();
    }
  });

  test("where a deploy stops, it counts the hosts that run it, and names a rollback where there is something to undo", async () => {
    const stops = async (tarball: string, change: Record<string, unknown>) => {
      fleet.configure(change);
      const { events, output } = await fleet.deploy(tarball);
      const { error } = events.at(-1) as { error?: { message: string; hint: string } };
      assert.ok(error !== undefined, output);
      return error;
    };
    const ill = await stops(one.tarball, { env: { ILL: "1.0.0" } });
    assert.match(ill.message, /^0 of 2 hosts run 1\.0\.0; app1: /);
    assert.match(ill.hint, /Mend it and deploy another version · what runs/);
    assert.deepEqual(await fleet.versions(), ["1.0.1", "1.0.1"]);

    const reload = await stops(two.tarball, { env: { ILL: "1.0.1" } });
    assert.match(
      reload.message,
      /^0 of 2 hosts run 1\.0\.1 as this deploy wants it; app1: .*unhealthy/,
    );
    assert.match(reload.hint, /the settings that it got, then the same command again/);

    const hook = await stops(one.tarball, { hooks: { afterHost: ["false"] } });
    assert.match(hook.message, /^1 of 2 hosts runs 1\.0\.0; app1: The hook afterHost failed/);
    assert.deepEqual(await fleet.versions(), ["1.0.0", "1.0.1"]);

    fleet.configure({ env: { ILL: "1.0.0" } }, { app1: { env: { ILL: "" } } });
    const { events } = await fleet.deploy(one.tarball);
    const { message, hint } = events.at(-1)!.error as { message: string; hint: string };
    assert.match(message, /^1 of 2 hosts runs 1\.0\.0; app2: /);
    assert.match(hint, /deploy another version · what runs/, "app1 ran it before");
    fleet.configure();
  });

  test("a host that is not reached is answered by what ssh says of it", async () => {
    const nobody = fleet.fleet.through("app2", await freePort());
    const strange = join(workshop, "strange");
    const config = readFileSync(fleet.fleet.configFile, "utf8");
    writeFileSync(
      strange,
      config.replace(/UserKnownHostsFile .*/g, "UserKnownHostsFile /dev/null"),
    );
    const keyless = join(workshop, "keyless");
    writeFileSync(keyless, config.replace(/IdentityFile .*/g, "IdentityFile /dev/null"));
    for (const [ssh, perHost, said] of [
      [nobody, {}, /Connection refused.*→ Nothing listens there: see whether its sshd runs/],
      [strange, {}, /→ Its host key is not known here: go there by hand once/],
      [keyless, {}, /Permission denied.*→ It does not let this key in/],
      [fleet.fleet.configFile, { app2: { host: "no-such-host" } }, /→ Nobody knows that name/],
    ] as const) {
      fleet.configure({ ssh: { config: ssh } }, perHost);
      const { stderr } = await fleet.tsugi("rollback", "production", "--yes");
      assert.match(stderr.replace(/\s+/g, " "), said);
      assert.match(stderr, /→ by hand: ssh -F \S+ \S+ true/);
    }
    fleet.configure();
  });

  test("prune says how many stay, and why they are more than was asked for", async () => {
    const { lines } = await execs(
      "production",
      "--host",
      "app1",
      "--",
      "bin/teller",
      "prune",
      "--keep",
      "1",
    );
    const why = "what runs, and what a rollback goes to, always do";
    assert.deepEqual(lines, [`app1  Nothing to remove; 2 releases stay: ${why}`]);
  });

  test("status calls a rollback that has failed one, and a deploy that had nothing to do no problem", async () => {
    const remarks = async (result: string, action: string) => {
      const [app1] = fleet.hosts;
      const last = { ...fleet.records(app1!).at(-1)!, result, action };
      appendFileSync(join(app1!.root, "log", "deploys.jsonl"), `${JSON.stringify(last)}\n`);
      return (await fleet.tsugi("status", "production", "--host", "app1")).stdout;
    };
    assert.doesNotMatch(await remarks("unchanged", "reload"), /app1: the/);
    assert.match(
      await remarks("failed", "rollback"),
      /app1: the rollback to 1\.0\.\d by .*: failed/,
    );
    assert.match(await remarks("failed", "upgrade"), /app1: the deploy of 1\.0\.\d by .*: failed/);
  });
});
