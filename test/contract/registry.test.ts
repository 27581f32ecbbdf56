/** What tsugi and a registry are to each other: a real one, and one that fails as registries do. */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openStore } from "../../src/store/index.ts";
import { mustRun } from "../helpers/commands.ts";
import {
  type Registry,
  startFaultyRegistry,
  startRegistry,
  whyNoRegistry,
} from "../helpers/ociRegistry.ts";
import { partedTarball } from "../helpers/partedTarball.ts";
import { temporaryFolder, tsugi } from "../helpers/projects.ts";

const skip = await whyNoRegistry();
/** alice, with the password "wonderland" (bcrypt). */
const ALICE = "alice:$2y$05$3oFwnZ3IyXNnMldyv2GUvuHCqRsXpTdaTWEE/NO91LjZthgZxBL..\n";

describe("a registry", { skip }, () => {
  const { folder, remove } = temporaryFolder("registry");
  let registry: Registry;
  const place = (repository: string, host = registry.host) => `oci://${host}/${repository}`;
  const tarballs: Record<string, string> = {};

  before(async () => {
    registry = await startRegistry(join(folder, "registry"));
    for (const version of ["1.0.0", "1.1.0", "1.2.0+7"]) {
      tarballs[version] = join(folder, `${version}.tar.gz`);
      await partedTarball(tarballs[version], version);
    }
  });
  after(async () => {
    await registry.close();
    remove();
  });

  test("gives back what it was given, byte for byte; what two versions share is there once", async () => {
    const store = await openStore(place("team/wall"));
    const first = await store.push({ source: tarballs["1.0.0"]! });
    assert.deepEqual([first.already, first.moved.blobs], [false, first.blobs]);
    const second = await store.push({ source: tarballs["1.1.0"]! });
    // Its manifest, its application, its settings, and the image's own description.
    assert.equal(second.moved.blobs, 4);
    const again = await store.push({ source: tarballs["1.1.0"]! });
    assert.deepEqual([again.already, again.moved.blobs], [true, 0]);
    await store.push({ source: tarballs["1.2.0+7"]! });
    assert.deepEqual(
      (await store.list()).map(({ version }) => version),
      ["1.2.0+7", "1.1.0", "1.0.0"],
    );
    for (const version of Object.keys(tarballs)) {
      const found = await store.find({ name: "wall", version });
      const target = join(folder, "pulled", `${version}.tar.gz`);
      const pulled = await store.pull(found, { target });
      assert.deepEqual([pulled.version, pulled.sameBytes], [version, true]);
      assert.deepEqual(readFileSync(target), readFileSync(tarballs[version]!));
      assert.equal((await store.manifest(found)).manifest.version, version);
      assert.equal((await store.verify(found)).releaseId, pulled.releaseId);
    }
    const latest = await store.find({ name: "wall", version: "latest" });
    assert.equal(latest.version, "1.2.0+7");
  });

  test("shows tools that know images what it is", async () => {
    const image = `docker://${registry.host}/team/wall:1.1.0`;
    const { stdout } = await mustRun("skopeo", ["inspect", "--tls-verify=false", image], {});
    const { Labels, Architecture, Os, Layers } = JSON.parse(stdout);
    assert.deepEqual([Architecture, Os], ["amd64", "linux"]);
    assert.equal(Labels["org.opencontainers.image.title"], "wall");
    assert.equal(Labels["org.opencontainers.image.version"], "1.1.0");
    assert.ok(Layers.length > 3);
    const copy = join(folder, "copy");
    await mustRun("skopeo", ["copy", "--src-tls-verify=false", image, `oci:${copy}:1.1.0`], {});
    assert.ok(readdirSync(join(copy, "blobs/sha256")).length > 3);
  });

  test("has a version once: another release under its name is refused", async () => {
    const other = join(folder, "other.tar.gz");
    await partedTarball(other, "1.0.0", "another one");
    const store = await openStore(place("team/wall"));
    await assert.rejects(store.push({ source: other }), { code: "TSUGI_STORE_CONFLICT" });
    for (const wanted of [
      { name: "wall", version: "9.9.9" },
      { name: "shop", version: "1.0.0" },
    ]) {
      await assert.rejects(store.find(wanted), { code: "TSUGI_NOT_IN_STORE" });
    }
  });

  test("keeps what a prune leaves, and removes the tags of the rest", async () => {
    const store = await openStore(place("team/pruned"));
    for (const version of ["1.0.0", "1.1.0"]) await store.push({ source: tarballs[version]! });
    const { removed, kept, freedBytes } = await store.prune({ keep: 1 });
    assert.deepEqual([removed.length, kept[0]?.version, freedBytes], [1, "1.1.0", null]);
    assert.deepEqual(
      (await store.list()).map(({ version }) => version),
      ["1.1.0"],
    );
    await store.verify(await store.find({ name: "wall", version: "latest" }));
  });

  test("what is no release of tsugi, or no name of one, is said", async () => {
    await mustRun(
      "skopeo",
      [
        ...["copy", "--dest-tls-verify=false", `oci:${join(folder, "copy")}:1.1.0`],
        ...["--format", "v2s2", `docker://${registry.host}/team/foreign:1.0.0`],
      ],
      {},
    );
    const store = await openStore(place("team/foreign"));
    await assert.rejects(store.find({ name: "wall", version: "1.0.0" }), {
      code: "TSUGI_STORE_DAMAGED",
      message: /it is no release of tsugi/,
    });
    assert.deepEqual(await store.list(), []);
    for (const text of ["oci://", "oci://host", "oci://host/UPPER", "oci://host/a:b:c"]) {
      await assert.rejects(openStore(text), { code: "TSUGI_OCI_REFERENCE" }, text);
    }
  });

  test("that asks who we are gets what docker and podman have, or a helper says; else an error names the login", async () => {
    const closed = await startRegistry(join(folder, "closed"), ALICE);
    const env = { HOME: folder, DOCKER_CONFIG: "", REGISTRY_AUTH_FILE: "", XDG_RUNTIME_DIR: "" };
    const push = (more: Record<string, string>) =>
      tsugi(["push", tarballs["1.0.0"]!, "--store", place("team/wall", closed.host)], folder, {
        ...env,
        ...more,
      });
    try {
      const refused = await push({});
      assert.deepEqual([refused.status, /TSUGI_REGISTRY_DENIED/.test(refused.stderr)], [1, true]);
      assert.match(refused.stderr, /docker login localhost:\d+/);
      const auth = Buffer.from("alice:wonderland").toString("base64");
      const auths = JSON.stringify({ auths: { [closed.host]: { auth } } });
      const file = join(folder, "auth.json");
      writeFileSync(file, auths);
      const wrong = join(folder, "wrong.json");
      writeFileSync(wrong, auths.replace(auth, Buffer.from("alice:rabbit").toString("base64")));
      const denied = await push({ REGISTRY_AUTH_FILE: wrong });
      assert.equal(denied.status, 1, denied.output);
      assert.ok(!/rabbit|YWxpY2U6/.test(denied.output));
      assert.equal((await push({ REGISTRY_AUTH_FILE: file })).status, 0);
      const helpers = join(folder, "helpers");
      mkdirSync(join(helpers, "docker"), { recursive: true });
      const answer = JSON.stringify({ Username: "alice", Secret: "wonderland" });
      const helper = join(helpers, "docker-credential-mine");
      writeFileSync(helper, `#!/bin/sh\nread -r host\n[ "$1" = get ] && echo '${answer}'\n`);
      chmodSync(helper, 0o755);
      const config = JSON.stringify({ credHelpers: { [closed.host]: "mine" } });
      writeFileSync(join(helpers, "docker", "config.json"), config);
      const PATH = `${helpers}:${process.env.PATH}`;
      const helped = await push({ DOCKER_CONFIG: join(helpers, "docker"), PATH });
      assert.equal(helped.status, 0, helped.output);
    } finally {
      await closed.close();
    }
  });

  describe("that fails", () => {
    const pushOnce = async (repository: string) =>
      (await openStore(place(repository))).push({ source: tarballs["1.0.0"]! });

    test("for a moment is asked again: 500, 429, a connection that breaks", async () => {
      let count = 0;
      const faulty = await startFaultyRegistry(registry, {
        now: (asked, answer) => {
          count += 1;
          const status = [503, 429, 500][count % 3]!;
          if (count === 6 || count === 16) asked.socket.destroy();
          else if (count % 5 < 2) answer.writeHead(status, { "retry-after": "0" }).end();
          else return false;
          return true;
        },
      });
      try {
        const store = await openStore(place("team/shaky", faulty.host));
        await store.push({ source: tarballs["1.0.0"]! });
        const found = await store.find({ name: "wall", version: "1.0.0" });
        const target = join(folder, "shaky.tar.gz");
        await store.pull(found, { target });
        assert.deepEqual(readFileSync(target), readFileSync(tarballs["1.0.0"]!));
      } finally {
        await faulty.close();
      }
    });

    test("for good ends with its own words, and no tag names what is not whole", async () => {
      const faulty = await startFaultyRegistry(registry, {
        now: (asked, answer) => {
          if (asked.method !== "PUT" || asked.url!.includes("/manifests/")) return false;
          const errors = [{ code: "DENIED", message: "quota exceeded" }];
          answer.writeHead(413).end(JSON.stringify({ errors }));
          return true;
        },
      });
      try {
        const store = await openStore(place("team/full", faulty.host));
        await assert.rejects(store.push({ source: tarballs["1.0.0"]! }), (error: Error) => {
          assert.match(error.message, /answered 413 to PUT .*: quota exceeded/);
          return true;
        });
        assert.deepEqual(await store.list(), []);
      } finally {
        await faulty.close();
      }
    });

    test("by lying about a digest is found out, and nothing is left", async () => {
      await pushOnce("team/liar");
      const faulty = await startFaultyRegistry(registry, {
        bytes: (body) => Buffer.from(body.map((byte, at) => (at === 40 ? byte ^ 1 : byte))),
      });
      try {
        const store = await openStore(place("team/liar", faulty.host));
        const found = await store.find({ name: "wall", version: "1.0.0" });
        const into = join(folder, "lied");
        mkdirSync(into);
        const pulling = store.pull(found, { target: join(into, "wall.tar.gz") });
        await assert.rejects(pulling, { code: "TSUGI_STORE_DAMAGED" });
        assert.deepEqual(readdirSync(into), []);
      } finally {
        await faulty.close();
      }
    });
  });
});
