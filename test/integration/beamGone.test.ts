/**
 * What a version no longer has, or has anew: a child that is gone ends by its own code, connections are held as
 * ever, who still runs such code is named, not killed; and what comes with the next start only is said.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { BeamBuilds, BeamHost, type BeamVariant, elixirMissing } from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const POLLER = `defmodule Shop.Poller do
  use GenServer
  def start_link(_), do: GenServer.start_link(__MODULE__, nil, name: __MODULE__)

  @impl true
  def init(_) do
    Process.flag(:trap_exit, true)
    :timer.send_interval(1, :tick)
    {:ok, 0}
  end

  @impl true
  def handle_info(:tick, n), do: {:noreply, n + 1}

  @impl true
  def terminate(reason, _), do: :persistent_term.put(:poller, reason)
end
`;

const LOOP = `defmodule Shop.Loop do
  def start, do: spawn(fn -> Process.register(self(), :loop) && run() end)
  def run, do: receive(do: (:end -> :ok))
end
`;

const one: BeamVariant = {
  fixture: "shop-0.0.1",
  version: "0.0.1",
  files: { "lib/shop/poller.ex": POLLER, "lib/shop/loop.ex": LOOP },
  edit: {
    "lib/shop/shelves.ex": (text) =>
      text.replace("[{Shop.Shelf, :apples}]", "[{Shop.Shelf, :apples}, Shop.Poller]"),
  },
};
const two: BeamVariant = { fixture: "shop-0.0.1", version: "0.0.2" };
const three: BeamVariant = {
  fixture: "shop-0.0.1",
  version: "0.0.3",
  files: { "lib/shop/poller.ex": POLLER },
  edit: {
    "lib/shop/application.ex": (text) => text.replace("[Shop.Cart,", "[Shop.Poller, Shop.Cart,"),
  },
};

describe("a child of Application.start/2 that is new", { skip }, () => {
  test("is said by plan, check and upgrade to come with the next start, and so it does", async () => {
    const host = await BeamHost.start(await builds.get("two", two));
    const said =
      /Elixir\.Shop\.Application:start\/2 does otherwise .* at the next start: .*bin\/shop restart/;
    try {
      host.drop(await builds.get("three", three));
      for (const verb of ["plan", "check", "upgrade"]) {
        const { status, value, output } = await host.json(verb, "0.0.3");
        assert.equal(status, 0, output);
        assert.match(value.reasons.join("\n"), said);
      }
      const isThere = () => host.rpc("is_pid(Process.whereis(Shop.Poller))");
      assert.equal(await isThere(), "false");
      await host.must("restart");
      assert.equal(await isThere(), "true");
    } finally {
      await host.remove();
    }
  });
});

describe("modules that are gone", { skip }, () => {
  test("two at once: connections are held, and a child that is gone ends in good order", async () => {
    const host = await BeamHost.start(await builds.get("one", one));
    try {
      host.drop(await builds.get("two", two));
      const shelves = await host.rpc("Process.whereis(Shop.Shelves)");
      const plan = await host.must("plan", "0.0.2");
      assert.match(plan.stdout, /tsugi_pause,over/);
      assert.match(
        plan.stdout,
        /tsugi_pause,delete,\[\['Elixir\.Shop\.Loop','Elixir\.Shop\.Poller'/,
      );
      const load = startLoad(host.port, 4, ["/count"]);
      for (const [verb, version] of [
        ["upgrade", "0.0.2"],
        ["downgrade", "0.0.1"],
        ["upgrade", "0.0.2"],
      ] as const) {
        const { status, value, output } = await host.json(verb, version);
        assert.equal(status, 0, output);
        assert.deepEqual(value.leftovers, []);
        assert.equal(await host.rpc("Process.whereis(Shop.Shelves)"), shelves, "never restarted");
        const isThere = await host.rpc("is_pid(Process.whereis(Shop.Poller))");
        assert.equal(isThere, String(version === "0.0.1"));
      }
      assert.deepEqual((await load.stop()).failures, []);
      assert.equal(await host.rpc(":persistent_term.get(:poller)"), ":shutdown");
    } finally {
      await host.remove();
    }
  });

  test("a process that runs one of them is named, and the version handed back, before anything is called upgraded", async () => {
    const host = await BeamHost.start(await builds.get("one", one), {
      config: { timeouts: { drainMs: 500 } },
    });
    try {
      await host.rpc("Shop.Loop.start()");
      const { status, value, output } = await host.upgrade(await builds.get("two", two));
      assert.equal(status, 5, output);
      assert.equal(value.error.code, "TSUGI_OLD_CODE_RUNS");
      assert.match(output, /process loop runs old code of 'Elixir\.Shop\.Loop'/);
      assert.equal(await host.get("/version"), "0.0.1");
    } finally {
      await host.remove();
    }
  });
});
