/** kill -9 at each step of an unpack, an upgrade and a commit: what boots next is one whole version. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { BeamBuilds, BeamHost, elixirMissing } from "../helpers/beam.ts";
import { runCommand } from "../helpers/commands.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const shop = (version: string) => builds.get(version, { fixture: `shop-${version}` });

/** Of the node, in the order in which an upgrade comes by. The last one is behind the commit. */
const STEPS = [
  ["upgrade.term:renamed", "0.0.1"],
  ["relup:write", "0.0.1"],
  ["relup:renamed", "0.0.1"],
  ["install:before", "0.0.1"],
  ["install:after", "0.0.1"],
  ["commit:before", "0.0.1"],
  ["commit:after", "0.0.2"],
] as const;

const UNPACK = ["unpack:folders", "unpack:bin", "unpack:manifest", "unpack:unpacked"];

describe("kill -9", { skip }, () => {
  test("of the node at any step of an upgrade: its keeper boots one whole version, and it is reported", async () => {
    // More deaths in a minute than a keeper puts up with otherwise.
    const config = { restarts: { max: 100, withinMs: 1000 } };
    const host = await BeamHost.start(await shop("0.0.1"), { config });
    try {
      await host.must("unpack", (await shop("0.0.2")).tarball);
      for (const [label, expected] of STEPS) {
        const pid = await host.pid();
        await host.rpc(`System.put_env("TSUGI_FAULT", "${label}=kill")`);
        const { status, value, output } = await host.json("upgrade", "0.0.2");
        assert.notEqual(await host.pid(), pid, label);
        assert.equal(await host.get("/version"), expected, label);
        assert.equal(status, expected === "0.0.1" ? 5 : 0, `${label}\n${output}`);
        assert.equal(value.result, expected === "0.0.1" ? "handed-back" : "committed", label);
        assert.match(value.stateAsOf, /lost/, label);
        const running = (await host.json("status")).value;
        assert.deepEqual([running.version, running.status], [expected, "permanent"], label);
        const { releases } = (await host.json("releases")).value;
        assert.equal(releases.length, 2, label);
        if (expected === "0.0.2") await host.must("downgrade", "0.0.1");
      }
      await host.get("/add");
      assert.equal((await host.json("upgrade", "0.0.2")).value.result, "committed");
      assert.equal(await host.get("/count"), "1", "nothing of it is in the way of the next one");
    } finally {
      await host.remove();
    }
  });

  test("of an unpack while nothing runs: the next start boots the old one, the next unpack succeeds", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      const { tarball } = await shop("0.0.2");
      for (const label of UNPACK) {
        await host.must("stop");
        const env = { ...host.env, TSUGI_FAULT: `${label}=kill` };
        const killed = await runCommand(host.bin, ["unpack", tarball], { env });
        assert.notEqual(killed.status, 0, label);
        await host.must("start");
        assert.equal(await host.get("/version"), "0.0.1", label);
        const isWhole = label === "unpack:unpacked";
        assert.equal(existsSync(join(host.root, "lib", "shop-0.0.2")), isWhole, label);
        await host.must("unpack", tarball);
        await host.must("remove", "0.0.2");
      }
    } finally {
      await host.remove();
    }
  });
});
