/**
 * Root types bin/<app>, or deploys as root, in a root that somebody else may write to: what lies there
 * never runs as root. Two other users, real ones; what they have planted says who it runs as.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { readFacts } from "../../src/deploy/facts.ts";
import { commandAsOwner } from "../../src/deploy/remote/asOwner.ts";
import { inRoot } from "../../src/deploy/remote/runScripts.ts";
import { layoutOf } from "../../src/release/layout.ts";
import { LocalTransport } from "../../src/transport/index.ts";
import { projectRoot } from "../helpers/example.ts";
import { needsRoot, OWNER, own, STRANGER } from "../helpers/otherUsers.ts";
import { temporaryFolder } from "../helpers/projects.ts";

/** In every Debian's and Alpine's passwd file, in no other group's list: somebody whom `su` knows. */
const DAEMON = 1;
const ID = "a".repeat(64);
const skip = needsRoot;

const { folder, remove } = temporaryFolder("steps-down");
after(remove);
if (!skip) chmodSync(folder, 0o755);
let count = 0;

interface Root {
  root: string;
  bin: string;
  /** Where what is planted says who runs it, and with what. */
  told: string;
  /** Who has run it: the uids. */
  ran(): string[];
}

const put = (path: string, text: string, mode = 0o644) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};

/** In the form of a release; in place of its Node, and of its Erlang, a script that tells. */
const KINDS = {
  node(root: string, tells: string) {
    copyFileSync(join(projectRoot, "dist/release/bin.sh"), join(root, "bin/shop"));
    put(join(root, "runtime/node-1/bin/node"), tells, 0o755);
    put(join(root, "lib/tsugi-1/control.mjs"), "");
    put(join(root, "releases/permanent"), `1.0.0 ${ID} node-1 tsugi-1\n`);
  },
  beam(root: string, tells: string) {
    copyFileSync(join(projectRoot, "dist/beam/host/bin.sh"), join(root, "bin/shop"));
    put(join(root, "lib/tsugi-1/priv/main.sh"), tells, 0o755);
    put(join(root, "erts-1/bin/erlexec"), tells, 0o755);
    put(join(root, "releases/start_erl.data"), "1 1.0.0");
    put(join(root, "releases/1.0.0/tsugi"), "tsugi-1 erts-1\n");
  },
};
type Kind = keyof typeof KINDS;
const kinds = Object.keys(KINDS) as Kind[];

function rootOf(kind: Kind, user: number): Root {
  count += 1;
  const root = join(folder, `root${count}`);
  const told = join(folder, `told${count}`);
  writeFileSync(told, "");
  chmodSync(told, 0o666);
  mkdirSync(join(root, "bin"), { recursive: true });
  KINDS[kind](root, `#!/bin/sh\n{ id -u; echo "args $*"; env; } >>${told}\necho '{}'\n`);
  own(root, user);
  const ran = () => readFileSync(told, "utf8").match(/^\d+$/gm) ?? [];
  return { root, bin: join(root, "bin/shop"), told, ran };
}

function run(bin: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const options = {
    encoding: "utf8",
    env: { PATH: process.env.PATH, HOME: "/root", ...env },
  } as const;
  const { status, stdout, stderr } = spawnSync(bin, args, options);
  return { status, stdout, output: stdout + stderr };
}

/** A PATH that has all but these. */
function pathWithout(...names: string[]): string {
  count += 1;
  const path = join(folder, `path${count}`);
  mkdirSync(path);
  for (const name of [
    "id",
    "ls",
    "sed",
    "awk",
    "getent",
    "cut",
    "su",
    "setpriv",
    "sh",
    "readlink",
    "env",
    "cat",
    "dirname",
    "basename",
  ]) {
    const found = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).stdout.trim();
    if (!names.includes(name) && found) symlinkSync(found, join(path, name));
  }
  return path;
}

for (const kind of kinds) {
  describe(`root, and a ${kind} root of another user`, { skip }, () => {
    test("what they have put there runs as they, whatever the environment says", () => {
      const { bin, told, ran } = rootOf(kind, OWNER);
      const words = ["status", "--json", "two words", "it's"];
      assert.equal(run(bin, words, { TSUGI_AS_OWNER: "1", USER: "root" }).status, 0);
      assert.deepEqual(ran(), [String(OWNER)]);
      const said = readFileSync(told, "utf8");
      assert.match(said, /args .*status --json two words it's$/m);
      assert.doesNotMatch(said, /^(HOME=\/root|USER=root)$/m);
    });

    test("without setpriv it is su that steps down, and without both nothing runs", () => {
      const known = rootOf(kind, DAEMON);
      const words = ["rpc", "it's", "--json", "$HOME"];
      assert.equal(run(known.bin, words, { PATH: pathWithout("setpriv") }).status, 0);
      assert.deepEqual(known.ran(), [String(DAEMON)]);
      assert.match(readFileSync(known.told, "utf8"), /args .*rpc it's --json \$HOME$/m);
      for (const user of [DAEMON, OWNER]) {
        const { bin, ran } = rootOf(kind, user);
        const PATH = user === DAEMON ? pathWithout("setpriv", "su") : pathWithout("setpriv");
        const { status, output, stdout } = run(bin, ["status", "--json"], { PATH });
        assert.equal(status, 4, output);
        assert.match(
          output,
          /TSUGI_ROOT_OF_ANOTHER[\s\S]*→ sudo -u (daemon|'#54320') .*bin\/shop status/,
        );
        assert.equal(JSON.parse(stdout).error.exitCode, 4);
        assert.deepEqual(ran(), []);
      }
    });

    test("nor does it run as root where root's PATH has no command at all", () => {
      for (const PATH of ["/nonexistent", ""]) {
        const { bin, ran } = rootOf(kind, OWNER);
        const { status, output } = run(bin, ["status"], { PATH });
        assert.deepEqual([status, ran()], [0, [String(OWNER)]], output);
        assert.doesNotMatch(output, /not found/);
      }
    });

    test("a deploy's facts, status and exec run nothing of theirs as root either", async () => {
      const { root, bin, ran } = rootOf(kind, OWNER);
      const here = new LocalTransport("here");
      const layout = layoutOf(root, "shop");
      // Whoever has changed the launcher has changed what steps down in it.
      put(
        bin,
        readFileSync(
          join(root, kind === "node" ? "runtime/node-1/bin/node" : "lib/tsugi-1/priv/main.sh"),
          "utf8",
        ),
        0o755,
      );
      own(root, OWNER);
      await readFacts(here, layout, "production").catch(() => {});
      await here.run(commandAsOwner(root, [bin, "status"]));
      await here.run(inRoot(root, ["bin/shop", "releases"]));
      await here.run(inRoot(root, [bin, "releases"]));
      assert.deepEqual(ran(), Array(5).fill(String(OWNER)));
      const other = await here.run(inRoot(root, ["id", "-u"]));
      assert.equal(other.stdout, "0\n", "what does not lie there is run by who is connected");
    });
  });

  describe(`a ${kind} root that others may write to`, { skip }, () => {
    const places = ["", "bin", "bin/shop", "lib", "lib/tsugi-1", "releases"];
    places.push(
      ...(kind === "node"
        ? ["releases/permanent", "runtime/node-1/bin/node", "lib/tsugi-1/control.mjs"]
        : ["releases/start_erl.data", "lib/tsugi-1/priv/main.sh", "erts-1/bin/erlexec"]),
    );

    for (const place of places) {
      test(`/${place}: nothing of it runs, neither as root nor as its owner`, () => {
        for (const user of [0, OWNER]) {
          const { root, bin, ran } = rootOf(kind, user);
          const at = join(root, place);
          const before = spawnSync("stat", ["-c", "%a", at], { encoding: "utf8" }).stdout.trim();
          const mode = Number.parseInt(before, 8);
          const spoilt: [uid: number, gid: number, mode: number][] = [
            [user, user, mode | 0o002],
            // A group in which others may be, as the drop box of a CI is.
            [user, STRANGER, mode | 0o020],
          ];
          if (place !== "") spoilt.push([STRANGER, STRANGER, mode]);
          for (const [uid, gid, mode] of spoilt) {
            chownSync(at, uid, gid);
            chmodSync(at, mode);
            const { status, output, stdout } = run(bin, ["status", "--json"]);
            assert.equal(status, 4, output);
            assert.match(
              output,
              new RegExp(`TSUGI_ROOT_EXPOSED\\s+Others may change ${at}:[\\s\\S]*→ chown -R`),
            );
            assert.equal(JSON.parse(stdout).error.code, "TSUGI_ROOT_EXPOSED");
          }
          assert.deepEqual(ran(), []);
          own(root, user);
          chmodSync(at, mode);
          assert.equal(run(bin, ["status"]).status, 0, "and as it was, it runs");
          chmodSync(at, mode | 0o020);
          assert.equal(run(bin, ["status"]).status, 0, "its own group is its own");
          assert.deepEqual(ran(), [String(user), String(user)]);
        }
      });
    }
  });
}

test("releases/permanent names folders of this root, whoever has written it", { skip }, () => {
  for (const words of [
    `1.0.0 ${ID} ../../evil tsugi-1`,
    `1.0.0 ${ID} node-1 ../../evil`,
    `1.0.0 ${ID} .. tsugi-1`,
    `../1 ${ID} node-1 tsugi-1`,
  ]) {
    for (const user of [0, OWNER]) {
      const { root, bin, ran } = rootOf("node", user);
      put(
        join(root, "../evil/bin/node"),
        readFileSync(join(root, "runtime/node-1/bin/node"), "utf8"),
        0o755,
      );
      put(join(root, "../evil/control.mjs"), "");
      writeFileSync(join(root, "releases/permanent"), `${words}\n`);
      const { status, output } = run(bin, ["status"]);
      assert.deepEqual([status, ran()], [1, []], `${words}: ${output}`);
      assert.match(output, /names what is no folder of this root/);
    }
  }
});

test("what keeps a root from being run is told by a code, also to a program", { skip }, () => {
  const { root, bin } = rootOf("node", OWNER);
  chmodSync(join(root, "runtime/node-1/bin/node"), 0o644);
  const { status, stdout } = run(bin, ["status", "--json"]);
  const { code, message, hint, exitCode } = JSON.parse(stdout).error;
  assert.deepEqual([status, exitCode, code], [1, 1, "TSUGI_NO_PERMANENT"]);
  assert.match(message, /bin\/node can't be executed/);
  assert.match(hint, /noexec/);
  renameSync(root, `${root}\\`);
  const { output } = run(`${root}\\/bin/shop`, ["status"]);
  assert.match(output, /TSUGI_NO_PERMANENT[\s\S]*a backslash/);
});

test("a BEAM release names folders of this root, whoever has written it", { skip }, () => {
  for (const words of ["../../evil erts-1", "tsugi-1 ../evil", ".. erts-1"]) {
    const { root, bin, ran } = rootOf("beam", OWNER);
    put(
      join(root, "../evil/priv/main.sh"),
      readFileSync(join(root, "lib/tsugi-1/priv/main.sh"), "utf8"),
      0o755,
    );
    writeFileSync(join(root, "releases/1.0.0/tsugi"), `${words}\n`);
    const { status, output } = run(bin, ["status"]);
    assert.deepEqual([status, ran()], [1, []], `${words}: ${output}`);
  }
});

describe("the end of epmd", { skip }, () => {
  const script = join(projectRoot, "src/beam-host/epmd.sh");
  /** Where none of the nodes looks that other tests run meanwhile. */
  const here = { ERL_EPMD_PORT: "1" };

  /** A process whose program is `<place>/erts-1/bin/epmd`, which is a telling script by now. */
  async function epmdOf(place: string, user: number, told: string): Promise<ChildProcess> {
    const epmd = join(place, "erts-1/bin/epmd");
    mkdirSync(dirname(epmd), { recursive: true });
    mkdirSync(join(place, "lib/tsugi-1"), { recursive: true });
    copyFileSync("/bin/sleep", epmd);
    own(place, user);
    const child = spawn(epmd, ["60"], { uid: user, gid: user, stdio: "ignore" });
    await once(child, "spawn");
    rmSync(epmd);
    put(epmd, `#!/bin/sh\n{ id -u; echo "args $*"; } >>${told}\n`, 0o755);
    return child;
  }

  test("a stranger's file that looks like one is not run, nor another root's", async () => {
    const { root, told, ran } = rootOf("beam", 0);
    const children = [
      await epmdOf(join(folder, "strange"), STRANGER, told),
      await epmdOf(join(folder, "other"), 0, told),
    ];
    try {
      run("sh", [script, root], here);
      assert.deepEqual(ran(), []);
    } finally {
      for (const child of children) child.kill();
    }
  });

  test("that of this root is, by the root's own binary", async () => {
    const { root, told, ran } = rootOf("beam", 0);
    const child = await epmdOf(root, 0, told);
    try {
      run("sh", [script, root], here);
      assert.deepEqual(ran(), ["0"]);
      assert.match(readFileSync(told, "utf8"), /args -kill/);
      assert.ok(existsSync(join(root, "erts-1/bin/epmd")));
    } finally {
      child.kill();
    }
  });

  /** A virtual machine as the script sees one: by its program, its arguments and its environment. */
  async function machineOf(args: string[], env: NodeJS.ProcessEnv = {}): Promise<ChildProcess> {
    count += 1;
    const program = join(folder, `another${count}/erts-1/bin/beam.smp`);
    mkdirSync(dirname(program), { recursive: true });
    copyFileSync("/bin/sh", program);
    chmodSync(program, 0o755);
    const child = spawn(program, ["-c", "read line", "beam", ...args], {
      env: { PATH: process.env.PATH, ...here, ...env },
      stdio: ["pipe", "ignore", "ignore"],
    });
    await once(child, "spawn");
    return child;
  }

  for (const [what, isKept, args, env] of [
    ["a node of another application boots, which looks for it in a moment", true, ["-sname", "a"]],
    ["that node looks at another port", false, ["-sname", "a"], { ERL_EPMD_PORT: "2" }],
    ["a machine without a name runs", false, ["-noshell"]],
  ] as const) {
    test(`it ${isKept ? "stays" : "ends"} where ${what}`, async () => {
      const { root, told } = rootOf("beam", 0);
      const children = [await epmdOf(root, 0, told), await machineOf([...args], env)];
      try {
        run("sh", [script, root], here);
        assert.equal(readFileSync(told, "utf8").includes("args -kill"), !isKept);
      } finally {
        for (const child of children) child.kill();
      }
    });
  }

  test("not where the same file runs as somebody else", async () => {
    const { root, told, ran } = rootOf("beam", 0);
    const child = await epmdOf(root, STRANGER, told);
    own(root, 0);
    try {
      run("sh", [script, root], here);
      assert.deepEqual(ran(), []);
    } finally {
      child.kill();
    }
  });
});
