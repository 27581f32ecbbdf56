/**
 * Elixir releases, built in separate clean folders, on hosts without Elixir, Erlang or Node. The
 * numbers are those of the points that the work was ordered by. This file: what goes well.
 * beamRefusals.test.ts: what does not.
 */
import assert from "node:assert/strict";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { titleOf } from "../../src/oci/artefact.ts";
import { LAYOUT } from "../../src/oci/layout.ts";
import { MANIFEST_TYPE } from "../../src/oci/source.ts";
import { openStore } from "../../src/store/index.ts";
import {
  asPlanned,
  BeamBuilds,
  BeamHost,
  copyFixture,
  elixirMissing,
  runRelease,
} from "../helpers/beam.ts";
import { startLoad } from "../helpers/beamLoad.ts";
import { mustRun, runCommand } from "../helpers/commands.ts";
import {
  ALICE,
  startFaultyRegistry,
  startRegistry,
  whyNoRegistry,
} from "../helpers/ociRegistry.ts";
import { freePort } from "../helpers/ports.ts";
import { mustTsugi, tsugi } from "../helpers/projects.ts";

const skip = await elixirMissing();
const noRegistry = await whyNoRegistry();
const builds = new BeamBuilds();
after(() => builds.dispose());

const shop = (version: "0.0.1" | "0.0.2" | "0.0.3") =>
  builds.get(version, { fixture: `shop-${version}` });

describe("a Mix release in a store", { skip }, () => {
  test("it comes back byte for byte, and a host upgrades to it out of a store on its disk", async () => {
    const folder = join(builds.folder, "store");
    const store = await openStore(folder);
    for (const version of ["0.0.1", "0.0.2"] as const) {
      const { tarball, sha256 } = await shop(version);
      const pushed = await store.push({ source: tarball });
      // Erlang and Elixir, 5.6 MB of it, are there by then.
      if (version === "0.0.2") assert.ok(pushed.moved.bytes < 500_000, JSON.stringify(pushed));
      const target = join(builds.folder, `shop-${version}.tar.gz`);
      const stored = await store.find({ name: "shop", version });
      assert.equal((await store.pull(stored, { target })).sha256, sha256);
    }
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      const none = await host.json("upgrade", `${folder}#shop@0.0.9`);
      assert.deepEqual([none.status, none.value.error.code], [4, "TSUGI_NOT_IN_STORE"]);
      const damaged = join(builds.folder, "damaged");
      cpSync(folder, damaged, { recursive: true });
      const { layers } = await store.find({ name: "shop", version: "0.0.2" });
      const own = layers.find((layer) => titleOf(layer) === "lib/shop-0.0.2")!;
      const path = join(damaged, LAYOUT.blob(own.digest));
      writeFileSync(path, readFileSync(path).subarray(0, -20));
      const refused = await host.json("upgrade", `${damaged}#0.0.2`);
      assert.deepEqual([refused.status, refused.value.error.code], [4, "TSUGI_UNPACK_REFUSED"]);
      assert.match(refused.value.error.message, /damaged\/blobs\/sha256\/[0-9a-f]{64}/);
      const { status, value, output } = await host.json("upgrade", `${folder}#0.0.2`);
      assert.equal(status, 0, output);
      assert.equal(value.result, "committed");
      assert.equal(await host.get("/version"), "0.0.2");
    } finally {
      await host.remove();
    }
  });

  test("a host takes what it lacks from a registry that asks who comes, by tag and by digest; what is wrong is said", {
    skip: noRegistry,
  }, async () => {
    const registry = await startRegistry(join(builds.folder, "registry"), ALICE);
    const asked: string[] = [];
    const watched = await startFaultyRegistry(registry, {
      now: ({ url }) => {
        asked.push(url!.split("/").at(-1)!);
        return false;
      },
    });
    const auth = Buffer.from("alice:wonderland").toString("base64");
    const auths = { [registry.host]: { auth }, [watched.host]: { auth } };
    const login = join(builds.folder, "auth.json");
    writeFileSync(login, JSON.stringify({ auths }));
    process.env.REGISTRY_AUTH_FILE = login;
    const place = `oci://${registry.host}/team/shop`;
    const store = await openStore(place);
    await store.push({ source: (await shop("0.0.2")).tarball });
    const host = await BeamHost.start(await shop("0.0.1"));
    mkdirSync(join(host.env.HOME!, ".docker"), { recursive: true });
    cpSync(login, join(host.env.HOME!, ".docker", "config.json"));
    try {
      for (const [named, code] of [
        [`${place}:0.0.9`, "TSUGI_NOT_IN_STORE"],
        ["oci://UPPER", "TSUGI_OCI_REFERENCE"],
        [`oci://localhost:${await freePort()}/team/shop`, "TSUGI_STORE_FAILED"],
      ]) {
        const refused = await host.json("upgrade", named!);
        assert.equal(refused.value.error?.code, code, refused.output);
      }
      // A tag that is a version names that one, whoever has moved it, and whatever is said there of a release.
      const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false", "--authfile", login];
      const at = (tag: string) => `docker://${registry.host}/team/shop:${tag}`;
      await mustRun("skopeo", ["copy", ...insecure, at("0.0.2"), at("0.0.7")], {});
      await mislabel(registry.host, auth, ["0.0.2", "0.0.8"]);
      for (const [tag, code, problem] of [
        ["0.0.7", "TSUGI_NOT_IN_STORE", /no release 0\.0\.7: the tag 0\.0\.7 names shop 0\.0\.2/],
        ["0.0.8", "TSUGI_UNPACK_REFUSED", /it holds shop 0\.0\.2/],
      ] as const) {
        for (const verb of ["plan", "unpack", "upgrade"]) {
          const { value, output } = await host.json(verb, `${place}:${tag}`);
          assert.equal(value.error?.code, code, output);
          assert.match(value.error.message, problem);
        }
      }
      const { digest, layers } = await store.find({ name: "shop", version: "0.0.2" });
      assert.equal((await host.json("plan", `${place}@${digest}`)).value.to, "0.0.2");
      const { status, value, output } = await host.json(
        "upgrade",
        `oci://${watched.host}/team/shop`,
      );
      assert.deepEqual([status, value.result], [0, "committed"], output);
      // Erlang, Elixir and what else has not changed is there.
      const taken = layers.filter((layer) => asked.includes(layer.digest)).map(titleOf);
      const own = ["release.json", "build.config"].map((name) => `releases/0.0.2/${name}`);
      assert.deepEqual(taken, [own[0], "bin/shop", "lib/shop-0.0.2", own[1], ""]);
      assert.equal(await host.get("/version"), "0.0.2");
      assert.deepEqual(readdirSync(join(host.root, "releases/.staging")), []);
      const docker = join(host.env.HOME!, ".docker", "config.json");
      for (const [written, why] of [
        [undefined, /\(401\)\./],
        ["{", /\(401; \S+\/config\.json is not JSON: correct it/],
        [
          '{"credsStore":"gone"}',
          /config\.json names docker-credential-gone, which is not on the PATH/,
        ],
      ] as const) {
        if (written === undefined) rmSync(docker);
        else writeFileSync(docker, written);
        const denied = await host.json("unpack", place);
        assert.equal(denied.value.error?.code, "TSUGI_REGISTRY_DENIED", denied.output);
        assert.match(denied.value.error.message, why);
      }
    } finally {
      delete process.env.REGISTRY_AUTH_FILE;
      await host.remove();
      await watched.close();
      await registry.close();
    }
  });
});

/** What a tag names is called another version, and has that tag. */
async function mislabel(host: string, auth: string, [from, to]: [string, string]) {
  const headers = {
    authorization: `Basic ${auth}`,
    accept: MANIFEST_TYPE,
    "content-type": MANIFEST_TYPE,
  };
  const at = (tag: string) => `http://${host}/v2/team/shop/manifests/${tag}`;
  const document = await (await fetch(at(from), { headers })).text();
  const said = JSON.parse(document);
  said.annotations["org.opencontainers.image.version"] = to;
  const put = await fetch(at(to), { method: "PUT", headers, body: JSON.stringify(said) });
  assert.equal(put.status, 201);
}

describe("a Mix release on the build machine", { skip }, () => {
  test("tsugi verify and plan read it, where there is no package.json", async () => {
    const [one, two] = [await shop("0.0.1"), await shop("0.0.2")];
    assert.ok(!existsSync(join(one.folder, "package.json")));
    const relative = join("rel", "shop", "releases", "0.0.1", "shop.tar.gz");
    assert.match((await mustTsugi(["verify", relative], one.folder)).stdout, /shop 0\.0\.1/);
    const planned = await mustTsugi(["plan", relative, two.tarball, "--json"], one.folder);
    const plan = JSON.parse(planned.stdout);
    assert.deepEqual([plan.from, plan.to, plan.strategy], ["0.0.1", "0.0.2", "swap"]);
    const node = await tsugi(["plan", relative, two.tarball, "--require", "swap"], one.folder);
    assert.equal(node.status, 0, node.output);
  });
});

describe("a Mix release in production", { skip }, () => {
  test("it is upgraded, skips a version and goes back, under load: no request fails, no state or connection is lost (3, 17)", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      const pid = await host.pid();
      const load = startLoad(host.port, 6, ["/version", "/count", "/price"]);
      for (let n = 0; n < 7; n += 1) await host.get("/add");
      for (const [version, verb, history] of [
        ["0.0.2", "upgrade", "[:carried]"],
        ["0.0.3", "upgrade", "[:carried]"],
        ["0.0.2", "downgrade", "[:carried]"],
        ["0.0.1", "downgrade", "?"],
        ["0.0.3", "upgrade", "[:skipped]"],
        ["0.0.1", "downgrade", "?"],
      ] as const) {
        host.drop(await shop(version));
        const { status, value, output } = await asPlanned(host, verb, version);
        assert.equal(status, 0, output);
        assert.equal(value.result, "committed");
        assert.equal(value.strategy, "swap");
        assert.deepEqual(value.leftovers, []);
        assert.ok(value.pauseMs > 0 && value.pauseMs < 2000, `pause ${value.pauseMs} ms`);
        assert.ok(value.connections.carried >= 6, "the clients' connections were carried");
        assert.equal(value.states[0].name, "Elixir.Shop.Cart");
        assert.equal(value.states[0].rehearsed, true);
        assert.notEqual(value.states[0].migrateMs, 0, "measured, or said not to be (B7)");
        assert.equal(await host.get("/version"), version);
        assert.equal(await host.get("/count"), "7");
        assert.equal(await host.get("/history"), history);
        assert.equal(await host.pid(), pid, "the same OS process");
      }
      const tally = await load.stop();
      assert.deepEqual(tally.failures, []);
      assert.equal(tally.connections, 6, "each client kept its connection");
      assert.ok(tally.answered > 100);
      assert.equal(host.log().includes("[error]"), false, host.log());
    } finally {
      await host.remove();
    }
  });

  test("modules, supervisors, code_change and their order are in the computed relup (1, 9)", async () => {
    const host = await BeamHost.install(await shop("0.0.1"));
    try {
      host.drop(await shop("0.0.2"));
      const { status, value } = await host.json("plan", "0.0.2", "--from", "0.0.1");
      assert.equal(status, 0);
      assert.equal(value.strategy, "swap");
      const relup: string[] = value.instructions;
      const at = (part: string) => {
        const index = relup.findIndex((line) => line.includes(part));
        assert.ok(index >= 0, `${part} is missing in\n${relup.join("\n")}`);
        return index;
      };
      assert.ok(at("tsugi_pause,start,[['Elixir.Shop.Shelves','Elixir.Shop.Cart']") > 0);
      assert.ok(at("tsugi_pause,start") < at("point_of_no_return"), "a time-out is a refusal");
      assert.ok(at("point_of_no_return") < at("tsugi_pause,load"));
      assert.match(
        relup[at("tsugi_pause,load")]!,
        /Shop\.Cart.*Shop\.Pages.*Shop\.Price\.Shop\.Pear/,
      );
      assert.equal(
        relup.filter((line) => /\{load,|pause,load/.test(line)).length,
        1,
        "all at once",
      );
      assert.ok(at("tsugi_pause,load") < at("tsugi_pause,change,[up,[{'Elixir.Shop.Cart'"));
      assert.ok(at("change,[up,[{'Elixir.Shop.Shelves'") < at("tsugi_children,start_new"));
      assert.ok(
        at("tsugi_children,start_new") < at("tsugi_pause,over"),
        "before anybody is served",
      );
      assert.ok(!relup.some((line) => line.includes("'Elixir.Shop.Web'")), "Web did not change");
    } finally {
      await host.remove();
    }
  });

  test("configuration is the new release's and the host's, after upgrade, downgrade and cold boot (4, 5, 9)", async () => {
    const host = await BeamHost.start(await shop("0.0.1"), { env: { GREETING: "first" } });
    try {
      const env = async () => host.get("/env");
      assert.match(await env(), /built_in: "0.0.1".*gone_later: true.*greeting: "first"/);
      host.setEnv({ GREETING: "second" });
      assert.equal((await host.json("status")).value.etcChanged, true);
      assert.equal((await host.upgrade(await shop("0.0.2"))).status, 0);
      const upgraded = await env();
      assert.match(upgraded, /built_in: "0.0.2".*greeting: "second".*new_in_2: \[1, 2\]/);
      assert.doesNotMatch(upgraded, /gone_later/);
      assert.match(upgraded, /put_at_run_time: "kept"/, "what code has put there stays");
      assert.equal(await host.get("/pear"), "15", "the new consolidated protocol is loaded");
      assert.equal(await host.get("/shelves"), "[:apples, :pears]", "the new child was started");
      assert.match(await host.rpc(":persistent_term.get(:config_change)"), /greeting/);
      assert.equal(await host.rpc('System.get_env("GREETING")'), '"second"');
      await host.must("restart");
      assert.equal(await env(), upgraded, "a cold boot has the same");
      assert.equal(await host.get("/pear"), "15");
      host.setEnv({ GREETING: undefined });
      assert.equal((await host.json("downgrade", "0.0.1")).status, 0);
      assert.match(await env(), /built_in: "0.0.1".*gone_later: true.*greeting: "hello"/);
      assert.equal(
        await host.rpc('System.get_env("GREETING")'),
        "nil",
        "a removed variable is gone",
      );
      assert.equal(await host.get("/shelves"), "[:apples]", "the child that is gone was stopped");
      const cold = await env();
      await host.must("restart");
      assert.equal(await env(), cold);
    } finally {
      await host.remove();
    }
  });

  test("reload applies a changed etc/ to the running release (4)", async () => {
    const host = await BeamHost.start(await shop("0.0.2"), { env: { GREETING: "before" } });
    try {
      await host.get("/add");
      const pid = await host.pid();
      host.setEnv({ GREETING: "after" });
      const { status, value } = await host.json("reload");
      assert.equal(status, 0);
      assert.match(value.reasons[0], /shop greeting/);
      assert.match(await host.get("/env"), /greeting: "after"/);
      assert.equal(await host.get("/count"), "1");
      assert.equal(await host.pid(), pid);
      assert.equal((await host.json("status")).value.etcChanged, false);
    } finally {
      await host.remove();
    }
  });

  test("a node that was started without RELEASES is mended while it runs, and upgraded (6)", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      assert.ok(existsSync(join(host.root, "releases", "RELEASES")), "made before the first boot");
      await host.must("stop");
      rmSync(join(host.root, "releases", "RELEASES"));
      const env = { ...host.env, ...envOf(host), TSUGI_ROOT: host.root };
      const mix = (...args: string[]) =>
        runCommand(`${host.bin}.mix`, args, { cwd: host.root, env });
      await mix("daemon");
      await until(async () => (await host.app("ping")).status === 0);
      const handler = await host.rpc("Process.whereis(:release_handler)");
      await host.get("/add");
      const { status, output } = await host.upgrade(await shop("0.0.2"));
      assert.equal(status, 0, output);
      assert.equal(await host.get("/count"), "1");
      assert.equal(await host.rpc("Process.whereis(:release_handler)"), handler, "not restarted");
      assert.match(readFileSync(join(host.root, "releases", "RELEASES"), "utf8"), /permanent/);
    } finally {
      await host.remove();
    }
  });

  test("cookie and start_erl.data are the host's and stay; no tarball has them (7)", async () => {
    const [one, two] = [await shop("0.0.1"), await shop("0.0.2")];
    const { stdout } = await mustRun("tar", ["tzf", one.tarball]);
    const files = stdout.split("\n");
    assert.equal(files[0], "releases/0.0.1/release.json");
    for (const file of ["releases/COOKIE", "releases/start_erl.data", "releases/RELEASES"]) {
      assert.ok(!files.includes(file), file);
    }
    assert.ok(
      !files.includes("releases/0.0.1/relup") && !files.includes("releases/0.0.1/sys.config"),
    );
    assert.ok(files.includes("bin/shop.mix"), "mix's own script is set aside");
    const host = await BeamHost.start(one);
    try {
      const cookie = readFileSync(join(host.root, "releases", "COOKIE"), "utf8");
      assert.ok(cookie.length >= 32);
      assert.equal(statSync(join(host.root, "releases", "COOKIE")).mode & 0o777, 0o600);
      const pid = await host.pid();
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, "latin1");
      assert.ok(!commandLine.includes(cookie), "nor is it on the command line");
      await host.upgrade(two);
      assert.equal(readFileSync(join(host.root, "releases", "COOKIE"), "utf8"), cookie);
      const startErl = readFileSync(join(host.root, "releases", "start_erl.data"), "utf8");
      assert.match(startErl, /^\S+ 0\.0\.2\n?$/);
      assert.equal(
        statSync(join(host.root, "releases", "0.0.2", "sys.config")).mode & 0o777,
        0o600,
      );
    } finally {
      await host.remove();
    }
  });

  test("no cookie is made in HOME; one that is there, also an empty one, is in nobody's way", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    const cookie = join(host.env.HOME!, ".erlang.cookie");
    try {
      await host.must("status");
      assert.ok(!existsSync(cookie));
      // What OTP leaves behind on a full disk.
      writeFileSync(cookie, "", { mode: 0o400 });
      await host.must("status");
      rmSync(cookie);
      writeFileSync(cookie, "SOMEBODYELSES".repeat(2), { mode: 0o400 });
      await host.must("status");
    } finally {
      await host.remove();
    }
  });

  test("stop returns when the VM is gone; epmd does not outlive the last node (16)", async () => {
    // A port of its own: an epmd that another node here has started would do for this one too.
    const env = { ERL_EPMD_PORT: String(await freePort()) };
    const host = await BeamHost.start(await shop("0.0.1"), { env });
    try {
      const pid = await host.pid();
      assert.equal(epmdsOf(host.root).length, 1);
      const { status, output } = await host.app("stop");
      assert.equal(status, 0, output);
      assert.ok(!isAlive(pid), "the VM is gone");
      assert.deepEqual(epmdsOf(host.root), [], "so is its epmd");
      assert.equal((await host.app("ping")).status, 3);
      assert.equal((await host.app("stop")).status, 3);
    } finally {
      await host.remove();
    }
  });

  test("a VM that is killed is started again by its keeper; the permanent release serves (6)", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      const pid = await host.pid();
      process.kill(pid, "SIGKILL");
      await until(
        async () =>
          (await host.app("pid")).stdout.trim() !== String(pid) &&
          (await host.get("/version")) === "0.0.1",
      );
      const { value } = await host.json("status");
      assert.equal(value.processes[0].slots[0].restarts, 1, host.log());
      const again = await host.app("start");
      assert.equal(again.status, 1);
      assert.match(again.stderr, /TSUGI_ALREADY_RUNNING/);
    } finally {
      await host.remove();
    }
  });

  test("two clean folders give the same tarball", async () => {
    const one = await shop("0.0.1");
    const folder = join(builds.folder, "elsewhere", "deeper");
    copyFixture(folder, { fixture: "shop-0.0.1" });
    const built = JSON.parse((await runRelease(folder)).stdout);
    assert.equal(built.sha256, one.sha256);
  });

  test("install leaves it current; commit makes it permanent; a crash before falls back", async () => {
    const host = await BeamHost.start(await shop("0.0.1"));
    try {
      host.drop(await shop("0.0.2"));
      assert.equal((await host.json("install", "0.0.2")).status, 0);
      assert.equal((await host.json("status")).value.status, "current");
      await host.must("restart");
      assert.equal(await host.get("/version"), "0.0.1");
      assert.equal((await host.json("install", "0.0.2")).status, 0);
      assert.equal((await host.json("commit")).value.version, "0.0.2");
      await host.must("restart");
      assert.equal(await host.get("/version"), "0.0.2");
      assert.equal((await host.json("rollback")).value.to, "0.0.1");
      const { value } = await host.json("releases");
      const status = Object.fromEntries(
        value.releases.map((entry: { version: string; status: string }) => [
          entry.version,
          entry.status,
        ]),
      );
      assert.deepEqual(status, { "0.0.1": "permanent", "0.0.2": "old" });
      await host.must("remove", "0.0.2");
      assert.deepEqual(
        readdirSync(join(host.root, "lib")).filter((name) => name.startsWith("shop-")),
        ["shop-0.0.1"],
      );
    } finally {
      await host.remove();
    }
  });
});

describe("an umbrella of three", { skip }, () => {
  const mall = (version: string) => builds.get(`mall-${version}`, { fixture: `mall-${version}` });

  test("gen_statem, gen_event and a special process keep their state both ways; applications keep versions apart (1, 8, 17)", async () => {
    const host = await BeamHost.start(await mall("0.0.1"));
    try {
      const pid = await host.pid();
      const load = startLoad(host.port, 4, ["/version", "/look", "/heard"]);
      await host.get("/push");
      for (let n = 0; n < 3; n += 1) await host.get("/tick");
      await host.get("/hear");
      const { status, value, output } = await host.upgrade(await mall("0.0.2"));
      assert.equal(status, 0, output);
      assert.match(value.reasons.join("\n"), /ledger 0\.1\.0\+0\.0\.1 → 0\.1\.0\+0\.0\.2/);
      assert.equal(await host.get("/look"), "{:open, %{pushes: 1}}");
      assert.equal(await host.get("/tick"), "4");
      assert.equal(await host.get("/heard"), "1");
      assert.equal(await host.get("/money"), "5 CHF");
      assert.equal((await host.json("downgrade", "0.0.1")).status, 0);
      assert.equal(await host.get("/look"), "{:open, 1}");
      assert.equal(await host.get("/tick"), "5");
      assert.equal(await host.get("/money"), "5 EUR");
      assert.equal(await host.pid(), pid);
      assert.deepEqual((await load.stop()).failures, []);
    } finally {
      await host.remove();
    }
  });
});

/** `etc/env` as an object, for what is started without tsugi. */
function envOf(host: BeamHost): Record<string, string> {
  const lines = readFileSync(join(host.root, "etc", "env"), "utf8")
    .split("\n")
    .filter(Boolean);
  return Object.fromEntries(lines.map((line) => line.split("=") as [string, string]));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    if (await condition().catch(() => false)) return;
    if (Date.now() > deadline) throw new Error("it did not come about within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function isAlive(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) Z /.test(readFileSync(stat, "utf8"));
}

function epmdsOf(root: string): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const program = readFileSync(`/proc/${pid}/cmdline`, "latin1").split("\0")[0] ?? "";
        return program.startsWith(join(root, "erts")) && program.endsWith("/epmd");
      } catch {
        return false;
      }
    });
}
