/**
 * Another user of the same machine, a real one: can't speak to the supervisor, can't read what is
 * secret, and can't make a command that root runs follow a link of theirs.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { removeLock, takeLock } from "../../src/deploy/remote/lockScripts.ts";
import { finish, install, send, stageEnv, withEnv } from "../../src/deploy/remote/scripts.ts";
import { layoutOf } from "../../src/release/layout.ts";
import { LocalTransport } from "../../src/transport/index.ts";
import { as, filesReadableBy, needsRoot, OWNER, own, STRANGER } from "../helpers/otherUsers.ts";
import { snapshot, temporaryFolder } from "../helpers/projects.ts";
import { buildWall, type Wall, type WallReleases } from "../helpers/wall.ts";

const SECRET = `s3cr3t-${process.pid}`;

const skip = needsRoot;

describe("another user", { skip }, () => {
  let releases: WallReleases;
  before(async () => {
    // Says its secret on purpose: in the log, and in a report of Node's, which has the environment.
    const extra = "console.log('said ' + process.env.SECRET); process.report.writeReport();";
    releases = await buildWall({ "1.0.0": { extra }, "1.1.0": { extra } });
    // Everybody may come as far as to the roots.
    chmodSync(releases.folder, 0o755);
  });
  after(() => releases?.dispose());

  /** Belongs to a user, and is run by root, as a deploy or a unit would. */
  async function ownedHost(t: TestContext): Promise<Wall> {
    const wall = await releases.host(t, "1.0.0", { env: { SECRET } });
    own(wall.host.root, OWNER);
    return wall;
  }

  test("can neither speak to the supervisor nor read a secret", async (t) => {
    const { host } = await ownedHost(t);
    await host.must("start");
    const pid = readFileSync(join(host.root, "run", "pid"), "utf8").trim();
    assert.equal(statSync(`/proc/${pid}`).uid, OWNER, "root's start acts as the owner");
    const [runtime] = readdirSync(join(host.root, "runtime"));
    const node = join(host.root, "runtime", runtime!, "bin", "node");
    const connect = (path: string) =>
      `require("net").connect(${JSON.stringify(path)}).on("error", (e) => console.log(e.code)).on("connect", () => process.exit(9))`;
    for (const name of ["control.sock", `control.${pid}.sock`]) {
      const path = join(host.root, "run", name);
      assert.equal(as(OWNER, node, ["-e", connect(path)]).status, 9, "its owner can");
      const { status, output } = as(STRANGER, node, ["-e", connect(path)]);
      assert.deepEqual([status, output], [0, "EACCES\n"], name);
    }
    const environ = `/proc/${pid}/environ`;
    const readable = filesReadableBy(STRANGER, [SECRET], host.root, environ);
    assert.deepEqual(readable, [], "files that a stranger can read");
    const owned = filesReadableBy(OWNER, [SECRET], host.root).join();
    for (const file of ["/etc/env", "/log/wall.log", "/log/report."]) {
      assert.ok(owned.includes(file), `${file} has it, and its owner can read it: ${owned}`);
    }
    for (const verb of ["ping", "status"]) {
      const { status, output } = as(STRANGER, host.bin, [verb]);
      assert.equal(status, 1, output);
      assert.match(output, /TSUGI_FILE_REFUSED[\s\S]*permission denied/);
    }
    for (const verb of ["status", "stop", "rpc 1", "upgrade 1.1.0", "remove 1.1.0"]) {
      const { status, output } = as(STRANGER, host.bin, verb.split(" "));
      assert.ok(status !== 0 && status !== null, `${verb}: ${status}`);
      assert.match(output, /TSUGI_/, verb);
      assert.doesNotMatch(output, RegExp(SECRET));
    }
    await host.must("ping");
  });

  test("can't lead what root runs elsewhere by a link, in a root that is theirs", async (t) => {
    const { host } = await ownedHost(t);
    using victim = makeVictim();
    const layout = layoutOf(host.root, "wall");
    const plants: [path: string, to: string, ...verbs: string[]][] = [
      [layout.run, victim.path, "start", "prune"],
      [layout.etcEnv, victim.file, "start", "inventory"],
      [layout.appLog, victim.file, "start", "stop"],
      [layout.log, victim.path, "start", "stop"],
      [layout.pid, victim.file, "start", "stop"],
      [layout.lock, victim.file, "start"],
      [layout.workers, victim.file, "start"],
      [join(layout.run, "boot.err"), victim.file, "start"],
      [layout.releaseList, victim.file, "unpack 1.1.0"],
      [layout.release("1.1.0").tarball, victim.file, "upgrade 1.1.0"],
      [layout.staging, victim.path, "unpack 1.1.0"],
    ];
    mkdirSync(layout.run, { recursive: true });
    mkdirSync(layout.log, { recursive: true });
    mkdirSync(layout.release("1.1.0").dir, { recursive: true });
    writeFileSync(layout.release("1.1.0").tarball, readFileSync(releases.tarball("1.1.0")));
    own(host.root, OWNER);
    for (const [path, to, ...verbs] of plants) {
      rmSync(`${path}.kept`, { recursive: true, force: true });
      const isThere = spawnSync("test", ["-e", path]).status === 0;
      if (isThere) renameSync(path, `${path}.kept`);
      symlinkSync(to, path);
      lchownSync(path, OWNER, OWNER);
      for (const verb of verbs) {
        const { output } = await host.app(...verb.split(" "));
        assert.doesNotMatch(output, RegExp(victim.secret), `${verb} with a link at ${path}`);
        victim.isUntouched(`${verb} with a link at ${path}: ${output}`);
      }
      if (verbs.includes("start") && !verbs.includes("stop")) await host.app("stop");
      rmSync(path, { force: true, recursive: true });
      if (isThere) renameSync(`${path}.kept`, path);
    }
    await host.must("start");
    const strangers = spawnSync("find", [host.root, "!", "-uid", String(OWNER)], {
      encoding: "utf8",
    });
    assert.equal(strangers.stdout, "", "and nothing of root's is left behind");
  });
});

describe("a shell's environment", { skip }, () => {
  let releases: WallReleases;
  before(async () => {
    releases = await buildWall({ "1.0.0": {} });
    chmodSync(releases.folder, 0o755);
  });
  after(() => releases?.dispose());
  const shell = {
    SSH_AUTH_SOCK: "/tmp/agent",
    GITHUB_TOKEN: `t0ken-${process.pid}`,
    SUDO_USER: "me",
    NODE_OPTIONS: "--no-warnings",
    TMPDIR: "/root/tmp",
  };
  const names = Object.keys(shell);

  for (const user of [0, OWNER]) {
    test(`is not the application's where uid ${user} owns the root, unless one asks for it`, async (t) => {
      const { host } = await releases.host(t, "1.0.0", { env: { COLOUR: "red" } });
      own(host.root, user);
      const type = async (...args: string[]) => {
        const { status, output } = await host.run(host.bin, args, {
          env: { ...host.env, ...shell },
        });
        assert.equal(status, 0, output);
      };
      const environment = async () => {
        const { stdout } = await host.must("rpc", "JSON.stringify(process.env)");
        return JSON.parse(stdout);
      };
      for (const start of ["start", "restart"]) {
        await type(start);
        const env = await environment();
        assert.deepEqual(
          names.filter((name) => name in env),
          [],
          start,
        );
        assert.equal(env.COLOUR, "red");
        assert.equal(env.LANG, "C.UTF-8");
        assert.match(env.PATH, /^\/usr\/local\/sbin:/);
        const workers = readFileSync(join(host.root, "run", "pid"), "utf8").trim();
        assert.doesNotMatch(
          readFileSync(`/proc/${workers}/environ`, "utf8"),
          RegExp(shell.GITHUB_TOKEN),
        );
      }
      await type("restart", "--keep-env");
      const env = await environment();
      assert.deepEqual(
        names.filter((name) => name in env),
        names,
      );
    });
  }
});

describe("a deploy as root, into a root that is somebody else's", { skip }, () => {
  const { folder, remove } = temporaryFolder("hostile-deploy");
  after(remove);
  const here = new LocalTransport("here");
  let count = 0;

  function rootOf(user: number) {
    count += 1;
    chmodSync(folder, 0o755);
    const layout = layoutOf(join(folder, `root${count}`), "wall");
    mkdirSync(layout.etc, { recursive: true });
    mkdirSync(dirname(layout.release("2.0.0").tarball), { recursive: true });
    own(layout.root, user);
    return layout;
  }

  const scripts = {
    lock: (layout: ReturnType<typeof layoutOf>) => takeLock(layout, "me", "leave"),
    unlock: (layout: ReturnType<typeof layoutOf>) => removeLock(layout),
    send: (layout: ReturnType<typeof layoutOf>) => send(layout, "2.0.0", 4),
    install: (layout: ReturnType<typeof layoutOf>) => install(layout, 4, "0".repeat(64)),
    stageEnv: (layout: ReturnType<typeof layoutOf>) => stageEnv(layout, 4),
    withEnv: (layout: ReturnType<typeof layoutOf>) => withEnv(layout, "keep", ["true"]),
    finish: (layout: ReturnType<typeof layoutOf>) => finish(layout),
  };
  type Script = keyof typeof scripts;

  test("no link that they have put there is followed with root's rights", async () => {
    using victim = makeVictim();
    const at = layoutOf("", "wall");
    const plants: [path: string, to: string, ...names: Script[]][] = [
      [at.run, victim.path, "lock", "unlock"],
      [at.deployLock, victim.file, "lock", "unlock"],
      [`${at.release("2.0.0").tarball}.part`, victim.file, "send"],
      [at.release("2.0.0").dir, victim.path, "send"],
      [at.firstInstall, victim.path, "install"],
      [at.etc, victim.path, "stageEnv", "withEnv"],
      [at.etcEnvNext, victim.file, "stageEnv", "withEnv"],
      [`${at.etcEnv}.new`, victim.file, "stageEnv", "withEnv"],
      [at.etcEnv, victim.file, "stageEnv", "withEnv"],
      [at.deploysLog, victim.file, "finish"],
      [at.log, victim.path, "finish"],
    ];
    for (const [path, to, ...names] of plants) {
      const layout = rootOf(OWNER);
      const link = join(layout.root, path);
      rmSync(link, { recursive: true, force: true });
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(to, link);
      own(layout.root, OWNER);
      for (const name of names) {
        const { stdout, stderr } = await here.run(scripts[name](layout), { stdin: "four" });
        const where = `${name} with a link at ${path}: ${stdout}${stderr}`;
        assert.doesNotMatch(stdout + stderr, RegExp(victim.secret), where);
        victim.isUntouched(where);
      }
    }
  });

  test("what is written belongs to them, and the variables of a first start are theirs", async () => {
    const layout = rootOf(OWNER);
    assert.equal((await here.run(send(layout, "2.0.0", 4), { stdin: "four" })).exitCode, 0);
    assert.equal((await here.run(stageEnv(layout, 4), { stdin: "A=1\n" })).exitCode, 0);
    const shown = await here.run(withEnv(layout, "keep", ["sh", "-c", "id -u; echo $HOME"]));
    assert.equal(shown.stdout, `${OWNER}\n\n`);
    assert.equal(readFileSync(layout.etcEnv, "utf8"), "A=1\n");
    assert.equal((await here.run(takeLock(layout, "me", "leave"))).exitCode, 0);
    assert.equal((await here.run(finish(layout), { stdin: "{}\n" })).exitCode, 0);
    const args = [layout.root, "!", "-uid", String(OWNER)];
    assert.equal(spawnSync("find", args, { encoding: "utf8" }).stdout, "");
  });

  test("a root that is a stranger's link, or in a folder that others may write, is refused", async () => {
    const layout = rootOf(OWNER);
    const linked = layoutOf(join(folder, "link"), "wall");
    symlinkSync(layout.root, linked.root);
    lchownSync(linked.root, STRANGER, STRANGER);
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    const exposed = layoutOf(join(open, "wall"), "wall");
    for (const name of Object.keys(scripts) as Script[]) {
      const link = await here.run(scripts[name](linked), { stdin: "four" });
      assert.equal(link.exitCode, 1, name);
      assert.match(link.stderr, /is a link of user 54321, who is not its owner/);
      const parent = await here.run(scripts[name](exposed), { stdin: "four" });
      assert.equal(parent.exitCode, 1, name);
      assert.match(parent.stderr, /others may write .*chmod o-w/);
    }
    assert.deepEqual(readdirSync(open), []);
    chmodSync(open, 0o1777);
    const sticky = await here.run(takeLock(exposed, "me", "leave"));
    assert.equal(sticky.exitCode, 0, `/tmp is no such folder: ${sticky.stderr}`);
  });
});

/** A folder and a file that root alone may enter, read and change. */
function makeVictim() {
  const { folder, remove } = temporaryFolder("victim");
  const secret = `0nly-r00t-${process.pid}`;
  const file = join(folder, "file");
  writeFileSync(file, `${secret} ${secret} ${secret} ${secret}\n`, { mode: 0o600 });
  chmodSync(folder, 0o700);
  const look = () => {
    const infos = [folder, file].map((path) => statSync(path));
    const facts = infos.map(({ uid, gid, mode, mtimeMs }) => [uid, gid, mode, mtimeMs]);
    return JSON.stringify([snapshot(folder), facts]);
  };
  const before = look();
  return {
    path: folder,
    file,
    secret,
    isUntouched: (where: string) => assert.equal(look(), before, where),
    [Symbol.dispose]: remove,
  };
}
