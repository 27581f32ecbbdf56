/** What `doctor` finds in a root that nobody runs, one plant after the other. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { createContext } from "../../../src/control/context.ts";
import { runChecks } from "../../../src/control/doctor/checks.ts";
import { checkFiles } from "../../../src/control/doctor/files.ts";
import { createReleaseHandler } from "../../../src/handler/index.ts";
import { layoutOf } from "../../../src/release/layout.ts";
import { formatTrustedKey, signManifest } from "../../../src/release/signature.ts";
import {
  entriesOf,
  handmadeRelease,
  pack,
  temporaryFolder,
} from "../../helpers/handmadeRelease.ts";

const LIMIT_MS = 30_000;

/** Signed, verified and permanent, with one port that is known. */
async function soundRoot() {
  const folder = temporaryFolder();
  const layout = layoutOf(folder.at("root"), "wall");
  for (const place of [layout.releases, layout.etc, layout.run])
    mkdirSync(place, { recursive: true });
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  writeFileSync(layout.trustedKeys, formatTrustedKey(publicKey));
  writeFileSync(layout.etcEnv, `PORT=${await freePort()}\n`, { mode: 0o600 });
  const release = handmadeRelease("0.0.1");
  const source = folder.at("a.tar.gz");
  writeFileSync(
    source,
    await pack(entriesOf(release, signManifest(release.manifestBytes, privateKey))),
  );
  const handler = createReleaseHandler(layout);
  await handler.unpack({ source });
  await handler.commit("0.0.1");
  const context = createContext(layout.root, layout.name, "0.1.0");
  return {
    layout,
    /** `<check>: <problem>`, of those where something is wrong. */
    problems: async () =>
      (await runChecks(context, LIMIT_MS)).flatMap(({ check, findings }) =>
        findings.map(({ problem, remedy }) => {
          assert.notEqual(remedy, "");
          return `${check}: ${problem.replaceAll(`${layout.root}/`, "")}`;
        }),
      ),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test("a sound root that nobody runs has nothing wrong", async () => {
  using at = await soundRoot();
  assert.deepEqual(await at.problems(), []);
});

/** Each undoes itself by what it answers. */
const PLANTS: [does: string, plant: (at: (path: string) => string) => () => void, found: RegExp][] =
  [
    [
      "a folder that everybody may write to",
      (at) => {
        chmodSync(at("releases"), 0o777);
        return () => chmodSync(at("releases"), 0o755);
      },
      /^permissions: releases: everybody may write to it\.$/,
    ],
    [
      "an environment that others may read",
      (at) => {
        chmodSync(at("etc/env"), 0o644);
        return () => chmodSync(at("etc/env"), 0o600);
      },
      /^permissions: etc\/env can be read by others/,
    ],
    [
      "a setting that is none",
      (at) => file(at("etc/config.json"), "{"),
      /^permissions: etc\/config\.json is not valid/,
    ],
    [
      "an unpack that was cut off",
      (at) => file(at("releases/.staging/12/x"), "", at("releases/.staging")),
      /^leftovers: releases\/\.staging\/12 is an unpack that was cut off\.$/,
    ],
    [
      "a write that was cut off",
      (at) => file(at("releases/permanent.4194305.tmp"), ""),
      /^leftovers: releases\/permanent\.4194305\.tmp is a write that was cut off\.$/,
    ],
    [
      "a folder of a release that is gone",
      (at) => file(at("lib/wall-0.0.0/app.mjs"), "", at("lib/wall-0.0.0")),
      /^leftovers: lib\/wall-0\.0\.0 belongs to no release that is here\.$/,
    ],
    [
      "the environment of a deploy that was cut off",
      (at) => file(at("etc/env.next"), "A=1"),
      /^leftovers: etc\/env\.next is an environment that a deploy has brought/,
    ],
    [
      "a file beside the signed ones",
      (at) => file(at("lib/wall-0.0.1/express.mjs"), "evil"),
      /^files: lib\/wall-0\.0\.1\/express\.mjs is not among what was signed\.$/,
    ],
    [
      "a clock that has gone back",
      (at) => {
        const later = Date.now() / 1000 + 3600;
        const log = file(at("log/wall.log"), "", at("log"));
        utimesSync(at("log/wall.log"), later, later);
        return log;
      },
      /^clock: The clock says .*, but log\/wall\.log is of /,
    ],
    [
      "a link to a disk that is not mounted",
      (at) => {
        symlinkSync("/nowhere/log", at("log"));
        return () => rmSync(at("log"));
      },
      /^space: log is a link to \/nowhere\/log, and nothing is there\.$/,
    ],
    [
      "an end by itself",
      (at) => {
        const end = { at: "2026-01-01T00:00:00Z", version: "0.0.1", code: "TSUGI_GAVE_UP" };
        return file(
          at("run/last-end"),
          JSON.stringify({ ...end, message: "it crashed", lastWords: [] }),
        );
      },
      /^processes: 0\.0\.1 ended by itself at 2026-01-01T00:00:00Z, TSUGI_GAVE_UP: it crashed$/,
    ],
  ];

/** @returns what removes it again */
function file(path: string, text: string, whole = path): () => void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return () => rmSync(whole, { recursive: true });
}

test("each thing that is wrong is found, alone, with a remedy", async (t) => {
  using at = await soundRoot();
  for (const [does, plant, found] of PLANTS) {
    await t.test(does, async () => {
      const undo = plant((path) => join(at.layout.root, path));
      const [problem = "", ...others] = await at.problems();
      undo();
      assert.match(problem, found);
      assert.deepEqual(others, []);
    });
  }
  assert.deepEqual(await at.problems(), []);
});

const asRoot = process.getuid?.() === 0;
test("a folder into which the owner of the root can't unpack is found", {
  skip: !asRoot && "needs root, to give files away",
}, async () => {
  using at = await soundRoot();
  execFileSync("chown", ["-R", "54320:54320", at.layout.root]);
  chownSync(at.layout.lib, 0, 0);
  assert.deepEqual(await at.problems(), ["permissions: lib belongs to user 0, the root to 54320."]);
});

test("a file system that is mounted read-only is found", {
  skip: asRoot ? false : "only root can mount one",
}, async () => {
  using at = await soundRoot();
  const { log } = at.layout;
  mkdirSync(log);
  execFileSync("mount", ["--bind", log, log]);
  try {
    execFileSync("mount", ["-o", "remount,ro,bind", log]);
    const problem = "space: log can only be read: its file system is mounted so.";
    assert.deepEqual(await at.problems(), [problem]);
  } finally {
    execFileSync("umount", [log]);
  }
});

test("damaged files are found in all releases, the first of them by name", async () => {
  using at = await soundRoot();
  const { root } = at.layout;
  for (const path of ["lib/wall-0.0.1/app.mjs", "lib/tsugi-0.1.0/control.mjs"]) {
    writeFileSync(join(root, path), "other");
  }
  rmSync(join(root, "bin/wall"));
  rmSync(join(root, "runtime"), { recursive: true });
  const problems = await at.problems();
  assert.match(
    problems.join("\n"),
    /^files: bin\/wall: missing\.\nfiles: lib\/\S+: 5 bytes, expected /,
  );
  assert.match(problems.at(-1)!, /^files: 1 more file of it\.$/);
});

test("a port that is taken is found, and a process of a killed supervisor", async () => {
  using at = await soundRoot();
  const server = createServer().listen(0);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  writeFileSync(at.layout.etcEnv, `PORT=${port}\n`);
  const env = { ...process.env, TSUGI_ROOT: at.layout.root, TSUGI_WORKER_ID: "main.0" };
  const orphan = spawn(process.execPath, ["-e", "console.log(1);setInterval(()=>{},1000)"], {
    env,
  });
  await once(orphan.stdout, "data");
  try {
    const [taken, orphaned, ...others] = await at.problems();
    assert.equal(taken, `ports: Port ${port} (PORT in etc/env) is taken.`);
    assert.match(
      orphaned!,
      new RegExp(
        `^processes: .+ \\(pid ${orphan.pid}\\) is of this root, and nothing supervises it\\.$`,
      ),
    );
    assert.deepEqual(others, []);
  } finally {
    orphan.kill("SIGKILL");
    server.close();
  }
});

test("files that there was no time for are no sound ones", async () => {
  using at = await soundRoot();
  const context = createContext(at.layout.root, at.layout.name, "0.1.0");
  const { findings } = await checkFiles(context, () => true);
  assert.deepEqual(
    findings.map(({ problem }) => problem),
    ["Time was over in 0.0.1."],
  );
});
