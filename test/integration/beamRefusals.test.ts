/**
 * Elixir releases: what is refused, thawed or handed back, and that the old version serves with its
 * state after it. The numbers are those of the points that the work was ordered by.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { formatTrustedKey, signManifest } from "../../src/release/signature.ts";
import {
  asPlanned,
  BeamBuilds,
  BeamHost,
  type BeamVariant,
  type BuiltBeam,
  copyFixture,
  elixirMissing,
  runRelease,
  startedWithCart,
} from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { signTarball } from "../helpers/handmadeRelease.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const first = () => builds.get("0.0.1", { fixture: "shop-0.0.1" });
const second = (key: string, variant: Partial<BeamVariant> = {}) =>
  builds.get(key, { fixture: "shop-0.0.2", ...variant });

const CART = "lib/shop/cart.ex";
const replace = (from: string, to: string) => (text: string) => text.replace(from, to);

const withCart = async (check: (host: BeamHost) => Promise<void>, options = {}) =>
  startedWithCart(await first(), check, options);

async function servesAsBefore(host: BeamHost, pid: number): Promise<void> {
  assert.equal(await host.get("/version"), "0.0.1");
  assert.equal(await host.get("/count"), "3");
  assert.equal(await host.get("/add"), "4");
  assert.match(await host.get("/env"), /built_in: "0.0.1".*gone_later: true/);
  assert.equal(await host.pid(), pid);
}

describe("the old version serves as before (exit 4)", { skip }, () => {
  test("an appup of the application's own wins; one that leaves out a changed module is refused, unless forced (2)", async () => {
    const own = await second("own-appup", {
      version: "0.0.2+own",
      files: {
        "rel/appups/shop.appup": appup(
          "{update,'Elixir.Shop.Cart',{advanced,[]}},{load_module,'Elixir.Shop.Pages'}",
        ),
      },
    });
    await withCart(async (host) => {
      const pid = await host.pid();
      const { status, value, output } = await host.upgrade(own);
      assert.equal(status, 4, output);
      assert.equal(value.error.code, "TSUGI_APPUP_INCOMPLETE");
      assert.match(value.error.message, /Elixir\.Shop\.Shelves/);
      assert.match(value.error.message, /Elixir\.Shop\.Pear/);
      assert.equal(value.result, "refused");
      const forced = await host.json("upgrade", own.version, "--force");
      assert.equal(forced.status, 0, forced.output);
      assert.match(forced.value.reasons.join("\n"), /by its own appup/);
      assert.match(forced.value.reasons.join("\n"), /leaves out Elixir\.Shop\.Shelves/);
      assert.equal(await host.get("/version"), "0.0.2");
      assert.equal(await host.get("/shelves"), "[:apples]", "its appup starts no child");
      assert.equal(await host.pid(), pid);
    });
  });

  test("a library whose code changed without its version is refused with the module's name (8)", async () => {
    const library = join(builds.folder, "library");
    await mustRun("git", ["init", "-q", library]);
    const commit = async (text: string, tag: string) => {
      writeFileSync(join(library, "mix.exs"), LIBRARY_MIX);
      writeFileSync(join(library, "lib.ex"), text);
      const git = ["-C", library, "-c", "user.name=t", "-c", "user.email=t@example.com"];
      await mustRun("git", [...git, "add", "-A"]);
      await mustRun("git", [...git, "commit", "-qm", tag]);
      await mustRun("git", [...git, "tag", tag]);
    };
    await commit("defmodule Paint do\n  def color, do: :red\nend\n", "a");
    await commit("defmodule Paint do\n  def color, do: :blue\nend\n", "b");
    const with_ = (tag: string) => ({
      edit: {
        "mix.exs": replace("deps: []", `deps: [{:paint, git: "file://${library}", tag: "${tag}"}]`),
      },
      files: { "mix.lock": "%{}\n" },
    });
    const one = await builds.get("paint-a", { fixture: "shop-0.0.1", ...with_("a") });
    const two = await second("paint-b", with_("b"));
    const host = await BeamHost.start(one);
    try {
      const { status, value } = await host.upgrade(two);
      assert.equal(status, 4);
      assert.equal(value.error.code, "TSUGI_CODE_WITHOUT_VERSION");
      assert.match(value.error.message, /paint is 1\.0\.0 in both.*Elixir\.Paint/);
      assert.equal(await host.get("/version"), "0.0.1");
    } finally {
      await host.remove();
    }
  });

  test("each commit its own release: the same version in mix.exs, another in the release (8)", async () => {
    const one = await builds.get("git-1", { fixture: "shop-0.0.1", version: "0.0.1+7.aaaa" });
    const two = await builds.get("git-2", {
      fixture: "shop-0.0.1",
      version: "0.0.1+8.bbbb",
      edit: { "lib/shop/pages.ex": replace('@version "0.0.1"', '@version "eighth"') },
    });
    const host = await BeamHost.start(one);
    try {
      await host.get("/add");
      assert.equal((await host.upgrade(two)).status, 0);
      assert.equal(await host.get("/version"), "eighth");
      assert.equal((await host.json("rollback")).status, 0);
      assert.equal(await host.get("/version"), "0.0.1");
      assert.equal(await host.get("/count"), "1");
    } finally {
      await host.remove();
    }
  });

  test("a configuration that can't be evaluated refuses the upgrade, and no value of etc/env is shown (4)", async () => {
    const needy = await second("needy", {
      edit: {
        "config/runtime.exs": (text) =>
          `${text}\nSystem.get_env("API_KEY") || raise "no API_KEY in " <> inspect(System.get_env(), limit: :infinity)\n`,
      },
    });
    await withCart(async (host) => {
      host.setEnv({ DB_PASSWORD: 'hunter2"hunter2' });
      const { status, value, output } = await host.upgrade(needy);
      assert.equal(status, 4);
      assert.equal(value.error.code, "TSUGI_CONFIG_FAILED");
      assert.match(value.error.message, /no API_KEY in .*"DB_PASSWORD" => "\*\*\*"/s);
      const reports = readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8");
      assert.match(reports, /no API_KEY/);
      for (const text of [output, reports]) assert.doesNotMatch(text, /hunter2/);
      await servesAsBefore(host, await host.pid());
      host.setEnv({ API_KEY: "abc" });
      assert.equal((await host.json("upgrade", "0.0.2")).status, 0, "with the variable it goes");
    });
  });

  test("code_change that fails is found in the rehearsal; without it the node restarts into the old version, and says that state is lost (10)", async () => {
    const crashing = await second("crashing", {
      edit: {
        [CART]: replace(
          'code_change("0.0.1", count, _) when is_integer(count)',
          'code_change("0.0.1", count, _) when is_map(count)',
        ),
      },
    });
    await withCart(async (host) => {
      const pid = await host.pid();
      const rehearsed = await host.upgrade(crashing);
      assert.equal(rehearsed.status, 4, rehearsed.output);
      assert.equal(rehearsed.value.error.code, "TSUGI_STATE_FAILED");
      await servesAsBefore(host, pid);
      const crashed = await host.json("upgrade", "0.0.2", "--rehearse", "skip");
      assert.equal(crashed.status, 5, crashed.output);
      assert.equal(crashed.value.result, "handed-back");
      assert.equal(crashed.value.error.code, "TSUGI_CODE_CHANGE_CRASHED");
      assert.match(crashed.value.stateAsOf, /lost/);
      assert.equal(await host.get("/version"), "0.0.1");
      assert.equal(await host.get("/count"), "0", "the state is gone, as reported");
      assert.match(await host.get("/env"), /built_in: "0.0.1".*gone_later: true/, "the old config");
      assert.equal((await host.json("status")).value.version, "0.0.1");
      await host.must("restart");
      assert.equal(await host.get("/version"), "0.0.1");
      assert.match(await host.get("/env"), /built_in: "0.0.1".*gone_later: true/);
    });
  });

  test("a process that ends while states are copied is none that a rehearsal fails at", async () => {
    await withCart(async (host) => {
      host.drop(await second("0.0.2"));
      // While the cart, which is older, does not answer.
      await host.rpc(`
        {:ok, passing} = GenServer.start(Shop.Cart, 0)
        GenServer.cast(Shop.Cart, :be_busy)
        asked = fn ->
          {:messages, waiting} = Process.info(Process.whereis(Shop.Cart), :messages)
          Process.sleep(1)
          Enum.any?(waiting, &match?({:system, _, :get_status}, &1))
        end
        spawn(fn ->
          Stream.repeatedly(asked) |> Enum.find(& &1)
          Process.exit(passing, :kill)
        end)`);
      const { status, value, output } = await host.json("check", "0.0.2");
      assert.equal(status, 0, output);
      assert.equal(
        value.steps.find(({ name }: { name: string }) => name === "rehearse").failed,
        undefined,
      );
      await host.rpc("send(Shop.Cart, :go_on)");
      assert.equal(await host.get("/count"), "3");
    });
  });

  test("a code_change that does not end is a refusal when the time for a rehearsal is over", async () => {
    const endless = await second("endless", {
      edit: {
        [CART]: replace("{:ok, %{count: count, last: [:carried]}}", "Process.sleep(:infinity)"),
      },
    });
    await withCart(
      async (host) => {
        const pid = await host.pid();
        const { status, value, output } = await host.upgrade(endless);
        assert.equal(status, 4, output);
        assert.equal(value.error.code, "TSUGI_STATE_FAILED");
        assert.match(value.error.message, /Shop\.Cart.* did not end within 4000 ms/);
        await servesAsBefore(host, pid);
      },
      { config: { timeouts: { rehearseMs: 4_000 } } },
    );
  });

  test("an unhealthy version is handed back with the state, before it is permanent (10)", async () => {
    const health = { path: "/version", port: 1, intervalMs: 20, healthyAfter: 2 };
    await withCart(
      async (host) => {
        const pid = await host.pid();
        host.drop(await second("0.0.2"));
        const { status, value, output } = await asPlanned(host, "upgrade", "0.0.2");
        assert.equal(status, 5, output);
        assert.equal(value.result, "handed-back");
        assert.equal(value.error.code, "TSUGI_UNHEALTHY");
        await servesAsBefore(host, pid);
        assert.equal((await host.json("status")).value.status, "permanent");
      },
      { config: { health, timeouts: { probationMs: 200 } } },
    );
  });

  test("a process that dies in probation hands the version back (10)", async () => {
    const dying = await second("dying", {
      edit: {
        [CART]: (text) =>
          text
            .replace(
              "{:ok, %{count: count, last: [:carried]}}",
              "(Process.send_after(self(), :die, 60); {:ok, %{count: count, last: []}})",
            )
            .replace(
              "  # Busy until told",
              "  def handle_info(:die, _), do: exit(:no_more)\n\n  # Busy until told",
            ),
      },
    });
    await withCart(
      async (host) => {
        const { status, value, output } = await host.upgrade(dying);
        assert.equal(status, 5, output);
        assert.match(value.error.message, /Elixir\.Shop\.Cart.*no_more/);
        assert.equal(await host.get("/version"), "0.0.1");
      },
      { config: { health: { intervalMs: 500, healthyAfter: 3 } } },
    );
  });

  test("one that ends in good order there does not, as a page does when its client closes it", async () => {
    const closing = await second("closing", {
      edit: {
        [CART]: (text) =>
          text
            .replace(
              "{:ok, %{count: count, last: [:carried]}}",
              "(Process.send_after(self(), :close, 60); {:ok, %{count: count, last: []}})",
            )
            .replace(
              "  # Busy until told",
              "  def handle_info(:close, cart), do: {:stop, {:shutdown, :closed}, cart}\n\n  # Busy until told",
            ),
      },
    });
    await withCart(
      async (host) => {
        const { status, value, output } = await host.upgrade(closing);
        assert.equal(status, 0, output);
        assert.equal(value.result, "committed");
        assert.equal(await host.get("/count"), "0", "it did end");
      },
      { config: { health: { intervalMs: 500, healthyAfter: 3 } } },
    );
  });

  test("an unhealthy version with a process that can't be suspended for the way back goes by a restart, and says so", async () => {
    const stuck = await second("stuck", {
      edit: {
        [CART]: replace(
          "{:ok, %{count: count, last: [:carried]}}",
          "(GenServer.cast(self(), :be_busy); {:ok, %{count: count, last: []}})",
        ),
      },
    });
    const health = { path: "/version", port: 1, intervalMs: 20, healthyAfter: 2 };
    await withCart(
      async (host) => {
        const { status, value, output } = await host.upgrade(stuck);
        assert.equal(status, 5, output);
        assert.equal(value.result, "handed-back");
        assert.match(value.stateAsOf, /lost/);
        assert.match(value.error.message, /TSUGI_FREEZE_TIMEOUT/);
        assert.equal(await host.get("/version"), "0.0.1");
        assert.equal((await host.json("status")).value.status, "permanent");
      },
      { config: { health, timeouts: { probationMs: 200, freezeMs: 300 } } },
    );
  });

  test("what is installed stays where its way back can't be begun, and goes back later with its state", async () => {
    await withCart(
      async (host) => {
        host.drop(await second("0.0.2"));
        await host.must("install", "0.0.2");
        await host.rpc("GenServer.cast(Shop.Cart, :be_busy)");
        const refused = await host.json("rollback");
        assert.equal(refused.status, 4, refused.output);
        assert.equal(refused.value.error.code, "TSUGI_FREEZE_TIMEOUT");
        await host.rpc("send(Shop.Cart, :go_on)");
        assert.equal(await host.get("/version"), "0.0.2");
        await host.must("rollback");
        assert.equal(await host.get("/version"), "0.0.1");
        assert.equal(await host.get("/count"), "3");
      },
      { config: { timeouts: { freezeMs: 300 } } },
    );
  });

  test("a process that stays in old code is found before anything is called upgraded (12)", async () => {
    const loop = (version: string) => `defmodule Shop.Lazy do
  def start_link(_), do: {:ok, spawn_link(&loop/0)}
  def child_spec(_), do: %{id: Shop.Lazy, start: {Shop.Lazy, :start_link, [[]]}}
  def version, do: "${version}"
  defp loop do
    receive do
      :never -> loop()
    end
  end
end
`;
    const lazy = (version: string) => ({
      files: { "lib/shop/lazy.ex": loop(version) },
      edit: { "lib/shop/application.ex": replace("[Shop.Cart,", "[Shop.Lazy, Shop.Cart,") },
    });
    const one = await builds.get("lazy-1", { fixture: "shop-0.0.1", ...lazy("one") });
    const two = await second("lazy-2", lazy("two"));
    const host = await BeamHost.start(one, { config: { timeouts: { drainMs: 300 } } });
    try {
      await host.get("/add");
      const { status, value, output } = await host.upgrade(two);
      assert.equal(status, 5, output);
      assert.equal(value.error.code, "TSUGI_OLD_CODE_RUNS");
      // What it was started as, and not its pid alone (B7).
      assert.match(value.leftovers[0], /<\S+> \('Elixir\.Shop\.Lazy':loop\/0\) runs old code/);
      assert.equal(await host.get("/version"), "0.0.1");
      assert.equal(await host.get("/count"), "1");
    } finally {
      await host.remove();
    }
  });

  test("a process that can't be suspended in time is an error, not a skip (13)", async () => {
    await withCart(
      async (host) => {
        const pid = await host.pid();
        await host.rpc("GenServer.cast(Shop.Cart, :be_busy)");
        const { status, value, output } = await host.upgrade(
          await second("0.0.2"),
          "--rehearse",
          "skip",
        );
        assert.equal(status, 4, output);
        assert.equal(value.result, "thawed");
        assert.equal(value.error.code, "TSUGI_FREEZE_TIMEOUT");
        assert.match(value.error.message, /Elixir\.Shop\.Cart/);
        await host.rpc("send(Shop.Cart, :go_on)");
        await servesAsBefore(host, pid);
        const later = await host.json("upgrade", "0.0.2");
        assert.equal(later.status, 0, later.output);
        assert.equal(await host.get("/history"), "[:carried]");
      },
      { config: { timeouts: { freezeMs: 300 } } },
    );
  });

  test("migrations are a step of the upgrade, with their time; one that fails refuses it (15)", async () => {
    const migration = `defmodule Shop.Release do
  def migrate do
    if System.get_env("FAIL_MIGRATION"), do: raise("no table called admirals")
    {:ok, _} = Application.fetch_env(:shop, :greeting)
    note("before")
  end

  def tidy, do: note("after")

  defp note(what) do
    line = Enum.join([what, System.get_env("TSUGI_FROM"), System.get_env("TSUGI_TO")], " ")
    File.write!(Path.join(System.get_env("RELEASE_ROOT"), "var/migrations"), line <> "\\n", [:append])
  end
end
`;
    const migrating = await second("migrating", {
      files: { "lib/shop/release.ex": migration },
      edit: {
        "mix.exs": replace(
          "deps: []",
          "deps: [], releases: [shop: [tsugi: [before: [{Shop.Release, :migrate}], after: [{Shop.Release, :tidy, []}]]]]",
        ),
      },
    });
    await withCart(
      async (host) => {
        const pid = await host.pid();
        const failed = await host.upgrade(migrating);
        assert.equal(failed.status, 4, failed.output);
        assert.equal(failed.value.error.code, "TSUGI_HOOK_FAILED");
        assert.match(failed.value.error.message, /\*\* \(RuntimeError\) no table called admirals/);
        await servesAsBefore(host, pid);
        host.setEnv({ FAIL_MIGRATION: undefined });
        const { status, value, output } = await host.json("upgrade", "0.0.2");
        assert.equal(status, 0, output);
        const step = (name: string) =>
          value.steps.find((entry: { name: string }) => entry.name === name);
        assert.ok(step("before").ms > 0 && step("after").ms > 0);
        const notes = readFileSync(join(host.root, "var", "migrations"), "utf8");
        assert.equal(notes, "before 0.0.1 0.0.2\nafter 0.0.1 0.0.2\n");
      },
      { env: { FAIL_MIGRATION: "1" } },
    );
  });

  test("damaged, foreign and conflicting tarballs are refused and leave nothing", async () => {
    await withCart(async (host) => {
      const pid = await host.pid();
      const good = await second("0.0.2");
      const broken = join(host.root, "broken.tar.gz");
      writeFileSync(broken, readFileSync(good.tarball).subarray(0, 200_000));
      assert.equal((await host.json("upgrade", broken)).status, 4);
      const missing = await host.json("upgrade", "7.0.0");
      assert.equal(missing.status, 4);
      assert.equal(missing.value.error.code, "TSUGI_RELEASE_NOT_FOUND");
      const other = await builds.get("0.0.1-other", {
        fixture: "shop-0.0.1",
        edit: {
          "lib/shop/pages.ex": (text) => `${text}\n# other bytes\n`.replace('"/add"', '"/plus"'),
        },
      });
      const conflict = await host.json("unpack", other.tarball);
      assert.equal(conflict.status, 4);
      assert.equal(conflict.value.error.code, "TSUGI_RELEASE_CONFLICT");
      assert.equal(
        (await host.json("downgrade", "0.0.2")).value.error.code,
        "TSUGI_RELEASE_NOT_FOUND",
      );
      assert.equal((await host.app("upgrade")).status, 2);
      assert.deepEqual(readdirSync(join(host.root, "releases", ".staging")), []);
      await servesAsBefore(host, pid);
    });
  });
});

describe("a host with etc/trusted_keys", { skip }, () => {
  test("takes only what a trusted key signed: by unpack, and at the first start of a plain tar x", async () => {
    const { publicKey, privateKey } = generateKeyPairSync("ed25519");
    const stranger = generateKeyPairSync("ed25519");
    const [good, next] = [await first(), await second("0.0.2")];
    const host = await BeamHost.install(good);
    const keys = join(host.root, "etc", "trusted_keys");
    const refuses = async (code: string, says: RegExp, ...args: string[]) => {
      const { status, value, output } = await host.json(...args);
      assert.equal(status, 4, output);
      assert.equal(value.error.code, code);
      assert.match(value.error.message, says);
    };
    try {
      writeFileSync(keys, `# ours\n${formatTrustedKey(publicKey, "ci")}`);
      await refuses("TSUGI_SIGNATURE_REFUSED", /not signed/, "start");
      const own = join(host.root, "releases", "0.0.1", "release.json");
      writeFileSync(`${own}.sig`, signManifest(readFileSync(own, "utf8"), stranger.privateKey));
      await refuses("TSUGI_SIGNATURE_REFUSED", /is not trusted here/, "start");
      writeFileSync(`${own}.sig`, signManifest(readFileSync(own, "utf8"), privateKey));
      const beside = join(host.root, "lib", "shop-0.0.1", "ebin", "Elixir.Evil.beam");
      writeFileSync(beside, "");
      const { status, value } = await host.json("start");
      assert.deepEqual([status, value.error.code], [1, "TSUGI_RELEASE_DAMAGED"]);
      assert.match(value.error.message, /Elixir\.Evil\.beam is not among what was signed/);
      rmSync(beside);
      chmodSync(join(host.root, "etc"), 0o777);
      await refuses("TSUGI_ROOT_EXPOSED", /etc: what they put there would run/, "start");
      chmodSync(join(host.root, "etc"), 0o755);
      await host.must("start");

      const offered = join(host.root, "offered.tar.gz");
      const before = readdirSync(join(host.root, "lib"));
      const sign = async (key: KeyObject, text?: string) =>
        writeFileSync(offered, await signTarball(readFileSync(next.tarball), key, text));
      await refuses("TSUGI_SIGNATURE_REFUSED", /not signed/, "unpack", next.tarball);
      chmodSync(join(host.root, "etc"), 0o777);
      for (const verb of ["unpack", "check"]) {
        await refuses("TSUGI_ROOT_EXPOSED", /others may change/i, verb, next.tarball);
      }
      chmodSync(join(host.root, "etc"), 0o755);
      await sign(stranger.privateKey);
      await refuses("TSUGI_SIGNATURE_REFUSED", /is not trusted/, "upgrade", offered);
      await sign(privateKey, "something else");
      await refuses("TSUGI_SIGNATURE_REFUSED", /does not fit/, "unpack", offered);
      await sign(privateKey);
      for (const [text, says] of [
        ["", /has no key/],
        [`ed25519 ${"A".repeat(42)}\n`, /line 1/],
      ] as const) {
        writeFileSync(keys, text);
        await refuses("TSUGI_TRUSTED_KEYS_INVALID", says, "unpack", offered);
      }
      assert.deepEqual(readdirSync(join(host.root, "lib")), before);
      writeFileSync(keys, formatTrustedKey(publicKey));
      await host.must("upgrade", offered);
      assert.equal(await host.get("/version"), "0.0.2");
    } finally {
      await host.remove();
    }
  });
});

describe("secrets", { skip }, () => {
  test("one that is read at compile time fails the build, by application and key; in runtime.exs and etc/env it upgrades (14)", async () => {
    const folder = join(builds.folder, "secret");
    copyFixture(folder, {
      fixture: "shop-0.0.2",
      edit: { "config/config.exs": (text) => `${text}\nimport_config "prod.secret.exs"\n` },
      files: {
        "config/prod.secret.exs":
          'import Config\nconfig :shop, Shop.Repo, username: "shop", password: "hunter2hunter2"\n',
      },
    });
    const refused = await runRelease(folder);
    assert.equal(refused.status, 1, refused.output);
    assert.match(refused.output, /TSUGI_BEAM_CONFIG_SECRET/);
    assert.match(refused.output, /shop Elixir\.Shop\.Repo\.password/);
    assert.doesNotMatch(refused.output, /hunter2/);
    assert.equal(existsSync(join(folder, "rel", "shop")), false, "nothing was written");
    const config = join(folder, "config", "config.exs");
    writeFileSync(
      config,
      readFileSync(config, "utf8").replace('import_config "prod.secret.exs"', ""),
    );
    appendFileSync(
      join(folder, "config", "runtime.exs"),
      '\nconfig :shop, Shop.Repo, password: System.fetch_env!("DB_PASSWORD")\n',
    );
    const built = await runRelease(folder);
    assert.equal(built.status, 0, built.output);
    const release: BuiltBeam = { ...JSON.parse(built.stdout), folder };
    await withCart(async (host) => {
      host.setEnv({ DB_PASSWORD: "hunter2hunter2" });
      assert.equal((await host.upgrade(release)).status, 0);
      assert.match(await host.get("/env"), /hunter2/);
      assert.equal(await host.get("/count"), "3");
    });
  });
});

const appup = (instructions: string) => `{"0.0.2",[{"0.0.1",[${instructions}]}],[{"0.0.1",[]}]}.\n`;

const LIBRARY_MIX = `defmodule Paint.MixProject do
  use Mix.Project
  def project, do: [app: :paint, version: "1.0.0", elixirc_paths: ["."]]
end
`;
