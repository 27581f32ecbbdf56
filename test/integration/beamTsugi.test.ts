/** Releases shaped by two versions of tsugi: its own code in a running node is another after an upgrade. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  BeamBuilds,
  BeamHost,
  type BuiltBeam,
  copyFixture,
  elixirMissing,
} from "../helpers/beam.ts";
import { mustRun } from "../helpers/commands.ts";
import { projectRoot } from "../helpers/example.ts";
import { until } from "../helpers/installed.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const NEXT = "99.0.0";

/** This tsugi as a later version of itself, with a server that says so in its state. */
function nextTsugi(folder: string): string {
  cpSync(join(projectRoot, "dist"), join(folder, "dist"), { recursive: true });
  symlinkSync(join(projectRoot, "node_modules"), join(folder, "node_modules"));
  const packageJson = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8"));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ ...packageJson, version: NEXT }));
  const file = join(folder, "dist", "beam", "host", "erl", "tsugi_server.erl");
  const [before, now] = [
    "code_change(_, S, _) -> {ok, S}.",
    "code_change(_, S, _) -> {ok, S#{next => yes}}.",
  ];
  const source = readFileSync(file, "utf8");
  assert.ok(source.includes(before));
  writeFileSync(file, source.replace(before, now));
  return join(folder, "dist", "cli", "main.mjs");
}

async function buildByNext(): Promise<BuiltBeam> {
  const cli = nextTsugi(join(builds.folder, "next-tsugi"));
  const folder = join(builds.folder, "clean-next");
  copyFixture(folder, { fixture: "shop-0.0.2" });
  const { stdout } = await mustRun(process.execPath, [cli, "release", "--json"], { cwd: folder });
  return { ...JSON.parse(stdout), folder };
}

describe("another version of tsugi in the release", { skip }, () => {
  test("its code is loaded when the upgrade is over, and only then; the keeper goes with it", async () => {
    const one = await builds.get("one", { fixture: "shop-0.0.1" });
    const two = await buildByNext();
    const health = { path: "/version", port: 1, intervalMs: 20, healthyAfter: 2 };
    const host = await BeamHost.start(one, {
      config: { health, timeouts: { probationMs: 300, drainMs: 30_000 } },
    });
    const renewed = () => host.rpc(":sys.get_state(:tsugi_server)[:next]");
    try {
      const pid = await host.pid();
      await host.get("/add");
      const unhealthy = await host.upgrade(two);
      assert.equal(unhealthy.status, 5, unhealthy.output);
      assert.match(
        unhealthy.value.reasons.join("\n"),
        /tsugi \S+ → 99\.0\.0: .*; loaded when the upgrade is over/,
      );
      assert.deepEqual([await host.get("/version"), await host.get("/count")], ["0.0.1", "1"]);
      assert.equal(await renewed(), "nil", "the old tsugi, as before");

      writeFileSync(join(host.root, "etc", "config.json"), "{}");
      const { status, value, output } = await host.json("upgrade", "0.0.2");
      assert.equal(status, 0, output);
      assert.deepEqual([value.result, value.leftovers], ["committed", []]);
      assert.equal(await renewed(), ":yes");
      assert.match((await host.must("version")).stdout, /^shop 0\.0\.2, tsugi 99\.0\.0, /);
      assert.deepEqual((await host.json("status")).value.leftovers, []);
      assert.deepEqual([await host.get("/count"), await host.pid()], ["1", pid]);

      // The release that brought the keeper is gone when the VM dies.
      await host.must("remove", "0.0.1");
      process.kill(pid, "SIGKILL");
      await until("it is up again", async () => (await host.app("ping")).status === 0, 60_000);
      assert.equal(await host.get("/version"), "0.0.2");
      assert.match(await host.rpc(":code.which(:tsugi_server)"), /tsugi-99\.0\.0/);

      host.drop(one);
      assert.equal((await host.json("upgrade", "0.0.1")).status, 0);
      assert.doesNotMatch(await host.rpc(":code.which(:tsugi_server)"), /tsugi-99\.0\.0/);
      assert.equal((await host.must("stop")).status, 0);
    } finally {
      await host.remove();
    }
  });
});
