/** `bin/<app>` of BEAM releases, where it is more than test/contract/binApp asks of every kind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { ERRORS } from "../../src/contract/errors.ts";
import { layoutOf } from "../../src/release/layout.ts";
import { unitSeconds, unitText } from "../../src/release/systemdUnit.ts";
import {
  BeamBuilds,
  BeamHost,
  type BuiltBeam,
  copyFixture,
  elixirMissing,
  rebar3Folder,
  runRelease,
} from "../helpers/beam.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";
import { as, filesReadableBy, needsRoot, OWNER, own, STRANGER } from "../helpers/otherUsers.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
const rebar3 = skip ? undefined : await rebar3Folder(builds.folder);
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
  test("a root with a character that Erlang's scripts can't live with is refused by every command, before anything is made there (B5)", async () => {
    await withShop(async (host) => {
      const { message, hint } = ERRORS.TSUGI_BEAM_ROOT_PATH;
      const words = `error TSUGI_BEAM_ROOT_PATH\n  ${message}\n  → ${hint}\n`;
      for (const name of ["my shop", "a$b", "it's", "a:b", "x[1]", "a;b"]) {
        const root = join(builds.folder, name);
        renameSync(host.root, root);
        const before = readdirSync(root);
        try {
          for (const command of ["start", "status", "foreground"]) {
            const bin = join(root, "bin", "shop");
            const { status, stderr } = await runCommand(bin, [command], { env: host.env });
            assert.equal(status, 1, name);
            assert.equal(
              stderr,
              words.replace("{root}", () => root),
            );
          }
          assert.deepEqual(readdirSync(root), before);
        } finally {
          renameSync(root, host.root);
        }
      }
    });
  });

  test("a root with letters of other languages is like any other, whatever the locale (B5)", async () => {
    await withShop(async (host) => {
      const root = join(builds.folder, "größe-店");
      renameSync(host.root, root);
      const bin = (args: string[], env: object = {}) =>
        runCommand(join(root, "bin", "shop"), args, { env: { ...host.env, ...env } });
      try {
        const started = await bin(["start"], { LANG: "C", LC_ALL: "C" });
        assert.equal(started.status, 0, started.output);
        assert.equal((await bin(["rpc", "1 + 1"])).stdout.trim(), "2");
        assert.equal((await bin(["status"])).status, 0);
        const stopped = await bin(["stop"]);
        assert.equal(stopped.status, 0, stopped.output);
      } finally {
        await bin(["stop"]);
        renameSync(root, host.root);
      }
    });
  });

  test("a process of a root whose name only begins like this one's is not taken for its own", async () => {
    await withShop(async (host) => {
      const stranger = spawn("sleep", ["300"], { argv0: `${host.root}2/erts-1/bin/beam.smp` });
      try {
        mkdirSync(join(host.root, "run"), { recursive: true });
        writeFileSync(join(host.root, "run", "pid"), String(stranger.pid));
        assert.equal((await host.app("pid")).status, 3);
        assert.equal((await host.app("stop")).status, 3);
        assert.equal((await host.app("start")).status, 0);
        assert.equal(stranger.exitCode ?? stranger.signalCode, null);
        // While it runs: of all that a pause watches, only what it waits for ends it.
        const { stdout } = await host.must(
          "rpc",
          `:tsugi_pause.ready(%{})
           send(:tsugi_pause, {:DOWN, make_ref(), :process, self(), :closed})
           :tsugi_pause.ended()`,
        );
        assert.match(stdout, /held/);
      } finally {
        stranger.kill("SIGKILL");
      }
    });
  });

  test("its unit is the one that a deploy would make: quoted, and as hardened", async () => {
    await withShop(async (host) => {
      const root = join(builds.folder, "50%~größer");
      renameSync(host.root, root);
      try {
        const { username, uid, gid } = userInfo();
        const bin = join(root, "bin", "shop");
        const { stdout } = await mustRun(bin, ["systemd"], { cwd: root, env: host.env });
        const owner = { uid, gid, name: username };
        const times = { stopSeconds: unitSeconds(30_000), startSeconds: unitSeconds(30_000) };
        const options = { owner, ...times, openFiles: 65_536 };
        assert.equal(stdout, unitText(layoutOf(root, "shop"), options));
        assert.match(stdout, /ExecStart="\/.*\/50%%~größer\/bin\/shop" foreground/);
      } finally {
        renameSync(root, host.root);
      }
    });
  });

  test("remote is Mix's word for console, and without distribution it is said how to get it (B7)", async () => {
    await withShop(async (host) => {
      host.setEnv({ RELEASE_DISTRIBUTION: "none" });
      assert.equal((await host.app("remote")).status, 3, "not running");
      await host.must("start");
      const { status, stderr } = await host.app("remote");
      assert.equal(status, 1);
      assert.match(stderr, /RELEASE_DISTRIBUTION=sname in etc\/env/);
      host.setEnv({ RELEASE_DISTRIBUTION: undefined });
      await host.must("restart");
      const typed = `printf '1 + 2\\n' | exec "$1" remote`;
      const shell = await runCommand("sh", ["-c", typed, "sh", host.bin], { env: host.env });
      assert.match(shell.stdout, /3/);
    });
  });

  test("another user can neither use the node nor read cookie, secrets, pipes or crash dump", {
    skip: needsRoot,
  }, async () => {
    const secret = `s3cr3t-${process.pid}`;
    await withShop(
      async (host) => {
        // Everybody may come as far as to the root, and use the programs of the machine.
        for (const folder of [host.root, host.env.PATH!]) chmodSync(dirname(folder), 0o755);
        own(host.root, OWNER);
        await host.must("start");
        const pid = await host.pid();
        assert.equal(statSync(`/proc/${pid}`).uid, OWNER, "root's start acts as the owner");
        const at = (...parts: string[]) => join(host.root, ...parts);
        const cookie = readFileSync(at("releases", "COOKIE"), "utf8");
        const proc = ["environ", "cmdline"].map((file) => `/proc/${pid}/${file}`);
        const readable = (...places: string[]) =>
          filesReadableBy(STRANGER, [secret, cookie], host.root, ...places).join("\n");
        assert.equal(readable(...proc), "");
        const owned = filesReadableBy(OWNER, [secret, cookie], host.root).join();
        assert.match(owned, /\/etc\/env.*\/releases\/COOKIE|\/releases\/COOKIE.*\/etc\/env/);
        const pipes = readdirSync(at("run")).filter((name) => name.startsWith("output."));
        assert.deepEqual(pipes, [], "what the VM prints into has no name that one could open");
        // What every user can read on the command line is no key.
        const thrownAway = /-setcookie\0([^\0]+)/.exec(readFileSync(proc[1]!, "latin1"))![1]!;
        const node = readFileSync(at("run", "node"), "utf8").trim().split(" ")[1];
        const ping = `io:format("~p", [net_adm:ping('${node}')]), halt().`;
        const pinging = (user: number, key: string) =>
          as(user, "erl", ["-noshell", "-sname", `x${user}`, "-setcookie", key, "-eval", ping]);
        assert.equal(pinging(STRANGER, thrownAway).output, "pang");
        assert.equal(pinging(STRANGER, cookie).output, "pong", "and the true one would be");
        for (const command of [["status"], ["stop"], ["rpc", "1"], ["upgrade", "0.0.1"]]) {
          const { status, output } = as(STRANGER, host.bin, command);
          assert.ok(status !== 0 && status !== null, `${command}: ${status}`);
          assert.ok(!output.includes(secret) && !output.includes(cookie), output);
        }
        await host.app("rpc", ":erlang.halt(~c(boom))");
        const dump = at("var", "erl_crash.dump");
        const isBack = async () => existsSync(dump) && (await host.pid().catch(() => pid)) !== pid;
        await until("it has crashed, and is back", isBack, 60_000);
        assert.ok(filesReadableBy(OWNER, [cookie], dump).length <= 1);
        assert.equal(statSync(dump).mode & 0o007, 0);
        assert.equal(readable(), "");
        const left = await runCommand("find", [host.root, "!", "-uid", String(OWNER)]);
        assert.equal(left.stdout, "", "and nothing of root's is left behind");
      },
      { env: { SECRET: secret } },
    );
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
});

/** What makes an Erlang/OTP release of a project, for `tsugi release` to shape. */
const makers = {
  "OTP's own tools": tallyOfOtp,
  rebar3: tallyOfRebar3,
};

describe("an Erlang/OTP release without Elixir", { skip }, () => {
  for (const [maker, tally] of Object.entries(makers)) {
    test(`made by ${maker}: started, upgraded with its state, reloaded and taken back`, async (t) => {
      if (tally === tallyOfRebar3 && rebar3 === undefined) return t.skip("there is no rebar3 here");
      await isUpgraded(await tally("1.0.0"), await tally("1.1.0"));
    });
  }
});

async function isUpgraded(one: BuiltBeam, two: BuiltBeam): Promise<void> {
  const host = await BeamHost.start(one);
  try {
    const pid = await host.pid();
    // What the host says goes before vm.args.
    const etc = readFileSync(join(host.root, "etc", "env"), "utf8");
    const node = readFileSync(join(host.root, "run", "node"), "utf8");
    assert.equal(node.split("@")[0], `sname ${/^RELEASE_NODE=(.*)$/m.exec(etc)?.[1]}`);
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
}

async function tallyOfRebar3(version: string): Promise<BuiltBeam> {
  const PATH = `${process.env.PATH}:${rebar3}`;
  const fixture = `tally-${version}`;
  const built = await builds.get(`rebar3-${version}`, { fixture, env: { PATH } });
  // relx writes a cookie into vm.args that is the same for everyone: a host has its own.
  const vmArgs = readFileSync(join(built.tree, "releases", version, "vm.args"), "utf8");
  assert.match(vmArgs, /^-sname tally$/m);
  assert.doesNotMatch(vmArgs, /^-setcookie/m);
  return built;
}

async function tallyOfOtp(version: string): Promise<BuiltBeam> {
  const folder = join(builds.folder, `tally-${version}`);
  copyFixture(folder, { fixture: `tally-${version}` });
  const script = join(projectRoot, "test", "fixtures", "beam", "make_release.escript");
  await mustRun("escript", [script, version, "[{tally,[{step,2}]}]."], { cwd: folder });
  const result = await runRelease(join(folder, "release"));
  if (result.status !== 0) throw new Error(result.output);
  return { ...JSON.parse(result.stdout), folder };
}
