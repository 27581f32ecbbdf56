/** push, pull, list, prune, and what plan and verify say of releases in a store or on a host. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { LAYOUT } from "../../src/oci/layout.ts";
import { type Manifest, sha256 } from "../../src/release/manifest.ts";
import { openStore } from "../../src/store/index.ts";
import {
  entriesOf,
  type HandmadeFile,
  handmadeRelease,
  pack,
  sealed,
} from "../helpers/handmadeRelease.ts";
import {
  mustTsugi,
  smallProject,
  standInNode,
  temporaryFolder,
  tsugi,
} from "../helpers/projects.ts";
import { Releasing } from "../helpers/releasing.ts";
import { type SshFleet, startSshHosts, whyNoSshd } from "../helpers/sshd.ts";

const skip = await whyNoSshd();

describe("tsugi push, pull, list, prune", () => {
  const builds = new Releasing("store");

  test("a project's release goes to the store of its configuration, and comes back byte for byte", async () => {
    const { folder, env } = builds;
    smallProject(folder, { "public/large.txt": "large\n".repeat(50_000) });
    const config = {
      runtime: { from: standInNode(folder) },
      store: "./store",
      files: ["public/**"],
    };
    const project = (version: string) => {
      const packageJson = { name: "small", version, type: "module", private: true };
      writeFileSync(join(folder, "tsugi.config.json"), JSON.stringify(config));
      writeFileSync(join(folder, "package.json"), JSON.stringify(packageJson));
    };
    const sums: Record<string, string> = {};
    for (const version of ["1.0.0", "1.1.0"]) {
      project(version);
      const built = JSON.parse((await builds.must("--json")).stdout);
      sums[version] = built.sha256;
      const pushed = JSON.parse((await mustTsugi(["push", "--json"], folder, env)).stdout);
      assert.equal(pushed.version, version);
      if (version === "1.1.0") assert.ok(pushed.moved.blobs <= 5, JSON.stringify(pushed));
    }
    const again = await mustTsugi(["push"], folder, env);
    assert.match(again.stdout, /has small 1\.1\.0 already\n\s+0 of \d+ blobs moved/);
    const { stdout } = await mustTsugi(["list"], folder, env);
    assert.match(stdout, /^release +pushed[\s\S]*\nsmall@1\.1\.0 [\s\S]*\nsmall@1\.0\.0 /);
    for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
    for (const [text, version] of [
      ["small@1.0.0", "1.0.0"],
      [`${join(folder, "store")}#small@latest`, "1.1.0"],
    ]) {
      await mustTsugi(["pull", text!, "--out", `${folder}/pulled/`], folder, env);
      const pulled = readFileSync(join(folder, "pulled", `small-${version}.tar.gz`));
      assert.equal(sha256(pulled), sums[version!]);
    }
    const there = await mustTsugi(["pull", "small@1.0.0", "--out", "pulled"], folder, env);
    assert.match(there.stdout, /Here already/);
    const dry = await mustTsugi(["prune", "--keep", "1", "--dry-run"], folder, env);
    assert.match(dry.stdout, /would remove small@1\.0\.0\n1 release kept\n/);
    const pruned = await mustTsugi(["prune", "--keep", "1", "--json"], folder, env);
    assert.deepEqual(JSON.parse(pruned.stdout).removed, ["small@1.0.0"]);
    const gone = await tsugi(["pull", "small@1.0.0"], folder, env);
    assert.match(gone.stderr, /TSUGI_NOT_IN_STORE[\s\S]*→ /);
    assert.equal(gone.status, 4);
    assert.ok(!existsSync(join(folder, "small-1.0.0.tar.gz")));
  });

  test("what can't be meant is said, with the next thing to type", async () => {
    const { folder, env } = builds;
    mkdirSync(folder, { recursive: true });
    const cases: [string[], RegExp, number][] = [
      [["list"], /TSUGI_STORE_UNKNOWN/, 2],
      [["push", "--store", "s"], /TSUGI_NOTHING_TO_PUSH/, 1],
      [["push", "nowhere.tar.gz", "--store", "s"], /TSUGI_RELEASE_UNREADABLE/, 1],
      [["pull", "wall", "--store", "s"], /TSUGI_REFERENCE_INVALID/, 2],
      [["pull", "wall@1.0.0", "--store", "s"], /TSUGI_STORE_FAILED[\s\S]*no such folder/, 1],
      [["prune", "--keep", "0", "--store", "s"], /TSUGI_USAGE/, 2],
      [["list", "--store", "ssh://host"], /TSUGI_REFERENCE_INVALID/, 2],
      [["list", "--store", "ssh://-oProxyCommand=x/f"], /TSUGI_REFERENCE_INVALID/, 2],
      [["plan", "a", "b", "--require", "luck"], /TSUGI_USAGE/, 2],
    ];
    for (const [args, words, status] of cases) {
      const result = await tsugi(args, folder, { ...env, TSUGI_STORE: "" });
      assert.match(result.stderr, words, args.join(" "));
      assert.match(result.stderr, /→ \S/);
      assert.equal(result.status, status, args.join(" "));
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe("tsugi push, killed", () => {
  const { folder, remove } = temporaryFolder("store-crash");
  after(remove);
  const writes = ["pushes", "blobs", "index", "lock"].flatMap((place) => [
    `store.${place}:write=kill`,
    `store.${place}:write=torn`,
    `store.${place}:rename=kill`,
    `store.${place}:renamed=kill`,
  ]);

  for (const fault of [...writes, "store.lock:remove=kill", "store.pushes:remove=kill"]) {
    test(`at ${fault}: what is listed is whole, and the next push completes`, async () => {
      const tarball = join(folder, "wall.tar.gz");
      const release = handmadeRelease("1.0.0");
      writeFileSync(tarball, await pack(entriesOf(release)));
      const place = join(folder, fault);
      const args = ["push", tarball, "--store", place];
      const killed = await tsugi(args, folder, { TSUGI_FAULT: fault });
      assert.equal(killed.status, null, killed.output);
      const store = await openStore(place);
      for (const stored of await store.list()) await store.verify(stored);
      await mustTsugi(args, folder);
      const [stored] = await store.list();
      assert.equal((await store.verify(stored!)).releaseId, release.releaseId);
    });
  }

  for (const fault of ["index:renamed", "blobs:remove", "lock:remove"]) {
    test(`a prune killed at ${fault}: what it keeps is whole, and the next one completes`, async () => {
      const place = join(folder, `prune-${fault}`);
      const store = await openStore(place);
      for (const version of ["1.0.0", "1.1.0"]) {
        const source = join(folder, `${version}.tar.gz`);
        writeFileSync(source, await pack(entriesOf(handmadeRelease(version))));
        await store.push({ source });
      }
      const args = ["prune", "--keep", "1", "--store", place];
      const killed = await tsugi(args, folder, { TSUGI_FAULT: `store.${fault}=kill` });
      assert.equal(killed.status, null, killed.output);
      for (const stored of await store.list()) await store.verify(stored);
      await mustTsugi(args, folder);
      const [kept, ...others] = await store.list();
      assert.deepEqual([kept?.version, others.length], ["1.1.0", 0]);
      await store.verify(kept!);
      // Besides the layers, its manifest and the configuration.
      const digests = new Set(kept!.layers.map(({ digest }) => digest));
      assert.equal(readdirSync(join(place, LAYOUT.blobs)).length, digests.size + 2);
    });
  }
});

describe("tsugi plan and verify, of what is elsewhere", () => {
  const { folder, remove } = temporaryFolder("store-plan");
  const store = join(folder, "store");
  /** Of what has to be read for a plan, a small part. */
  const LARGE: HandmadeFile = {
    bytes: Buffer.from(Array.from({ length: 600_000 }, () => Math.random() * 256)),
  };
  const tarball = (version: string) => join(folder, `wall-${version}.tar.gz`);
  let fleet: SshFleet;

  async function make(version: string, changes: Partial<Manifest>): Promise<void> {
    const { manifest, files } = handmadeRelease(version, { [`lib/wall-${version}/large`]: LARGE });
    const states = [{ name: "live", version: 1, upgradesFrom: [], downgradesFrom: [] }];
    const release = sealed({ ...manifest, states, usesHot: true, ...changes }, files);
    writeFileSync(tarball(version), await pack(entriesOf(release)));
    await mustTsugi(["push", tarball(version), "--store", store], folder);
  }

  before(async () => {
    await make("1.0.0", {});
    await make("1.1.0", {});
    await make("1.2.0", { tsugi: { dir: "tsugi-0.2.0", version: "0.2.0" } });
    const states = [{ name: "live", version: 3, upgradesFrom: [2], downgradesFrom: [] }];
    await make("2.0.0", { states });
    if (!skip) fleet = await startSshHosts(["app1"]);
  });
  after(async () => {
    await fleet?.remove();
    remove();
  });

  const at = (version: string) => `${store}#wall@${version}`;

  test("verify reads all of a release in a store", async () => {
    const whole = await mustTsugi(["verify", "wall@1.0.0", "--store", store], folder);
    assert.match(whole.stdout, /wall 1\.0\.0 is whole/);
    const copy = join(folder, "damaged");
    cpSync(store, copy, { recursive: true });
    const found = await (await openStore(store)).find({ name: "wall", version: "1.0.0" });
    appendFileSync(join(copy, LAYOUT.blob(found.layers[2]!.digest)), "x");
    const damaged = await tsugi(["verify", `${copy}#wall@1.0.0`], folder);
    assert.match(
      damaged.stderr,
      /TSUGI_STORE_DAMAGED[\s\S]*\/blobs\/sha256\/[0-9a-f]{64} is damaged/,
    );
    assert.equal(damaged.status, 1);
  });

  test("plan reads manifests only: of a store, and of the beginning of a tarball", async () => {
    const bare = join(folder, "bare");
    cpSync(store, bare, { recursive: true });
    const { layers } = await (await openStore(bare)).find({ name: "wall", version: "1.0.0" });
    for (const { digest } of layers.slice(1, -1)) rmSync(join(bare, LAYOUT.blob(digest)));
    assert.ok(layers[0]!.size < 4096);
    const head = join(folder, "head.tar.gz");
    writeFileSync(head, readFileSync(tarball("1.1.0")).subarray(0, 4096));
    assert.ok(readFileSync(tarball("1.1.0")).length > 500_000);
    const { stdout } = await mustTsugi(["plan", `${bare}#wall@1.0.0`, head], folder);
    assert.match(stdout, /1\.0\.0 → 1\.1\.0: handoff/);
  });

  test("a pipeline fails before a deploy: by --require, by a missing migration", async () => {
    const plan = (from: string, to: string, ...args: string[]) =>
      tsugi(["plan", at(from), at(to), ...args], folder);
    assert.equal((await plan("1.0.0", "1.1.0", "--require", "handoff")).status, 0);
    assert.equal((await plan("1.0.0", "1.2.0", "--require", "replace")).status, 0);
    const swap = await plan("1.0.0", "1.1.0", "--require", "swap", "--json");
    assert.equal(swap.status, 4);
    assert.equal(JSON.parse(swap.stdout).strategy, "handoff");
    assert.match(swap.stderr, /TSUGI_PLAN_NEEDS_MORE[\s\S]*needs a handoff, and at most a swap/);
    const replace = await plan("1.0.0", "1.2.0", "--require", "handoff");
    assert.equal(replace.status, 4);
    assert.match(replace.stderr, /needs a replace[\s\S]*tsugi differs/);
    const migration = await plan("1.0.0", "2.0.0");
    assert.equal(migration.status, 4);
    assert.match(migration.stderr, /TSUGI_STATE_PATH_MISSING[\s\S]*live[\s\S]*1[\s\S]*3/);
    assert.match(migration.stderr, /→ \S/);
  });

  test("a store and an install root behind ssh are read as those here", { skip }, async () => {
    const [host] = fleet.hosts;
    const env = { TSUGI_SSH_CONFIG: fleet.configFile, TSUGI_CACHE: join(folder, "cache") };
    const there = `ssh://app1${host!.folder}/store`;
    await mustTsugi(["push", tarball("1.0.0"), "--store", there], folder, env);
    const listed = await mustTsugi(["list", "--store", there, "--json"], folder, env);
    assert.deepEqual(
      JSON.parse(listed.stdout).map(({ version }: { version: string }) => version),
      ["1.0.0"],
    );
    const reference = `${there}#wall@1.0.0`;
    assert.match((await mustTsugi(["verify", reference], folder, env)).stdout, /is whole/);
    await mustTsugi(["pull", reference, "--out", "there.tar.gz"], folder, env);
    await mustTsugi(["verify", "there.tar.gz"], folder);
    const root = join(host!.folder, "srv");
    mkdirSync(join(root, "releases/1.1.0"), { recursive: true });
    const empty = await tsugi(["plan", `ssh://app1${root}`, reference], folder, env);
    assert.match(empty.stderr, /TSUGI_RELEASE_UNREADABLE[\s\S]*no release is installed there/);
    const pulled = await openStore(store);
    const { manifestBytes } = await pulled.manifest(
      await pulled.find({ name: "wall", version: "1.1.0" }),
    );
    writeFileSync(join(root, "releases/1.1.0/release.json"), manifestBytes);
    writeFileSync(join(root, "releases/permanent"), `1.1.0 ${sha256(manifestBytes)} n t\n`);
    const down = await mustTsugi(["plan", `ssh://app1${root}`, reference], folder, env);
    assert.match(down.stdout, /1\.1\.0 → 1\.0\.0: handoff/);
    const gone = await tsugi(["plan", "ssh://app1/no/such/root", reference], folder, env);
    assert.match(gone.stderr, /TSUGI_RELEASE_UNREADABLE/);
  });
});
