/**
 * What a project has for `mix release` goes on to hold: env.sh, vm.args, overlays, RELEASE_* variables, and the
 * commands that people of Mix and Phoenix type.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

/** As many a Dockerfile wants it: a tarball of Mix's own, with the cookie. */
const RELEASES = "deps: [], releases: [shop: [steps: [:assemble, :tar]]]";

const release = (version: string) =>
  builds.get(version, {
    fixture: "shop-0.0.1",
    version,
    files: {
      "rel/env.sh.eex": `export SHOP_SAYS="<%= @release.name %>: $RELEASE_COMMAND of $RELEASE_NAME $RELEASE_VSN"\n`,
      "rel/vm.args.eex": "+Q 2048\n",
      "rel/remote.vm.args.eex": "+Q 4096\n",
      "rel/overlays/notes.txt": `notes of ${version}\n`,
      // As mix phx.gen.release has them.
      "rel/overlays/bin/migrate": `#!/bin/sh\ncd -P -- "$(dirname -- "$0")"\nexec ./shop eval Shop.Release.migrate\n`,
      "rel/overlays/bin/server": `#!/bin/sh\ncd -P -- "$(dirname -- "$0")"\nPHX_SERVER=true exec ./shop start\n`,
      "lib/shop/release.ex": `defmodule Shop.Release do
  def migrate do
    Application.load(:shop)
    greeting = Application.fetch_env!(:shop, :greeting)
    IO.puts("migrated ${version}: #{greeting}, #{System.get_env("RELEASE_COMMAND")}, #{inspect(Process.whereis(Shop.Cart))}")
  end
end
`,
    },
    edit: {
      "mix.exs": (text) => text.replace("deps: []", RELEASES),
      "lib/shop/application.ex": (text) => text.replace('"kept"', `"kept by ${version}"`),
    },
  });

describe("what a project has for mix release", { skip }, () => {
  test("env.sh, vm.args, overlays and their scripts, eval, rpc, pid, daemon, remote: as Mix has them", async () => {
    const host = await BeamHost.install(await release("0.0.1"), { env: { GREETING: "hi" } });
    const script = (name: string) =>
      mustRun(join(host.root, "bin", name), [], { cwd: host.root, env: host.env });
    try {
      const before = await script("migrate");
      assert.equal(before.stdout, "migrated 0.0.1: hi, eval, nil\n", "nothing was ever started");
      await script("server");
      assert.equal(await host.rpc('System.get_env("PHX_SERVER")'), '"true"');
      assert.equal(await host.rpc('System.get_env("SHOP_SAYS")'), '"shop: start of shop 0.0.1"');
      assert.equal(await host.rpc(":erlang.system_info(:port_limit)"), "2048");
      assert.equal(Number((await host.must("pid")).stdout), await host.pid());
      assert.match((await host.must("version")).stdout, /^shop 0\.0\.1/);

      host.drop(await release("0.0.2"));
      await host.must("upgrade", "0.0.2");
      for (const version of ["0.0.1", "0.0.2"]) {
        const notes = join(host.root, "releases", version, "overlays", "notes.txt");
        assert.equal(readFileSync(notes, "utf8"), `notes of ${version}\n`);
        assert.deepEqual(readdirSync(dirname(notes)), ["notes.txt"], "no tarball of Mix's");
      }
      assert.match((await script("migrate")).stdout, /^migrated 0\.0\.2: hi/);
      assert.equal(await host.rpc('System.get_env("RELEASE_VSN")'), '"0.0.2"');

      host.setEnv({ GREETING: "ho" });
      const mix = join(host.root, "bin", "shop.mix");
      const { stdout } = await mustRun(mix, ["eval", 'IO.puts(System.get_env("GREETING"))'], {
        cwd: host.root,
        env: host.env,
      });
      assert.equal(stdout, "ho\n", "Mix's own script takes etc/env too (B7)");
      const failed = await host.app("eval", 'raise "no such table"');
      assert.equal(failed.status, 1);
      assert.match(failed.output, /no such table/);
      await host.must("stop");
      await host.must("daemon");
      assert.equal(await host.get("/version"), "0.0.1");
    } finally {
      await host.remove();
    }
  });
});
