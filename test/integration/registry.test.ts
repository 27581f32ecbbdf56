/** Hosts that take releases out of a registry. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { orUndefined } from "../../src/contract/checks.ts";
import { descendantsOf, runningProcesses } from "../../src/platform/processTable.ts";
import { openStore } from "../../src/store/index.ts";
import { mustRun } from "../helpers/commands.ts";
import type { Host } from "../helpers/host.ts";
import {
  type Registry,
  startFaultyRegistry,
  startRegistry,
  whyNoRegistry,
} from "../helpers/ociRegistry.ts";
import { temporaryFolder } from "../helpers/projects.ts";
import { buildWall, eventually } from "../helpers/wall.ts";

const skip = await whyNoRegistry();
const wall = await buildWall({
  "0.0.1": {},
  "0.0.2": { extra: "/* another version */" },
  "0.0.4": { extra: 'throw new Error("it does not start");' },
  "0.0.3": { extra: "globalThis.unhealthy = true;", config: { health: { path: "/healthz" } } },
});
after(() => wall.dispose());

describe("a host and a registry", { skip }, () => {
  const { folder, remove } = temporaryFolder("host-registry");
  let registry: Registry;
  let place: string;

  before(async () => {
    registry = await startRegistry(join(folder, "registry"));
    place = `oci://${registry.host}/team/wall`;
    const store = await openStore(place);
    for (const version of ["0.0.1", "0.0.2"]) await store.push({ source: wall.tarball(version) });
  });
  after(async () => {
    await registry.close();
    remove();
  });

  test("upgrades out of it, bringing only what it lacks", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const plan = await host.app("plan", place, "--json");
    assert.equal(JSON.parse(plan.stdout).to, "0.0.2");
    assert.ok(!existsSync(join(host.root, "lib/wall-0.0.2")));
    const upgraded = await host.must("upgrade", `${place}:0.0.2`);
    assert.match(upgraded.stderr, /Took 0\.0\.2: [\d.]+ (B|KB) of [\d.]+ MB/);
    assert.equal((await get()).version, "0.0.2");
    assert.deepEqual(readdirSync(join(host.root, "releases/.staging")), []);
    const again = await host.must("upgrade", place);
    assert.match(again.stdout, /Nothing to do: 0\.0\.2 runs already/);
  });

  test("holds a tag that is a version to it: one that was moved takes nobody to another release", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const moved = `${place}-moved`;
    const store = await openStore(moved);
    for (const version of ["0.0.1", "0.0.2"]) await store.push({ source: wall.tarball(version) });
    const at = (tag: string) => `${moved.replace("oci:", "docker:")}:${tag}`;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    for (const tag of ["0.0.3", "v0.0.3", "prod"]) {
      await mustRun("skopeo", ["copy", ...insecure, at("0.0.2"), at(tag)], {});
    }
    for (const tag of ["0.0.3", "v0.0.3"]) {
      for (const verb of ["plan", "unpack", "upgrade"]) {
        const { status, output } = await host.app(verb, `${moved}:${tag}`);
        assert.equal(status, 4, output);
        assert.match(output, /has no release v?0\.0\.3: the tag v?0\.0\.3 names wall\s+0\.0\.2/);
      }
    }
    assert.equal((await get()).version, "0.0.1");
    const plan = await host.app("plan", `${moved}:prod`, "--json");
    assert.equal(JSON.parse(plan.stdout).to, "0.0.2", "any other tag is a name for what it names");
  });

  test("follows a tag: goes where it points, tries what was refused no second time, and comes back", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    let looks = 0;
    const watched = await startFaultyRegistry(registry, {
      now: ({ method, url }) => {
        if (method === "GET" && url!.includes("/manifests/latest")) looks += 1;
        return false;
      },
    });
    t.after(() => watched.close());
    const store = await openStore(`${place}-followed`);
    await store.push({ source: wall.tarball("0.0.1") });
    const followed = following(t, host, `oci://${watched.host}/team/wall-followed`);
    await followed.says(/0\.0\.1 runs, as is wanted/);
    await store.push({ source: wall.tarball("0.0.2") });
    await eventually("0.0.2 serves", async () => (await get()).version === "0.0.2", 60_000);
    await followed.says(/0\.0\.2 runs, as is wanted/);
    await store.push({ source: wall.tarball("0.0.3") });
    await followed.says(/Not gone there \(exit code [145]\)/);
    assert.equal((await get()).version, "0.0.2");
    const tries = () => followed.output().split("wanted is").length - 1;
    const [tried, looked] = [tries(), looks];
    await eventually("it has looked again", () => looks > looked + 1, 60_000);
    assert.equal(tries(), tried);
    const status = await followed.end();
    assert.equal(status, 0);
    assert.equal((await get()).version, "0.0.2");
  });

  test("killed at any step of it, or lied to by the registry, serves as before, and gets there in the end", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const asked: string[] = [];
    let moment = /^none$/;
    let lies = false;
    let followed: ReturnType<typeof following> | undefined;
    const watched = await startFaultyRegistry(registry, {
      now: ({ method, url }) => {
        asked.push(`${method} ${url}`);
        if (moment.test(asked.at(-1)!)) followed!.kill();
        return false;
      },
      bytes: (body) => (lies ? Buffer.from(body.map((byte) => byte ^ 1)) : body),
    });
    t.after(() => watched.close());
    const from = `oci://${watched.host}/team/wall:0.0.2`;
    // It looks, its upgrade looks by digest, a layer comes.
    for (moment of [/GET .*manifests\/0\.0\.2/, /GET .*manifests\/sha256/, /GET .*blobs/]) {
      const before = asked.length;
      followed = following(t, host, from);
      await followed.ended();
      assert.match(asked.slice(before).join("\n"), moment);
      assert.equal((await get()).version, "0.0.1", String(moment));
    }
    moment = /^none$/;
    lies = true;
    followed = following(t, host, from);
    await followed.says(
      /TSUGI_STORE_DAMAGED[\s\S]*Not gone there \(exit code 1\): tried again later/,
    );
    assert.equal((await get()).version, "0.0.1");
    lies = false;
    // Once what it lacks has come, the upgrade is the supervisor's.
    await followed.says(/Took 0\.0\.2/);
    followed.kill();
    assert.match((await get()).version, /^0\.0\.[12]$/);
    const last = following(t, host, from);
    await last.says(/0\.0\.2 runs, as is wanted/);
    assert.equal((await get()).version, "0.0.2");
    await last.end();
    await host.must("stop");
    await host.must("start");
    assert.deepEqual(listed(join(host.root, "releases/.staging")), []);
    assert.deepEqual(listed(join(host.root, "lib")).sort().slice(-2), ["wall-0.0.1", "wall-0.0.2"]);
  });

  test("follows a line in a file, such as an annotation, and says what can't be read", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    const file = join(host.root, "annotations");
    const followed = following(t, host, file, { more: ["--annotation", "tsugi/version"] });
    await followed.says(/Nothing is wanted/);
    writeFileSync(file, `app="wall"\ntsugi/version="no version"\n`);
    await followed.says(/TSUGI_FOLLOW_UNREADABLE/);
    writeFileSync(file, `app="wall"\ntsugi/version="${place}:0.0.2"\n`);
    await eventually("0.0.2 serves", async () => (await get()).version === "0.0.2", 60_000);
    await followed.end();
  });

  test("follows a line that is a tarball's path: one that runs is not upgraded to again", async (t) => {
    const { host } = await wall.host(t);
    await host.must("start");
    const file = join(host.root, "wanted");
    writeFileSync(file, `${wall.tarball("0.0.2")}\n`);
    const followed = following(t, host, file);
    await followed.says(/0\.0\.2 runs, as is wanted/);
    assert.equal(followed.output().split("wanted is").length - 1, 1, followed.output());
    await followed.end();
  });

  test("follows again when what is wrong with the host is mended", async (t) => {
    const { host } = await wall.host(t);
    await host.must("start");
    const [file, env] = [join(host.root, "wanted"), join(host.root, "etc/env")];
    writeFileSync(file, `${wall.tarball("0.0.2")}\n`);
    const good = readFileSync(env, "utf8");
    writeFileSync(env, "no line of an environment\n");
    const followed = following(t, host, file);
    await followed.says(
      /TSUGI_SETTINGS_INVALID.*Not gone there \(exit code 4\): tried again later/s,
    );
    writeFileSync(env, good);
    await followed.says(/0\.0\.2 runs, as is wanted/);
    await followed.end();
  });

  test("says what is not there, and stays as it is", async (t) => {
    const { host, get } = await wall.host(t);
    await host.must("start");
    for (const named of [`${place}:9.9.9`, `oci://${registry.host}/team/other`]) {
      const refused = await host.app("upgrade", named, "--json");
      assert.equal(JSON.parse(refused.stdout).error.code, "TSUGI_NOT_IN_STORE", refused.output);
      assert.equal(refused.status, 4);
    }
    assert.equal((await get()).version, "0.0.1");
  });

  test("in the foreground begins with the wanted version, follows it, and outlives what can't start", async (t) => {
    const { host, get } = await wall.host(t);
    const file = join(host.root, "wanted");
    writeFileSync(file, `${place}:0.0.2\n`);
    const first = following(t, host, file, { verb: ["foreground", "--follow"] });
    await first.says(/wall 0\.0\.2 is ready/);
    assert.equal((await get()).version, "0.0.2");
    writeFileSync(file, "0.0.1\n");
    await eventually("0.0.1 serves", async () => (await get()).version === "0.0.1", 60_000);
    assert.equal(await first.end(), 0);
    // A container that begins again: what it wants can't be had, then does not start.
    writeFileSync(file, `${place}:9.9.9\n`);
    const second = following(t, host, file, { verb: ["foreground", "--follow"] });
    await second.says(/wall 0\.0\.1 is ready/);
    assert.match(second.output(), /Nothing is wanted/);
    assert.equal(await second.end(), 0);
    const store = await openStore(place);
    await store.push({ source: wall.tarball("0.0.4") });
    writeFileSync(file, `${place}:0.0.4\n`);
    const third = following(t, host, file, { verb: ["foreground", "--follow"] });
    await third.says(/0\.0\.4 is wanted and does not start: it begins with what is here/);
    await third.says(/wall 0\.0\.1 is ready/);
    assert.equal((await get()).version, "0.0.1");
    assert.equal(await third.end(), 0);
    assert.equal(third.output().split("runs, wanted is").length, 1, "it is not tried again");
  });
});

const listed = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);

/** `bin/wall follow`, looking each second. */
function following(
  t: TestContext,
  host: Host,
  place: string,
  { verb = ["follow"], more = [] }: { verb?: string[]; more?: string[] } = {},
) {
  const child = spawn(host.bin, [...verb, place, ...more, "--every", "1"], {
    cwd: host.root,
    env: host.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  t.after(() => child.kill("SIGKILL"));
  const exited = once(child, "exit");
  return {
    output: () => output,
    /** With the upgrade that it has begun. */
    kill: () => {
      const all = descendantsOf([child.pid!], runningProcesses());
      for (const pid of [child.pid!, ...all.map((one) => one.pid)])
        orUndefined(() => process.kill(pid, "SIGKILL"));
    },
    ended: () => exited,
    says: (words: RegExp) => eventually(`${words}`, () => words.test(output), 60_000),
    end: async () => {
      child.kill("SIGTERM");
      return (await exited)[0] as number;
    },
  };
}
