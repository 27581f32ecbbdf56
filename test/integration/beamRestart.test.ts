/** Another Erlang or Elixir is a restart, and one with the shortest gap there is. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import {
  asPlanned,
  BeamBuilds,
  BeamHost,
  elixirMissing,
  otherErlang,
  otherLogger,
  startedWithCart,
} from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { processesOf } from "../helpers/crashBeam/run.ts";
import { until } from "../helpers/installed.ts";

const skip = await elixirMissing();
const builds = new BeamBuilds();
after(() => builds.dispose());

const first = () => builds.get("first", { fixture: "shop-0.0.1" });

const withCart = async (check: (host: BeamHost) => Promise<void>) =>
  startedWithCart(await first(), check);

async function servesAsBefore(host: BeamHost, pid: number): Promise<void> {
  assert.equal(await host.get("/count"), "3");
  assert.equal(await host.pid(), pid);
}

describe("another OTP, ERTS or Elixir", { skip }, () => {
  test("is planned as a restart, refused unless asked for, and then measured like any other (11)", async () => {
    const one = await first();
    const two = await otherLogger(one, join(builds.folder, "other-elixir"));
    await withCart(async (host) => {
      const pid = await host.pid();
      const { status, value, output } = await host.upgrade(two);
      assert.equal(status, 4, output);
      assert.equal(value.strategy, "restart");
      assert.equal(value.error.code, "TSUGI_RESTART_NEEDED");
      assert.match(value.error.message, /logger 1\.\S+ → 99\.0\.0/);
      await servesAsBefore(host, pid);
      const restarted = await asPlanned(host, "upgrade", two.version, "--allow-restart");
      assert.equal(restarted.status, 0, restarted.output);
      assert.equal(restarted.value.result, "committed");
      assert.equal(await host.rpc("to_string(Application.spec(:logger, :vsn))"), '"99.0.0"');
      assert.equal(await host.get("/version"), "0.0.1");
      const { pauseMs, connections, steps } = restarted.value;
      assert.ok(pauseMs > 0, "the gap was measured");
      const run = readdirSync(join(host.root, "run")).filter((name) => name.startsWith("standby"));
      assert.deepEqual(run, []);
      const names = steps.map(({ name }: { name: string }) => name);
      const at = names.indexOf("restart");
      assert.equal(names[at - 1], "standby", "booted before the old one ended");
      assert.deepEqual([connections.carried, connections.drained], [0, 0]);
      await host.must("restart");
      assert.equal((await host.json("status")).value.version, two.version);
      const down = await asPlanned(host, "downgrade", one.version, "--allow-restart");
      assert.equal(down.status, 0, down.output);
      assert.notEqual(await host.rpc("to_string(Application.spec(:logger, :vsn))"), '"99.0.0"');
    });
  });

  test("so is another build of the same Erlang: the runtimes stand side by side, and it goes there and back (B6)", async () => {
    const one = await first();
    const note = (what: string) => `[{os,cmd,["echo ${what} >> $RELEASE_ROOT/var/notes"]}]`;
    const hooks = `[{'after',${note("there")}},{down_after,${note("back")}}].`;
    const two = await otherErlang(one, join(builds.folder, "other-build"), {
      "tsugi.config": hooks,
    });
    await withCart(async (host) => {
      const refused = await host.upgrade(two);
      assert.equal(refused.status, 4, refused.output);
      assert.equal(refused.value.error.code, "TSUGI_RESTART_NEEDED");
      assert.match(refused.value.error.message, /another build of the same version: erts \d+\.\S+/);
      const restarted = await asPlanned(host, "upgrade", two.version, "--allow-restart");
      assert.equal(restarted.status, 0, restarted.output);
      const runtimes = readdirSync(host.root).filter((name) => name.startsWith("erts-"));
      assert.equal(runtimes.length, 2, runtimes.join());
      assert.equal(await host.get("/version"), "0.0.1");
      const program = readlinkSync(`/proc/${await host.pid()}/exe`);
      assert.ok(runtimes.some((name) => program.startsWith(join(host.root, name))));
      const back = await asPlanned(host, "rollback", one.version, "--allow-restart");
      assert.equal(back.status, 0, back.output);
      const notes = readFileSync(join(host.root, "var", "notes"), "utf8");
      assert.equal(notes, "there\nback\n", "what comes after it is done by the new VM");
      assert.notEqual(readlinkSync(`/proc/${await host.pid()}/exe`), program);
      await host.must("remove", two.version);
      const left = readdirSync(host.root).filter((name) => name.startsWith("erts-"));
      assert.equal(left.length, 1, "the runtime goes with the last release that names it");
    });
  });

  test("one that can't even boot is found beside the one that runs, which goes on", async () => {
    const one = await first();
    const two = await otherErlang(one, join(builds.folder, "no-boot"), {
      "vm.args": "\n+Q none\n",
    });
    await withCart(async (host) => {
      const pid = await host.pid();
      host.drop(two);
      const { status, value, output } = await host.json("upgrade", two.version, "--allow-restart");
      assert.equal(status, 4, output);
      assert.equal(value.error.code, "TSUGI_NOT_READY");
      assert.equal(value.steps.at(-1).name, "standby");
      await servesAsBefore(host, pid);
      assert.match(host.log(), /bad number of ports none/);
    });
  });

  test("one that stands by ends with an upgrade that fails, and the next one has one of its own", async () => {
    const one = await first();
    const two = await otherLogger(one, join(builds.folder, "given-up"));
    await withCart(async (host) => {
      const pid = await host.pid();
      const virtualMachines = () =>
        processesOf(host.root).filter(({ command }) => /\bbeam\.smp\b/.test(command)).length;
      host.drop(two);
      await host.rpc('System.put_env("TSUGI_FAULT", "boot:write=eio")');
      const failed = await host.json("upgrade", two.version, "--allow-restart");
      assert.notEqual(failed.status, 0, failed.output);
      assert.equal(failed.value.steps.at(-1).name, "standby");
      await servesAsBefore(host, pid);
      assert.equal(virtualMachines(), 1);
      await host.rpc('System.delete_env("TSUGI_FAULT")');
      const restarted = await host.json("upgrade", two.version, "--allow-restart");
      assert.equal(restarted.value.result, "committed", restarted.output);
      await host.must("stop");
      assert.equal(virtualMachines(), 0);
    });
  });

  test("the listening socket that a service was started with stays open: nobody is refused meanwhile", async () => {
    const listens = (text: string) =>
      text.replace(
        ":gen_tcp.listen(port, [{:ip, {127, 0, 0, 1}} | options])",
        ':gen_tcp.listen(0, [{:fd, String.to_integer(System.fetch_env!("LISTEN_FDS")) + 2} | options])',
      );
    const edit = { "lib/shop/web.ex": listens };
    const one = await builds.get("listens", { fixture: "shop-0.0.1", edit });
    const two = await otherLogger(one, join(builds.folder, "listens-too"));
    const host = await BeamHost.install(one);
    host.drop(two);
    const server = createServer().listen(host.port, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    // As systemd does it: the first is 3.
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
    const keeper = spawn(host.bin, ["foreground"], {
      env: { ...host.env, LISTEN_FDS: "1" },
      stdio: ["ignore", "ignore", "ignore", fd],
    });
    server.close();
    try {
      const serves = () => host.get("/version").catch(() => undefined);
      await until("it serves", serves, 60_000);
      const load = startLoad(host.port, 2, ["/version"], { keepAlive: false });
      const { status, value, output } = await host.json("upgrade", two.version, "--allow-restart");
      assert.equal(status, 0, output);
      assert.ok(value.pauseMs > 0);
      await host.get("/version");
      const { failures, answered } = await load.stop();
      // One that the old VM had accepted may end with it.
      assert.deepEqual(
        failures.filter((why) => /ECONNREFUSED|no answer/.test(why)),
        [],
      );
      assert.ok(failures.length <= 2, failures.join());
      assert.ok(answered > 2);
    } finally {
      await host.app("stop");
      keeper.kill();
      host.erase();
    }
  });
});
