/** Container images, made without a container engine, and read by other people's tools. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { makeBaseImage, whyNoImages } from "../helpers/baseImage.ts";
import { childOf, mustRun, runCommand } from "../helpers/commands.ts";
import { findProgram } from "../helpers/debian.ts";
import { type Registry, startRegistry, whyNoRegistry } from "../helpers/ociRegistry.ts";
import { freePort } from "../helpers/ports.ts";
import { mustTsugi, temporaryFolder, tsugi } from "../helpers/projects.ts";
import { buildWall, eventually, type WallReleases } from "../helpers/wall.ts";

const skip =
  (process.getuid?.() !== 0 && "only root may unpack an image as it is") ||
  (await whyNoImages()) ||
  (await whyNoRegistry());

describe("an image", { skip }, () => {
  const { folder, remove } = temporaryFolder("image");
  const layout = join(folder, "image");
  let wall: WallReleases;
  let registry: Registry;
  let base: string;

  before(async () => {
    wall = await buildWall({ "0.0.1": {}, "0.0.2": { extra: "/* another version */" } });
    base = `oci:${await makeBaseImage(join(folder, "base"))}:latest`;
    registry = await startRegistry(join(folder, "registry"));
  });
  after(async () => {
    await registry?.close();
    wall?.dispose();
    remove();
  });

  const imageOf = async (...args: string[]) => {
    const { status, stdout, output } = await tsugi(["image", ...args, "--json"], folder);
    assert.equal(status, 0, output);
    return JSON.parse(stdout);
  };
  const unpacked = async (name: string) => {
    const bundle = join(folder, `bundle-${name}`);
    rmSync(bundle, { recursive: true, force: true });
    await mustRun("umoci", ["unpack", "--image", `${layout}:${name}`, bundle]);
    const { process: how } = JSON.parse(readFileSync(join(bundle, "config.json"), "utf8"));
    return { root: join(bundle, "rootfs"), how };
  };

  test("runs as a user of its own, answers, and drains when it is told to end", async () => {
    const made = await imageOf(wall.tarball("0.0.1"), "--base", base, "--out", layout);
    assert.equal(made.platforms[0].user, "10001:10001");
    const { root, how } = await unpacked("0.0.1");
    assert.deepEqual(how.args, ["/srv/wall/bin/wall", "foreground"]);
    assert.equal(how.cwd, "/srv/wall");
    assert.match(
      readFileSync(join(root, "etc/passwd"), "utf8"),
      /^root:.*\nwall:x:10001:10001::\/srv\/wall:/s,
    );
    for (const [path, owner] of [
      ["bin/wall", 0],
      ["releases/0.0.1/release.json", 0],
      ["run", 10001],
      ["releases", 10001],
      ["lib", 10001],
      ["lib/wall-0.0.1", 0],
    ]) {
      assert.equal(statSync(join(root, "srv/wall", String(path))).uid, owner, String(path));
    }
    const port = await freePort();
    const container = inside(root, how.args, { PORT: String(port), PATH: pathOf(how.env) });
    const output = collect(container);
    try {
      const version = await eventually("it answers", () => versionAt(port), 60_000);
      assert.equal(version, "0.0.1");
      const into = [
        "-t",
        String(childOf(container.pid!)),
        "-p",
        "-m",
        "-r",
        "-S",
        "10001",
        "-G",
        "10001",
      ];
      const ping = [...into, "/srv/wall/bin/wall", "ping"];
      await eventually("it is ready", async () =>
        /pong/.test((await runCommand("nsenter", ping)).stdout),
      );
      assert.equal(await ended(container, output), 0, output());
    } finally {
      container.kill("SIGKILL");
    }
  });

  test("is the same bytes again, and of another version only what changed is new", async () => {
    const one = await imageOf(
      wall.tarball("0.0.1"),
      "--base",
      base,
      "--out",
      join(folder, "again"),
    );
    const first = await imageOf(wall.tarball("0.0.1"), "--base", base, "--out", layout);
    assert.equal(first.digest, one.digest);
    const second = await imageOf(wall.tarball("0.0.2"), "--base", base, "--out", layout);
    assert.equal(second.moved.blobs, 2, "the application, and the configuration");
    const titles = (made: typeof one) =>
      made.platforms[0].layers.map(({ title }: { title: string }) => title);
    assert.deepEqual(titles(second).slice(0, 2), titles(first).slice(0, 2));
    assert.ok(second.moved.bytes < 100_000, String(second.moved.bytes));
  });

  test("goes to a registry, where skopeo sees what it is; twice costs nothing", async () => {
    const place = `oci://${registry.host}/team/wall-image`;
    const pushed = await imageOf(wall.tarball("0.0.1"), "--base", base, "--push", place);
    assert.equal(pushed.tag, "0.0.1");
    const again = await imageOf(wall.tarball("0.0.1"), "--base", base, "--push", `${place}:stable`);
    assert.deepEqual(again.moved, { blobs: 0, bytes: 0 });
    const seen = await mustRun("skopeo", [
      "inspect",
      "--tls-verify=false",
      `docker://${registry.host}/team/wall-image:stable`,
    ]);
    const { Digest, Labels, Architecture } = JSON.parse(seen.stdout);
    assert.equal(Digest, pushed.digest);
    assert.equal(Labels["org.opencontainers.image.version"], "0.0.1");
    assert.equal(Architecture, process.arch === "x64" ? "amd64" : "arm64");
    // And what is in a registry can be stood on.
    const onTop = await imageOf(
      wall.tarball("0.0.2"),
      "--base",
      `${registry.host}/team/wall-image:stable`,
      "--out",
      join(folder, "top"),
    );
    assert.equal(onTop.platforms[0].baseDigest, pushed.digest);
  });

  test("a pod goes where its ConfigMap says, in place; one that is made anew begins there", async () => {
    const place = `oci://${registry.host}/team/wall-pods`;
    for (const version of ["0.0.1", "0.0.2"]) {
      await mustTsugi(["push", wall.tarball(version), "--store", place], folder);
    }
    await imageOf(wall.tarball("0.0.1"), "--base", base, "--out", layout);
    const port = await freePort();
    const pod = async (wanted: string) => {
      const { root, how } = await unpacked("0.0.1");
      const configMap = new ConfigMap(join(root, "etc/wanted"));
      configMap.say(`${place}:${wanted}\n`);
      const args = [...how.args, "--follow", "/etc/wanted/release", "--every", "1"];
      const container = inside(root, args, { PORT: String(port), PATH: pathOf(how.env) });
      return { configMap, container, output: collect(container) };
    };
    const answer = () => versionAt(port);
    const first = await pod("0.0.1");
    try {
      await eventually("0.0.1 answers", async () => (await answer()) === "0.0.1", 60_000);
      first.configMap.say(`${place}:0.0.2\n`);
      await eventually("0.0.2 answers", async () => (await answer()) === "0.0.2", 60_000);
      await eventually(
        "it is done",
        () => /0\.0\.2 runs, as is wanted/.test(first.output()),
        30_000,
      );
      assert.equal(await ended(first.container, first.output), 0, first.output());
    } finally {
      first.container.kill("SIGKILL");
    }
    const second = await pod("0.0.2");
    try {
      const version = await eventually("it answers", answer, 60_000);
      assert.equal(version, "0.0.2", "from its first answer on");
      assert.equal(await ended(second.container, second.output), 0, second.output());
    } finally {
      second.container.kill("SIGKILL");
    }
  });

  test("does not take the place of a release for hosts", async () => {
    const place = `oci://${registry.host}/team/wall`;
    await mustTsugi(["push", wall.tarball("0.0.1"), "--store", place], folder);
    const refused = await tsugi(
      ["image", wall.tarball("0.0.1"), "--base", base, "--push", place],
      folder,
    );
    assert.equal(refused.status, 4);
    assert.match(refused.output, /TSUGI_IMAGE_TAG_TAKEN/);
    assert.match(refused.output, /tsugi image --push oci:.*\/wall-image:0\.0\.1/);
  });

  test("is a file that skopeo reads as docker load does", async () => {
    const file = join(folder, "wall.tar");
    const made = await imageOf(wall.tarball("0.0.1"), "--base", base, "--out", file);
    const seen = await mustRun("skopeo", ["inspect", `oci-archive:${file}:0.0.1`]);
    assert.equal(JSON.parse(seen.stdout).Digest, made.digest);
    // Before 25 docker reads manifest.json.
    const old = await mustRun("skopeo", [
      "inspect",
      "--config",
      `docker-archive:${file}:wall:0.0.1`,
    ]);
    const { config } = JSON.parse(old.stdout);
    assert.equal(config.Labels["org.opencontainers.image.version"], "0.0.1");
    const copied = join(folder, "loaded");
    await mustRun("skopeo", ["copy", `docker-archive:${file}`, `oci:${copied}:0.0.1`]);
    const again = join(folder, "again.tar");
    await imageOf(wall.tarball("0.0.1"), "--base", base, "--out", again);
    assert.deepEqual(readFileSync(again), readFileSync(file));
    assert.deepEqual(
      readdirSync(folder).filter((name) => /\.tmp/.test(name)),
      [],
    );
  });

  test("on a base without a shell calls Node itself", async () => {
    const bare = await makeBaseImage(join(folder, "bare"), { without: ["shell"] });
    const made = await imageOf(wall.tarball("0.0.1"), "--base", `oci:${bare}`, "--out", layout);
    assert.equal(made.platforms[0].hasShell, false);
    const { root, how } = await unpacked("0.0.1");
    assert.match(how.args[0], /^\/srv\/wall\/runtime\/node-[^/]+\/bin\/node$/);
    const port = await freePort();
    const environment = Object.fromEntries(how.env.map((one: string) => one.split("=")));
    const container = inside(root, how.args, { ...environment, PORT: String(port) });
    const output = collect(container);
    try {
      await eventually("it answers", () => versionAt(port), 60_000).catch((error) =>
        assert.fail(`${error.message}: ${output()}`),
      );
      assert.equal(await ended(container, output), 0, output());
    } finally {
      container.kill("SIGKILL");
    }
  });

  test("is refused before anything is written where it could not start", async () => {
    const poor = await makeBaseImage(join(folder, "poor"), { without: ["libstdc++"] });
    const nowhere = join(folder, "nowhere");
    const cases: [string[], RegExp][] = [
      [["--base", `oci:${poor}`], /it has no libstdc\+\+\.so\.6/],
      [["--base", `oci:${join(folder, "none")}`], /there is no latest in/],
      [["--base", `${registry.host}/team/none`], /there is no latest in/],
      [["--base", "UPPER CASE"], /it is no name of an image/],
      [["--push", `oci://${registry.host}/x`], /exclude each other/],
      [[wall.tarball("0.0.2"), "--base", base], /wall 0\.0\.1 and wall 0\.0\.2 are not one image/],
      [[wall.tarball("0.0.1"), "--base", base], /two of them are for linux-/],
    ];
    for (const [args, says] of cases) {
      const { status, output } = await tsugi(
        ["image", wall.tarball("0.0.1"), ...args, "--out", nowhere],
        folder,
      );
      assert.notEqual(status, 0, output);
      assert.match(output.replace(/\s+/g, " "), says);
      assert.ok(!existsSync(nowhere), args.join(" "));
    }
  });
});

/** A volume as the kubelet writes it: what it says changes by the rename of one link. */
class ConfigMap {
  readonly #folder: string;
  #written = 0;

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    symlinkSync("..data/release", join(folder, "release"));
  }

  say(text: string): void {
    this.#written += 1;
    const name = `..${this.#written}`;
    mkdirSync(join(this.#folder, name));
    writeFileSync(join(this.#folder, name, "release"), text);
    symlinkSync(name, join(this.#folder, "..data_tmp"));
    renameSync(join(this.#folder, "..data_tmp"), join(this.#folder, "..data"));
  }
}

/** As an engine would run it: a root of its own, pids of its own, a user. */
function inside(root: string, args: string[], env: Record<string, string>) {
  mkdirSync(join(root, "proc"), { recursive: true });
  mkdirSync(join(root, "dev"), { recursive: true });
  writeFileSync(join(root, "etc/hosts"), "127.0.0.1 localhost\n");
  const script =
    'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; root=$1; shift; ' +
    'exec chroot --userspec=10001:10001 "$root" "$@"';
  return spawn(
    findProgram("unshare")!,
    ["--mount", "--pid", "--fork", "--kill-child", "/bin/sh", "-c", script, "sh", root, ...args],
    { env: { PATH: process.env.PATH, ...env }, stdio: ["ignore", "pipe", "pipe"] },
  );
}

function collect(child: ReturnType<typeof inside>): () => string {
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (text += chunk));
  return () => text;
}

const pathOf = (env: string[]): string => env.find((one) => one.startsWith("PATH="))!.slice(5);

const versionAt = (port: number): Promise<string | undefined> =>
  fetch(`http://127.0.0.1:${port}/`).then(
    async (got) => ((await got.json()) as { version: string }).version,
    () => undefined,
  );

/** Told to end once it is ready: it answers a moment before. */
async function ended(container: ReturnType<typeof inside>, output: () => string) {
  await eventually("it is ready", () => /wall [\d.]+ is ready, pid/.test(output()), 60_000);
  process.kill(childOf(container.pid!), "SIGTERM");
  return (await once(container, "exit"))[0];
}
