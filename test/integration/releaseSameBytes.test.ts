/**
 * Same commit, same bytes: two clean builds by different users in different places, times and
 * tongues have one SHA-256. The project has what tends to differ: a build script, a compiled addon,
 * files whose order and modes a machine decides.
 */
import assert from "node:assert/strict";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { mustRun, runCommand } from "../helpers/commands.ts";
import { needPrograms } from "../helpers/debian.ts";
import { projectRoot, tsugiCli } from "../helpers/example.ts";
import { standInNode, temporaryFolder, writeFiles } from "../helpers/projects.ts";
import { PLAIN_GIT, Repository } from "../helpers/repository.ts";

const { folder: base, remove } = temporaryFolder("same-bytes");
after(remove);
const source = join(base, "source");

/** Says the time, the place and the locale into its output, as careless build scripts do. */
const BUILD = `
const { mkdirSync, readdirSync, copyFileSync, writeFileSync } = require("fs");
mkdirSync("dist/parts", { recursive: true });
for (const name of readdirSync("src/parts")) copyFileSync("src/parts/" + name, "dist/parts/" + name);
copyFileSync("src/server.js", "dist/server.js");
const at = new Date(process.env.SOURCE_DATE_EPOCH * 1000);
writeFileSync("dist/built.json", JSON.stringify([at.toString(), at.toLocaleString(), process.version]));
`;

before(async () => {
  await needPrograms("faketime", "setpriv");
  chmodSync(base, 0o755);
  writeFiles(join(base, "addon"), {
    "package.json": { name: "answer", version: "1.0.0", main: "build/Release/answer.node" },
    "binding.gyp": { targets: [{ target_name: "answer", sources: ["addon.c"] }] },
    // Where it was compiled would stand in the addon.
    "addon.c": `#include <assert.h>
      #include <node_api.h>
      NAPI_MODULE_INIT() { assert(exports != 0); napi_value at;
        napi_create_string_utf8(env, __FILE__, NAPI_AUTO_LENGTH, &at);
        napi_set_named_property(env, exports, "at", at); return exports; }`,
  });
  const vendor = join(source, "vendor");
  mkdirSync(vendor, { recursive: true });
  await mustRun("npm", ["pack", "--pack-destination", vendor], { cwd: join(base, "addon") });
  const parts = ["ä", "Z", "i", "İ", "_", "a-b", "a.b", "10", "9"];
  writeFiles(source, {
    "package.json": {
      name: "small",
      version: "1.0.0",
      scripts: { build: "node build.js", start: "node dist/server.js" },
      dependencies: { answer: "file:vendor/answer-1.0.0.tgz" },
      files: ["dist"],
    },
    "tsugi.config.json": { runtime: { from: standInNode(base) } },
    "build.js": BUILD,
    "src/server.js": 'require("answer");\nrequire("http").createServer().listen(0);\n',
    ...Object.fromEntries(parts.map((name) => [`src/parts/${name}.txt`, `${name}\nline\n`])),
  });
  const lock = ["install", "--package-lock-only", "--no-audit"];
  await mustRun("npm", lock, { cwd: source, timeoutMs: 300_000 });
  await Repository.create(source, {});
});

interface Machine {
  name: string;
  /** Before the command. */
  as: string[];
  umask: string;
  env: Record<string, string>;
}

async function cleanBuild({ name, as, umask, env }: Machine) {
  const own = join(base, name);
  const place = (folder: string) => {
    const path = join(own, folder);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    return path;
  };
  const home = place("home");
  writeFiles(home, { ".gitconfig": "[core]\n\tautocrlf = true\n[safe]\n\tdirectory = *\n" });
  const shell = ["sh", "-c", `umask ${umask}; exec "$@"`, "sh"];
  const tsugi = [process.execPath, tsugiCli, "release", "--git", source, "--json"];
  const [command, ...args] = [...as, ...shell, ...tsugi];
  const result = await runCommand(command!, args, {
    cwd: place("caller"),
    env: {
      PATH: process.env.PATH!,
      // Addons are compiled without asking the network.
      npm_config_nodedir: dirname(dirname(process.execPath)),
      ...PLAIN_GIT,
      GIT_CONFIG_GLOBAL: join(home, ".gitconfig"),
      HOME: home,
      TMPDIR: place(`${name}-tmp`),
      TSUGI_CACHE: join(home, "cache"),
      ...env,
    },
    timeoutMs: 300_000,
  });
  assert.equal(result.status, 0, result.output);
  return JSON.parse(result.stdout) as { sha256: string; releaseId: string; tree: string };
}

/** Another user has to be able to read this project, which may lie in somebody's home. */
async function asNobody(): Promise<string[]> {
  const nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
  if (process.getuid?.() !== 0) return [];
  const read = [
    process.execPath,
    "-e",
    "fs.readdirSync(process.argv[1])",
    join(projectRoot, "dist"),
  ];
  const { status } = await runCommand("setpriv", [...nobody, ...read]);
  return status === 0 ? ["setpriv", ...nobody] : [];
}

test("two clean builds of one commit are the same bytes", async () => {
  const first = await cleanBuild({
    name: "first",
    as: [],
    umask: "022",
    env: { TZ: "UTC", LANG: "C" },
  });
  const second = await cleanBuild({
    name: "second/much-further-down/where-paths-are-longer",
    as: [...(await asNobody()), "faketime", "2031-05-06 07:08:09"],
    umask: "077",
    env: {
      TZ: "Asia/Tokyo",
      LANG: "tr_TR.UTF-8",
      LC_ALL: "tr_TR.UTF-8",
      USER: "somebody",
      NODE_ENV: "production",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  const { stdout } = await runCommand("diff", ["-rq", first.tree, second.tree]);
  assert.equal(second.releaseId, first.releaseId, stdout);
  assert.equal(second.sha256, first.sha256, stdout);
  rmSync(join(base, "second"), { recursive: true, force: true });
});
