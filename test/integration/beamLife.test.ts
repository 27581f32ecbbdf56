/** `bin/<app>` of BEAM releases from start to stop: what each command says, to people and programs. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  BeamBuilds,
  BeamHost,
  type BuiltBeam,
  copyFixture,
  elixirMissing,
  runRelease,
} from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const shop = () => builds.get("0.0.1", { fixture: "shop-0.0.1" });

async function withShop(check: (host: BeamHost) => Promise<void>, options = {}): Promise<void> {
  const host = await BeamHost.install(await shop(), options);
  try {
    await check(host);
  } finally {
    await host.remove();
  }
}

describe("a BEAM release's life", { skip }, () => {
  test("everything that asks says 3 while it does not run, and what is so while it runs", async () => {
    await withShop(async (host) => {
      for (const verb of [
        ["ping"],
        ["pid"],
        ["status"],
        ["rpc", "1"],
        ["upgrade", "0.0.2"],
        ["rollback"],
        ["reload"],
        ["commit"],
        ["stop"],
      ]) {
        const { status, value } = await host.json(...verb);
        assert.equal(status, 3, verb.join(" "));
        assert.equal((value.error ?? value).code, "TSUGI_NOT_RUNNING", verb.join(" "));
      }
      const started = await host.json("start");
      assert.equal(started.status, 0, started.output);
      assert.equal(started.value.version, "0.0.1");
      const pid = await host.pid();
      assert.equal(started.value.pid, pid);
      assert.deepEqual((await host.json("ping")).value, { answer: "pong" });
      const { value } = await host.json("status");
      assert.deepEqual(Object.keys(value).sort(), [
        "etcChanged",
        "leftovers",
        "logDropped",
        "name",
        "processes",
        "releaseId",
        "since",
        "status",
        "upgrade",
        "version",
      ]);
      assert.equal(value.status, "permanent");
      assert.deepEqual(Object.keys(value.processes[0].slots[0]).sort(), [
        "generation",
        "healthy",
        "node",
        "pid",
        "restarts",
        "rssBytes",
      ]);
      assert.equal(value.processes[0].slots[0].healthy, true);
      assert.equal((await host.json("rpc", "1 + 1")).value.value, "2");
      assert.equal((await host.json("rpc", 'raise "no"')).status, 1);
      assert.equal((await host.json("releases")).value.releases[0].status, "permanent");
      assert.equal((await host.json("describe")).value.kind, "beam");
      assert.match((await host.json("systemd")).value.unit, /ExecStart=.*bin\/shop foreground/);
      assert.equal((await host.json("inventory")).value.format, 1);
      assert.match((await host.must("version")).stdout, /^shop 0\.0\.1, tsugi/);
      assert.match((await host.must("help")).stdout, /upgrade/);
      assert.match((await host.must("help", "upgrade")).stdout, /--allow-restart/);
      assert.equal((await host.app("sing")).status, 2);
      assert.equal((await host.app("remove", "0.0.1")).status, 4);
    });
  });

  test("bin/<app> is found through a link, from any folder", async () => {
    await withShop(async (host) => {
      const link = join(host.root, "var", "elsewhere");
      await host.must("start");
      symlinkSync(join(host.root, "bin"), link);
      const { stdout } = await mustRun(join(link, "shop"), ["ping"], { cwd: "/", env: host.env });
      assert.equal(stdout, "pong\n");
    });
  });

  test("foreground logs to stdout, ends at SIGTERM with 0, and takes the node along", async () => {
    await withShop(async (host) => {
      const child = spawn(host.bin, ["foreground"], {
        cwd: host.root,
        env: host.env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let stdout = "";
      child.stdout.setEncoding("utf8").on("data", (text) => {
        stdout += text;
      });
      await until("the shop answers", () => host.get("/version").catch(() => ""), 30_000);
      await host.rpc('require Logger; Logger.error("said in the log")');
      await until("the line is on stdout", () => stdout.includes("said in the log"));
      const pid = await host.pid();
      child.kill("SIGTERM");
      const [code] = await once(child, "exit");
      assert.equal(code, 0);
      assert.equal(existsSync(`/proc/${pid}`), false);
      assert.equal((await host.app("ping")).status, 3);
    });
  });

  test("one that does not boot is said, with its last words, and is not tried again and again", async () => {
    const release = await builds.get("no-boot", {
      fixture: "shop-0.0.1",
      edit: {
        "lib/shop/application.ex": (text) =>
          text.replace(
            "def start(_type, _args) do",
            'def start(_type, _args) do\n    raise "no table called admirals"',
          ),
      },
    });
    const host = await BeamHost.install(release);
    try {
      const { status, stderr } = await host.app("start");
      assert.equal(status, 1);
      assert.match(stderr, /TSUGI_NOT_READY/);
      assert.match(stderr, /admirals/);
      assert.equal((await host.app("status")).status, 3);
    } finally {
      await host.remove();
    }
  });

  test("a keeper gives up when the VM dies too often; logs has what was said", async () => {
    await withShop(
      async (host) => {
        await host.must("start");
        for (let n = 0; n < 2; n += 1) {
          const pid = await host.pid();
          process.kill(pid, "SIGKILL");
          if (n === 0)
            await until(
              "another VM",
              async () => (await host.app("ping")).status === 0 && (await host.pid()) !== pid,
              30_000,
            );
        }
        await until("it gave up", () => existsSync(join(host.root, "run", "gave-up")));
        assert.equal((await host.app("status")).status, 3);
        assert.match((await host.must("logs")).stdout, /gave up/);
      },
      { config: { restarts: { max: 1, withinMs: 60_000 } } },
    );
  });

  test("files that others can read, stale pids and damaged releases are seen", async () => {
    await withShop(async (host) => {
      chmodSync(join(host.root, "etc", "env"), 0o644);
      assert.match((await host.app("start")).stderr, /TSUGI_ENV_EXPOSED/);
      chmodSync(join(host.root, "etc", "env"), 0o600);
      const beam = join(host.root, "lib", "shop-0.0.1", "ebin", "Elixir.Shop.Pages.beam");
      const bytes = readFileSync(beam);
      writeFileSync(beam, Buffer.concat([bytes, Buffer.from("x")]));
      assert.match(
        (await host.app("start")).stderr,
        /TSUGI_RELEASE_DAMAGED[\s\S]*Elixir\.Shop\.Pages\.beam/,
      );
      writeFileSync(beam, bytes);
      writeFileSync(join(host.root, "run", "pid"), `${process.pid}\n`);
      assert.equal((await host.app("ping")).status, 3, "that pid is another process");
      await host.must("start");
      rmSync(join(host.root, "releases", "start_erl.data"));
      writeFileSync(join(host.root, "releases", "RELEASES"), "[{release,");
      await host.must("restart");
      assert.equal(await host.get("/version"), "0.0.1", "torn files are mended");
    });
  });
});

describe("an Erlang/OTP release without Elixir", { skip }, () => {
  test("is shaped from a folder, started, upgraded with its state, reloaded and taken back", async () => {
    const [one, two] = [await tally("1.0.0"), await tally("1.1.0")];
    const host = await BeamHost.start(one);
    try {
      const pid = await host.pid();
      assert.equal(await host.rpc("tally_counter:next()"), "2");
      const { status, value, output } = await host.upgrade(two);
      assert.equal(status, 0, output);
      assert.deepEqual(
        value.states.map(({ name, from, to }: Record<string, string>) => [name, from, to]),
        [["tally_counter", "1.0.0", "1.1.0"]],
      );
      assert.equal(await host.rpc("tally_counter:version()"), '"1.1.0"');
      assert.equal(await host.rpc("tally_counter:next()"), "4");
      writeFileSync(join(host.root, "etc", "sys.config"), "[{tally,[{step,10}]}].\n");
      await host.must("reload");
      assert.equal(await host.rpc("tally_counter:next()"), "14");
      assert.equal((await host.json("downgrade", "1.0.0")).status, 0);
      assert.equal(await host.rpc("tally_counter:next()"), "24");
      assert.equal(await host.pid(), pid);
    } finally {
      await host.remove();
    }
  });
});

/** An OTP release made by OTP's own tools, then shaped by `tsugi release`. */
async function tally(version: string): Promise<BuiltBeam> {
  const folder = join(builds.folder, `tally-${version}`);
  copyFixture(folder, { fixture: `tally-${version}` });
  const script = join(projectRoot, "test", "fixtures", "beam", "make_release.escript");
  await mustRun("escript", [script, version, "[{tally,[{step,2}]}]."], { cwd: folder });
  const result = await runRelease(join(folder, "release"));
  if (result.status !== 0) throw new Error(result.output);
  return { ...JSON.parse(result.stdout), folder };
}
