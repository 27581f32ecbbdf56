/** `bin/<app>` of BEAM releases, where it is more than test/contract/binApp asks of every kind. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { ERRORS } from "../../src/errors.ts";
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
  test("a root with a space in its path is refused by every command, before anything is made there", async () => {
    await withShop(async (host) => {
      const root = join(builds.folder, "my shop");
      renameSync(host.root, root);
      const before = readdirSync(root);
      try {
        for (const command of ["start", "status", "foreground"]) {
          const bin = join(root, "bin", "shop");
          const { status, stderr } = await runCommand(bin, [command], { env: host.env });
          const { message, hint } = ERRORS.TSUGI_BEAM_ROOT_PATH;
          assert.equal(status, 1);
          const words = `error TSUGI_BEAM_ROOT_PATH\n  ${message}\n  → ${hint}\n`;
          assert.equal(stderr, words.replace("{root}", root));
        }
        assert.deepEqual(readdirSync(root), before);
      } finally {
        renameSync(root, host.root);
      }
    });
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
