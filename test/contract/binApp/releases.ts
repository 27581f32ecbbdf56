/** Releases on a host: unpack, plan, remove, prune; while it runs and while nothing does. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { AppHost } from "../../helpers/appHost.ts";
import { document, ended, failure, installed, started, statuses } from "./ends.ts";
import type { Kind } from "./kinds.ts";

export function releases(kind: Kind): void {
  for (const running of [false, true]) {
    const when = running ? "while it runs" : "while nothing runs";
    const host = async (...[t]: Parameters<typeof started>) => {
      const made = await started(t, await kind.one());
      if (!running) await made.must("stop");
      return made;
    };

    test(`unpack takes a version, a tarball or a build's folder; remove and prune spare what is needed, ${when}`, async (t) => {
      const two = await kind.two();
      const root = await host(t, two);
      root.drop(two);
      const { stdout, stderr } = await root.must("unpack", "0.0.2");
      assert.match(stderr, /Release 0\.0\.2 not found, unpacking releases\/0\.0\.2\/shop\.tar\.gz/);
      assert.match(stderr, /Unpacked 0\.0\.2 \([0-9a-f]{12}, /);
      assert.match(stdout, /0\.0\.2 is unpacked/);
      assert.ok(!existsSync(join(root.root, "releases", "0.0.2", "shop.tar.gz")));
      assert.equal((await document(root, "unpack", ["unpack", "0.0.2"])).already, true);
      await failure(root, ["remove", "0.0.9"], 4, "TSUGI_RELEASE_NOT_FOUND");
      ended(await root.app("remove", "0.0.1"), 4, /TSUGI_(STATUS_REFUSED|RELEASE_IN_USE)/);
      assert.deepEqual(await document(root, "remove", ["remove", "0.0.2"]), { removed: ["0.0.2"] });
      const unpacked = await document(root, "unpack", ["unpack", two.tree]);
      assert.deepEqual([unpacked.version, unpacked.already], ["0.0.2", false]);
      assert.equal((await document(root, "unpack", ["unpack", two.tarball])).already, true);
      assert.deepEqual(await statuses(root), { "0.0.1": "permanent", "0.0.2": "unpacked" });
      assert.deepEqual(await document(root, "prune", ["prune"]), { keep: 5, removed: [] });
      ended(await root.app("prune"), 0, /Nothing to remove; 2 releases stay$/m);
      const pruned = await document(root, "prune", ["prune", "--keep", "1"]);
      assert.deepEqual(pruned, { keep: 1, removed: ["0.0.2"] });
      assert.deepEqual(await statuses(root), { "0.0.1": "permanent" });
      assert.ok(!existsSync(join(root.root, "lib", "shop-0.0.2")));
    });

    test(`what can't be unpacked exits with 4 and leaves nothing, ${when}`, async (t) => {
      const two = await kind.two();
      const root = await host(t, two);
      const before = listing(root);
      await failure(root, ["unpack", "0.0.9"], 4, "TSUGI_RELEASE_NOT_FOUND");
      ended(await root.app("unpack", "./none.tar.gz"), 4, /there is no .*none\.tar\.gz/);
      root.drop(two);
      const dropBox = join(root.root, "releases", "0.0.2", "shop.tar.gz");
      truncateSync(dropBox, 20_000);
      await failure(root, ["unpack", "0.0.2"], 4, "TSUGI_UNPACK_REFUSED");
      writeFileSync(dropBox, "no tarball");
      ended(await root.app("unpack", "0.0.2"), 4, /TSUGI_UNPACK_REFUSED/);
      assert.ok(existsSync(dropBox), "the drop box is the user's until it is unpacked");
      assert.deepEqual(listing(root), before);
    });
  }

  test("prune spares the release that a rollback would go to", async (t) => {
    const host = await started(t, await kind.one());
    await host.must("upgrade", (await kind.two()).tarball);
    const spared = await document(host, "prune", ["prune", "--keep", "1"]);
    assert.deepEqual(spared, { keep: 1, removed: [] });
    await host.must("rollback");
    assert.equal(await host.get("/version"), "0.0.1");
    const pruned = await document(host, "prune", ["prune", "--keep", "1"]);
    assert.deepEqual(pruned, { keep: 1, removed: ["0.0.2"] });
  });

  test("plan says how it would go and why, and unpacks nothing", async (t) => {
    const host = await started(t, await kind.one());
    const two = await kind.two();
    const before = listing(host);
    host.drop(two);
    const plan = await document(host, "plan", ["plan", "0.0.2"]);
    assert.deepEqual([plan.from, plan.to, plan.strategy], ["0.0.1", "0.0.2", kind.strategy]);
    assert.ok(plan.instructions.length > 0 && plan.reasons.length > 0);
    const text = (await host.must("plan", two.tarball)).stdout;
    assert.match(text, new RegExp(`^0\\.0\\.1 → 0\\.0\\.2: ${kind.strategy}\\n {2}because `));
    assert.match(text, /\nwhat differs:\n {2}\S[^\n]* → [\s\S]*\nrelup:\n {3}1\. /);
    const same = await document(host, "plan", ["plan", "0.0.1"]);
    assert.deepEqual([same.strategy, same.instructions.length], ["none", 0]);
    ended(await host.app("plan", "0.0.1"), 0, /^0\.0\.1 → 0\.0\.1: /);
    await failure(host, ["plan", "0.0.9"], 4, "TSUGI_RELEASE_NOT_FOUND");
    assert.deepEqual(await statuses(host), { "0.0.1": "permanent" });
    assert.deepEqual(listing(host), before);
    await host.must("stop");
    ended(
      await host.app("plan", "0.0.2"),
      0,
      /This is what the two manifests say: etc\/ was not compared/,
    );
  });

  test("the same version with other bytes is refused, and replaced by --force", async (t) => {
    const host = await installed(t, await kind.one());
    await host.must("start");
    const { tarball } = await kind.two();
    await host.must("unpack", tarball);
    const manifest = join(host.root, "releases", "0.0.2", "release.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace('"accepts"', '"accept"'));
    const registry = join(host.root, "releases", "RELEASES.json");
    const read = JSON.parse(readFileSync(registry, "utf8"));
    for (const entry of read.releases)
      if (entry.version === "0.0.2") entry.releaseId = "0".repeat(64);
    writeFileSync(registry, JSON.stringify(read));
    ended(await host.app("unpack", tarball), 4, /TSUGI_RELEASE_CONFLICT[\s\S]*--force/);
    host.drop(await kind.two());
    ended(await host.app("upgrade", "0.0.2"), 4, /TSUGI_RELEASE_CONFLICT/);
    await host.must("unpack", "--force", tarball);
    ended(await host.app("unpack", "--force", (await kind.one()).tarball), 0, /already/);
  });
}

/** Folders below lib/, and releases with a manifest. */
const listing = ({ root }: AppHost): string[] => [
  ...readdirSync(join(root, "lib")).sort(),
  ...readdirSync(join(root, "releases"))
    .filter((name) => existsSync(join(root, "releases", name, "release.json")))
    .sort(),
];
