/** What tsugi and a registry are to each other: a real one, and one that fails as registries do. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import type { IncomingMessage } from "node:http";
import http, { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { sha256 } from "../../src/release/manifest.ts";
import { openStore } from "../../src/store/index.ts";
import { mustRun } from "../helpers/commands.ts";
import { tsugiCli } from "../helpers/example.ts";
import {
  ALICE,
  type Registry,
  startFaultyRegistry,
  startRegistry,
  whyNoRegistry,
} from "../helpers/ociRegistry.ts";
import { needsRoot } from "../helpers/otherUsers.ts";
import { partedTarball } from "../helpers/partedTarball.ts";
import { temporaryFolder, tsugi } from "../helpers/projects.ts";

const skip = await whyNoRegistry();

/** Of `{}`, as the image specification has it. */
const EMPTY = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

describe("a registry", { skip }, () => {
  const { folder, remove } = temporaryFolder("registry");
  let registry: Registry;
  const place = (repository: string, host = registry.host) => `oci://${host}/${repository}`;
  const tarballs: Record<string, string> = {};

  /** Copies of what was pulled: not the machine's, and none of those that a test before has made. */
  beforeEach((t) => {
    process.env.TSUGI_CACHE = join(folder, "cache", sha256(t.name));
  });
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
      assert.equal(pulled.version, version);
      assert.deepEqual(readFileSync(target), readFileSync(tarballs[version]!));
      assert.equal((await store.manifest(found)).manifest.version, version);
      assert.equal((await store.verify(found)).releaseId, pulled.releaseId);
    }
    const latest = await store.find({ name: "wall", version: "latest" });
    assert.equal(latest.version, "1.2.0+7");
  });

  test("takes what another repository of it has from there", async () => {
    await (await openStore(place("team/one"))).push({ source: tarballs["1.0.0"]! });
    const other = await openStore(place("team/two"));
    const { moved } = await other.push({ source: tarballs["1.0.0"]! });
    // What is said of it has the time of this push.
    assert.equal(moved.blobs, 1);
    await other.verify(await other.find({ name: "wall", version: "1.0.0" }));
  });

  test("shows tools that know images what it is", async () => {
    const image = `docker://${registry.host}/team/wall:1.1.0`;
    const { stdout } = await mustRun("skopeo", ["inspect", "--tls-verify=false", image], {});
    const { Labels, Architecture, Os, Layers } = JSON.parse(stdout);
    assert.deepEqual([Architecture, Os], ["amd64", "linux"]);
    assert.equal(Labels["org.opencontainers.image.title"], "wall");
    assert.equal(Labels["org.opencontainers.image.version"], "1.1.0");
    assert.ok(Layers.length > 3);
    assert.equal(Labels["org.opencontainers.image.licenses"], "ISC");
    assert.equal(Labels["org.opencontainers.image.source"], "https://example.org/wall");
    const { stdout: raw } = await mustRun(
      "skopeo",
      ["inspect", "--raw", "--tls-verify=false", image],
      {},
    );
    assert.ok(!/rabbit/.test(stdout + raw), "whose address it is published with");
  });

  test("and a folder exchange releases by tools that know images; each gives back what was pushed", async () => {
    const copy = join(folder, "copy");
    const skopeo = (...args: string[]) =>
      mustRun("skopeo", ["copy", "--src-tls-verify=false", "--dest-tls-verify=false", ...args], {});
    const there = `docker://${registry.host}/team`;
    await skopeo(`${there}/wall:1.0.0`, `oci:${copy}:1.0.0`);
    await skopeo(`${there}/wall:1.1.0`, `oci:${copy}:t1.1.0`);
    const store = await openStore(copy);
    for (const version of ["1.0.0", "1.1.0", "t1.1.0", "latest"]) {
      const target = join(folder, "copied", `${version}.tar.gz`);
      const pulled = await store.pull(await store.find({ name: "wall", version }), { target });
      assert.deepEqual(readFileSync(target), readFileSync(tarballs[pulled.version]!));
    }
    await store.push({ source: tarballs["1.2.0+7"]! });
    const tagged = `oci:${copy}:wall-1.2.0_7`;
    const { stdout } = await mustRun("skopeo", ["inspect", "--config", tagged], {});
    const { Labels } = JSON.parse(stdout).config;
    assert.equal(Labels["org.opencontainers.image.version"], "1.2.0+7");
    await skopeo(tagged, `${there}/from-folder:1.2.0_7`);
    const back = await openStore(place("team/from-folder"));
    await back.verify(await back.find({ name: "wall", version: "1.2.0+7" }));
    const { removed } = await store.prune({ keep: 2 });
    assert.equal(removed.length, 1);
    for (const found of await store.list()) await store.verify(found);
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

  test("a tag of one's own makes no second release of one, and keeps it", async () => {
    const store = await openStore(place("team/tagged"));
    for (const version of ["1.0.0", "1.1.0"]) await store.push({ source: tarballs[version]! });
    const at = (tag: string) => `docker://${registry.host}/team/tagged:${tag}`;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await mustRun("skopeo", ["copy", ...insecure, at("1.1.0"), at("production")], {});
    const versions = async () => (await store.list()).map(({ version }) => version);
    assert.deepEqual(await versions(), ["1.1.0", "1.0.0"]);
    const { removed, kept } = await store.prune({ keep: 1 });
    assert.deepEqual(
      [removed, kept].map((some) => some.map(({ version }) => version)),
      [["1.0.0"], ["1.1.0"]],
    );
    for (const version of ["1.1.0", "production", "latest"]) {
      assert.equal((await store.verify(await store.find({ version }))).manifest.version, "1.1.0");
    }
    await store.push({ source: tarballs["1.2.0+7"]! });
    assert.deepEqual((await store.prune({ keep: 1 })).removed, []);
    await store.verify(await store.find({ version: "production" }));
  });

  test("a tag that is a version names that one: moved to another, it is refused; and so in a folder", async () => {
    const store = await openStore(place("team/moved"));
    for (const version of ["1.0.0", "1.2.0+7"]) await store.push({ source: tarballs[version]! });
    const at = (tag: string) => `docker://${registry.host}/team/moved:${tag}`;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    for (const tag of ["1.1.0", "v1.1.0", "1.2", "prod", "1.0.0-prod", "1.0.0-rc"]) {
      await mustRun("skopeo", ["copy", ...insecure, at("1.0.0"), at(tag)], {});
    }
    const refused = {
      code: "TSUGI_NOT_IN_STORE",
      message: /has no (release|wall) [v\d.rc-]+: the tag [v\d.rc-]+ names wall 1\.0\.0\.$/,
    };
    for (const version of ["1.1.0", "v1.1.0", "1.0.0-rc"]) {
      await assert.rejects(store.find({ version }), refused, version);
    }
    for (const version of ["1.2", "prod", "1.0.0-prod"]) {
      assert.equal((await store.find({ version })).version, "1.0.0", version);
    }
    assert.equal((await store.find({ version: "1.2.0_7" })).version, "1.2.0+7");
    const copy = join(folder, "moved");
    await mustRun("skopeo", ["copy", ...insecure, at("1.0.0"), `oci:${copy}:wall-1.1.0`], {});
    await assert.rejects((await openStore(copy)).find({ name: "wall", version: "1.1.0" }), refused);
    const none = { message: /moved has no (release|other) 9\.9\.9\.$/ };
    await assert.rejects(store.find({ version: "9.9.9" }), none);
    await assert.rejects(store.find({ name: "other", version: "9.9.9" }), none);
    await assert.rejects(store.find({ name: "other", version: "latest" }), {
      message: /moved has no other latest: the tag latest names wall 1\.2\.0\+7\.$/,
    });
    // As the advice says.
    for (const moved of [store, await openStore(copy)]) {
      await moved.push({ source: tarballs["1.1.0"]! });
      await moved.verify(await moved.find({ name: "wall", version: "1.1.0" }));
    }
  });

  test("a push that was overtaken while its layers came takes nobody's place", async () => {
    const other = join(folder, "quicker.tar.gz");
    await partedTarball(other, "1.0.0", "another one");
    const direct = await openStore(place("team/overtaken"));
    let quicker: ReturnType<typeof direct.push> | undefined;
    const watched = await startFaultyRegistry(registry, {
      now: async ({ method }) => {
        if (method !== "POST") return false;
        quicker ??= direct.push({ source: other });
        await quicker;
        return false;
      },
    });
    try {
      const slow = await openStore(place("team/overtaken", watched.host));
      await assert.rejects(slow.push({ source: tarballs["1.0.0"]! }), {
        code: "TSUGI_STORE_CONFLICT",
      });
      const { releaseId } = await quicker!;
      for (const version of ["1.0.0", "latest"]) {
        assert.equal((await direct.find({ name: "wall", version })).releaseId, releaseId);
      }
    } finally {
      await watched.close();
    }
  });

  test("what is no release of tsugi, or no name of one, is said", async () => {
    await mustRun(
      "skopeo",
      [
        ...["copy", "--dest-tls-verify=false", `oci:${join(folder, "copy")}:t1.1.0`],
        ...["--format", "v2s2", `docker://${registry.host}/team/foreign:1.0.0`],
      ],
      {},
    );
    const store = await openStore(place("team/foreign"));
    await assert.rejects(store.find({ name: "wall", version: "1.0.0" }), {
      code: "TSUGI_RELEASE_UNREADABLE",
      message: /foreign:1\.0\.0 is no release .* it is no release of tsugi/,
    });
    assert.deepEqual(await store.list(), []);
    const image = (tag: string) => `docker://${registry.host}/team/foreign:${tag}`;
    const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    await mustRun("skopeo", ["copy", ...insecure, image("1.0.0"), image("latest")], {});
    for (const [version, taken] of [
      ["1.0.0", /foreign:1\.0\.0 is an image, and no release of tsugi, and a release/],
      ["1.1.0", /foreign:latest is an image/],
    ] as const) {
      await assert.rejects(store.push({ source: tarballs[version]! }), {
        code: "TSUGI_IMAGE_TAG_TAKEN",
        message: taken,
        hint: /tsugi push --store oci:.*foreign-releases$/,
      });
    }
    assert.deepEqual(await store.list(), []);
    for (const text of ["oci://", "oci://host", "oci://host/UPPER", "oci://host/a:b:c"]) {
      await assert.rejects(openStore(text), { code: "TSUGI_OCI_REFERENCE" }, text);
    }
  });

  test("elsewhere is reached through the proxy of the environment, or it is said why not", async () => {
    const asked: string[] = [];
    const proxy = createServer();
    proxy.on("connect", ({ url }, socket) => {
      asked.push(url!);
      socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const { port } = proxy.address() as AddressInfo;
    const HTTPS_PROXY = `http://127.0.0.1:${port}`;
    try {
      const list = ["list", "--store", "oci://registry.invalid/team/wall"];
      const { status, output } = await tsugi(list, folder, { HTTPS_PROXY });
      assert.equal(status, 1);
      if ("setGlobalProxyFromEnv" in http) assert.equal(asked[0], "registry.invalid:443", output);
      else assert.match(output, /NODE_USE_ENV_PROXY=1/);
    } finally {
      proxy.close();
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
      writeFileSync(wrong, auths.slice(1));
      const broken = await push({ REGISTRY_AUTH_FILE: wrong });
      assert.ok(broken.stderr.replace(/\s+/g, " ").includes(`(401; ${wrong} is not JSON: `));
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

  test("and a folder have what is said of a release beside it, where other tools look, until it is pruned", async () => {
    const copy = join(folder, "said");
    const inspect = async (image: string) =>
      JSON.parse(
        (await mustRun("skopeo", ["inspect", "--raw", "--tls-verify=false", image], {})).stdout,
      );
    const attach = ["sbom", "provenance"] as const;
    for (const location of [place("team/said"), copy]) {
      const store = await openStore(location);
      await store.push({ source: tarballs["1.0.0"]! });
      // Of a release that is there, and once, however often.
      for (const _ of [1, 2]) await store.push({ source: tarballs["1.0.0"]!, attach });
      assert.equal((await store.list()).length, 1);
      const { digest, tarball } = await store.find({ name: "wall", version: "1.0.0" });
      // docker-registry knows of no referrers: the tag that stands for them.
      const list = `docker://${registry.host}/team/said:${digest.replace(":", "-")}`;
      const index =
        location === copy
          ? JSON.parse(readFileSync(join(copy, "index.json"), "utf8"))
          : await inspect(list);
      const entries = index.manifests.filter(
        (entry: { artifactType?: string }) => entry.artifactType,
      );
      const types = ["application/vnd.cyclonedx+json", "application/vnd.in-toto+json"];
      assert.deepEqual(
        entries.map((entry: { artifactType: string }) => entry.artifactType),
        types,
      );
      if (location !== copy) continue;
      const read = (hex: string) =>
        JSON.parse(readFileSync(join(copy, "blobs/sha256", hex.replace("sha256:", "")), "utf8"));
      const manifests = entries.map((entry: { digest: string }) => read(entry.digest));
      assert.deepEqual(manifests[0].subject.digest, digest);
      const [sbom, provenance] = manifests.map((one: { layers: { digest: string }[] }) =>
        read(one.layers[0]!.digest),
      );
      const component = sbom.components.find(({ name }: { name: string }) => name === "ms");
      assert.deepEqual(
        [component.purl, component.version, component.licenses[0].license.name],
        ["pkg:npm/%40a/ms@2.1.3", "2.1.3", "MIT"],
      );
      assert.equal(sbom.components.length, 3);
      assert.equal(provenance.subject[0].digest.sha256, tarball.sha256);
      assert.equal(provenance.predicateType, "https://slsa.dev/provenance/v1");
    }
    for (const location of [place("team/said"), copy]) {
      const store = await openStore(location);
      await store.push({ source: tarballs["1.1.0"]! });
      await store.prune({ keep: 1 });
    }
    const left = JSON.parse(readFileSync(join(copy, "index.json"), "utf8")).manifests;
    assert.equal(left.length, 2);
    const tags = await mustRun(
      "skopeo",
      ["list-tags", "--tls-verify=false", `docker://${registry.host}/team/said`],
      {},
    );
    assert.deepEqual(JSON.parse(tags.stdout).Tags, ["1.1.0", "latest"]);
  });

  test("has it as the specifications say, asked as oras and crane ask", async () => {
    const store = await openStore(place("team/asked"));
    const attach = ["sbom", "provenance"] as const;
    await store.push({ source: tarballs["1.0.0"]!, attach });
    const ask = async (path: string, accept = "*/*") => {
      const url = `http://${registry.host}/v2/team/asked/${path}`;
      const answer = await fetch(url, { headers: { accept } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const said = (name: string) => answer.headers.get(name);
      return { status: answer.status, type: said("content-type"), said, bytes };
    };
    const image = "application/vnd.oci.image.manifest.v1+json";
    const index = "application/vnd.oci.image.index.v1+json";
    // crane validate: sizes, digests, and the digests of what is unpacked.
    const manifestAt = async (reference: string) => {
      const { type, said, bytes } = await ask(`manifests/${reference}`, image);
      assert.deepEqual([type, said("docker-content-digest")], [image, `sha256:${sha256(bytes)}`]);
      const manifest = JSON.parse(bytes.toString("utf8"));
      assert.deepEqual([manifest.schemaVersion, manifest.mediaType], [2, image]);
      const described = { mediaType: image, digest: `sha256:${sha256(bytes)}`, size: bytes.length };
      const blobs: Buffer[] = [];
      for (const { digest, size, mediaType } of [manifest.config, ...manifest.layers]) {
        const blob = (await ask(`blobs/${digest}`)).bytes;
        assert.deepEqual([blob.length, `sha256:${sha256(blob)}`], [size, digest]);
        assert.match(mediaType, /^application\/[a-z0-9.+-]+$/);
        blobs.push(blob);
      }
      return { manifest, described, config: JSON.parse(String(blobs[0])), layers: blobs.slice(1) };
    };
    const release = await manifestAt("1.0.0");
    assert.equal(release.manifest.config.mediaType, "application/vnd.oci.image.config.v1+json");
    assert.deepEqual([release.config.os, release.config.architecture], ["linux", "amd64"]);
    const unpacked = release.layers.map((layer) => `sha256:${sha256(gunzipSync(layer))}`);
    assert.deepEqual(release.config.rootfs, { type: "layers", diff_ids: unpacked });
    // oras pull puts each layer as it is under its title: what is packed is called so. The end has none.
    const titles = release.manifest.layers.map(
      ({ annotations }: { annotations?: Record<string, string> }) =>
        annotations?.["org.opencontainers.image.title"],
    );
    assert.equal(titles.pop(), undefined);
    assert.ok(titles.includes("lib/wall-1.0.0.tar.gz"), titles.join());
    for (const title of titles) assert.match(title, /^[a-z]+\/.*\.tar\.gz$/);
    // oras discover: referrers, and where a registry has none, the tag that lists them.
    const { digest } = release.described;
    assert.equal((await ask(`referrers/${digest}`)).status, 404);
    const list = await ask(`manifests/${digest.replace(":", "-")}`, index);
    assert.equal(list.type, index);
    const { manifests, mediaType } = JSON.parse(String(list.bytes));
    assert.deepEqual([mediaType, manifests.length], [index, 2]);
    for (const entry of manifests) {
      const said = await manifestAt(entry.digest);
      const { artifactType } = said.manifest;
      assert.deepEqual(entry, { ...said.described, artifactType });
      assert.deepEqual(said.manifest.subject, release.described);
      const empty = { mediaType: "application/vnd.oci.empty.v1+json", digest: EMPTY, size: 2 };
      assert.deepEqual([said.manifest.config, said.config], [empty, {}]);
      // oras pull: a file of that name.
      const [{ annotations }] = said.manifest.layers;
      assert.match(annotations["org.opencontainers.image.title"], /^\w+\.\w+\.json$/);
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

    test("in the middle of an upload goes on from where it was, with a layer of several pieces", async () => {
      const large = join(folder, "large.tar.gz");
      // Nothing that can be compressed: three pieces.
      const noise = Buffer.from(randomBytes(14 << 20)).toString("base64");
      await partedTarball(large, "3.0.0", noise);
      const ranges: string[] = [];
      let begun = 0;
      const faulty = await startFaultyRegistry(registry, {
        now: ({ method, headers, socket }) => {
          if (method === "POST") begun += 1;
          if (method !== "PATCH") return false;
          ranges.push(String(headers["content-range"]));
          if (ranges.length !== 2) return false;
          socket.destroy();
          return true;
        },
      });
      try {
        const store = await openStore(place("team/large", faulty.host));
        const { moved } = await store.push({ source: large });
        assert.equal(begun, moved.blobs, "no upload has begun again");
        assert.deepEqual(
          ranges.slice(0, 3).map((range) => range.split("-")[0]),
          ["0", String(8 << 20), String(8 << 20)],
        );
        await store.verify(await store.find({ name: "wall", version: "3.0.0" }));
      } finally {
        await faulty.close();
      }
    });

    const MOMENTS: [string, (asked: IncomingMessage) => boolean][] = [
      ["it is asked what it has", ({ method }) => method === "HEAD"],
      ["a layer is begun", ({ method }) => method === "POST"],
      ["a layer has come", ({ method, url }) => method === "PUT" && url!.includes("/blobs/")],
      ["the version is named", ({ method, url }) => method === "PUT" && url!.endsWith("/1.0.0")],
      ["latest is named", ({ method, url }) => method === "PUT" && url!.endsWith("/latest")],
    ];
    for (const [index, [what, isIt]] of MOMENTS.entries()) {
      test(`no more than a push does that is killed when ${what}: what is named is whole, and the next one completes`, async () => {
        const source = tarballs["1.0.0"]!;
        const repository = `team/killed-${index}`;
        await killedWhen(isIt, (host) => ["push", source, "--store", place(repository, host)]);
        const store = await openStore(place(repository));
        for (const found of await store.list()) await store.verify(found);
        await store.push({ source });
        for (const version of ["1.0.0", "latest"]) {
          await store.verify(await store.find({ name: "wall", version }));
        }
      });
    }

    test("nor than a pull that is killed: there is no tarball, and the next one completes", async () => {
      await pushOnce("team/half");
      const into = join(folder, "half");
      const args = (host: string) => [
        "pull",
        `${place("team/half", host)}:1.0.0`,
        "--out",
        `${into}/`,
      ];
      let layers = 0;
      const third = ({ method, url }: IncomingMessage) => {
        if (method === "GET" && url!.includes("/blobs/")) layers += 1;
        return layers === 3;
      };
      await killedWhen(third, args);
      const target = join(into, "wall-1.0.0.tar.gz");
      assert.ok(!existsSync(target));
      assert.equal((await tsugi(args(registry.host), folder)).status, 0);
      assert.deepEqual(readFileSync(target), readFileSync(tarballs["1.0.0"]!));
    });

    /** By kill -9, while the registry does what it was asked for. */
    async function killedWhen(
      isIt: (asked: IncomingMessage) => boolean,
      args: (host: string) => string[],
    ) {
      let child: ChildProcess | undefined;
      const watched = await startFaultyRegistry(registry, {
        now: (asked) => {
          if (isIt(asked)) child!.kill("SIGKILL");
          return false;
        },
      });
      try {
        child = spawn(process.execPath, [tsugiCli, ...args(watched.host)], { stdio: "ignore" });
        assert.deepEqual(await once(child, "exit"), [null, "SIGKILL"]);
      } finally {
        await watched.close();
      }
    }

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

    test("for want of room on its disk says so, names nothing, and takes the same push once there is room", {
      skip: needsRoot && "needs root, to give it a disk of its own",
    }, async (t) => {
      const disk = join(folder, "small");
      const mount = (options: string) =>
        mustRun("mount", ["-t", "tmpfs", "-o", options, "tmpfs", disk]);
      mkdirSync(disk);
      await mount("size=2m");
      const full = await startRegistry(join(disk, "registry"));
      t.after(async () => {
        await full.close();
        await mustRun("umount", [disk]);
      });
      const source = join(folder, "roomy.tar.gz");
      await partedTarball(source, "4.0.0", randomBytes(3 << 20).toString("base64"));
      const store = await openStore(place("team/wall", full.host));
      await store.push({ source: tarballs["1.0.0"]! });
      await assert.rejects(store.push({ source }), { code: "TSUGI_STORE_FAILED" });
      const versions = async () => (await store.list()).map(({ version }) => version);
      assert.deepEqual(await versions(), ["1.0.0"]);
      assert.equal((await store.find({ name: "wall", version: "latest" })).version, "1.0.0");
      await mount("remount,size=40m");
      await store.push({ source });
      await store.verify(await store.find({ name: "wall", version: "4.0.0" }));
      await store.verify(await store.find({ name: "wall", version: "1.0.0" }));
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
