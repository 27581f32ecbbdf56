/**
 * All code of an upgrade changes at once, and no request stands in between: functions are renamed together
 * with their callers, to and fro, while clients ask. And what is kept as a value (closures) lives on.
 */
import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import type { StateReport } from "../../src/protocol/report.ts";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { renamed, sameVersion } from "../helpers/beamRenamed.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const one = () => builds.get("one", renamed("0.0.1", "say"));
const two = () => builds.get("two", renamed("0.0.2", "tell"));

describe("a release under traffic", { skip }, () => {
  test("functions renamed with their callers, to and fro: no request fails, none runs in two versions, slow ones are waited for (B1)", async () => {
    const host = await BeamHost.start(await one());
    try {
      host.drop(await two());
      const quick = startLoad(host.port, 6, ["/word", "/version", "/word", "/count"]);
      const slow = startLoad(host.port, 2, ["/slow"], { text: sameVersion });
      const fresh = startLoad(host.port, 2, ["/word"], { text: sameVersion, keepAlive: false });
      for (const [n, [verb, version]] of [
        ["upgrade", "0.0.2"],
        ["downgrade", "0.0.1"],
        ["upgrade", "0.0.2"],
        ["downgrade", "0.0.1"],
        ["upgrade", "0.0.2"],
      ].entries()) {
        const { status, value, output } = await host.json(verb!, version!);
        assert.equal(status, 0, `${n}: ${output}`);
        assert.equal(await host.get("/version"), version);
        assert.ok(value.pauseMs > 0 && value.pauseMs < 2_000, `pause ${value.pauseMs}`);
        assert.ok(value.connections.carried >= 8, output);
        assert.equal(value.connections.lost, 0);
        assert.equal(value.requests.failed, 0, "as its telemetry says");
        // A view's code_change/3, though no process runs the view's module (B4).
        const step = version === "0.0.2" ? ", step: 5" : "";
        assert.equal(await host.get("/page"), `%{count: 3${step}}`);
        const states = value.states.map(({ name }: { name: string }) => name);
        assert.ok(states.includes("Elixir.Shop.PageLive"), states.join());
      }
      const tallies = [await quick.stop(), await slow.stop(), await fresh.stop()];
      for (const tally of tallies) assert.deepEqual(tally.failures, []);
      assert.deepEqual(
        [tallies[0]!.connections, tallies[1]!.connections],
        [6, 2],
        "none was closed",
      );
      assert.ok(tallies[1]!.answered > 20, "slow requests were under way all the time");
    } finally {
      await host.remove();
    }
  });

  test("closures are named before the upgrade, with place and remedy; they run on after it, and are reported", async () => {
    const host = await BeamHost.start(await one());
    try {
      host.drop(await two());
      await host.rpc(LARGE_TABLE);
      const named = [
        /not looked into for closures: 1 ETS table, 0 states \(too large, or no time left\)/,
        /2 closures of Shop\.Keeper in ETS table kept/,
        /1 closure of Shop\.Keeper in persistent_term kept/,
      ];
      const plan = await host.json("plan", "0.0.2");
      const check = await host.json("check", "0.0.2");
      for (const { status, value, output } of [plan, check]) {
        assert.equal(status, 0, output);
        for (const text of named) assert.match(value.reasons.join("\n"), text);
      }
      assert.match(check.value.reasons.join("\n"), /&Module\.name\/arity/);
      assert.equal(await host.get("/heard"), "said to 0.0.1, sung to 0.0.1");
      const failing = startLoad(host.port, 1, ["/fails"]);
      const { status, value, output } = await host.json("upgrade", "0.0.2");
      await failing.stop();
      assert.equal(status, 0, output);
      assert.ok(value.requests.failed > 0, "requests that failed meanwhile are counted");
      assert.equal(
        await host.get("/heard"),
        "said to 0.0.2, sung to 0.0.2",
        "a handler is made anew, for all that it was attached to (B2)",
      );
      for (const text of named.slice(1)) assert.match(value.leftovers.join("\n"), text);
      // A child that is gone, of a module without a @vsn (B7).
      const shelf = value.states.find(({ name }: StateReport) => name === "Elixir.Shop.Shelf");
      assert.equal(shelf.dropped, 1, output);
      for (const vsn of [shelf.from, shelf.to]) assert.match(vsn, /^[0-9a-f]{8}$/);
      // Anybody who looks must not be the one who ends it.
      await host.must("status");
      assert.equal(await host.get("/version"), "0.0.2");
      assert.equal(await host.get("/kept"), "hello you of 0.0.1");
      assert.equal(await host.get("/named"), "greet you of 0.0.1");
      assert.equal(await host.get("/term"), "kept by 0.0.1");
      const back = await host.json("downgrade", "0.0.1");
      assert.equal(back.status, 0, back.output);
      assert.deepEqual(back.value.leftovers, [], "their own code is back");
      assert.equal(await host.get("/kept"), "hello you of 0.0.1");
    } finally {
      await host.remove();
    }
  });
});

/** One with more rows than are looked through. */
const LARGE_TABLE = `me = self()
spawn(fn ->
  :ets.new(:large, [:named_table, :public])
  :ets.insert(:large, for(n <- 1..100_001, do: {n}))
  send(me, :made)
  Process.sleep(:infinity)
end)
receive do: (:made -> :ok)`;
