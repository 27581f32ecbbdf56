/** `tsugi run` and `tsugi stop`: from source, no release. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runCommand } from "../helpers/commands.ts";
import { freePort } from "../helpers/ports.ts";
import { eventually, isRunning } from "../helpers/wall.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const tsugiCli = join(repository, "dist", "cli", "main.mjs");
const QUICK = { timeout: 30_000 };

const SERVER = `
import http from "node:http";
import { pathToFileURL } from "node:url";
const isEntry = import.meta.url === pathToFileURL(process.argv[1]).href;
http.createServer((request, response) => {
  if (request.url === "/crash") process.exit(1);
  response.end(JSON.stringify({ pid: process.pid, cwd: process.cwd(), isEntry }));
}).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("listening"));
`;

async function project(t: TestContext, files: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), "tsugi-run-"));
  const port = await freePort();
  const all = {
    "package.json": '{ "name": "wall", "version": "1.2.3", "type": "module" }',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) writeFileSync(join(folder, name), text);
  const env = { ...process.env, PORT: String(port), NODE_OPTIONS: "" };
  const tsugi = (...args: string[]) =>
    runCommand(process.execPath, [tsugiCli, ...args], { cwd: folder, env });
  t.after(async () => {
    await tsugi("stop");
    rmSync(folder, { recursive: true, force: true });
  });
  const get = async (path = "/") => {
    const url = `http://127.0.0.1:${port}${path}`;
    const response = await fetch(url, { headers: { connection: "close" } });
    return (await response.json()) as { pid: number; cwd: string; isEntry: boolean };
  };
  return { folder, env, tsugi, get };
}

test(
  "run --detach returns when the app is ready; stop ends it; a second run says it runs",
  QUICK,
  async (t) => {
    const { folder, tsugi, get } = await project(t, { "server.js": SERVER });
    const started = await tsugi("run", "--detach", "--json");
    assert.equal(started.status, 0, started.output);
    const { name, version, pid } = JSON.parse(started.stdout);
    assert.deepEqual([name, version], ["wall", "1.2.3"]);
    const answer = await get();
    assert.deepEqual([answer.cwd, answer.isEntry], [folder, true]);
    assert.equal(Number(readFileSync(join(folder, ".tsugi/run/pid"), "utf8")), pid);
    await eventually("it is logged", () =>
      readFileSync(join(folder, ".tsugi/log/wall.log"), "utf8").includes("listening"),
    );
    const again = await tsugi("run", "-d");
    assert.equal(again.status, 1);
    assert.match(again.output, new RegExp(`TSUGI_ALREADY_RUNNING[\\s\\S]*pid ${pid}`));
    const stopped = await tsugi("stop", "--json");
    assert.deepEqual([stopped.status, JSON.parse(stopped.stdout).pid], [0, pid]);
    assert.ok(!isRunning(pid) && !isRunning(answer.pid));
    const stoppedAgain = await tsugi("stop");
    assert.equal(stoppedAgain.status, 3, stoppedAgain.output);
  },
);

test(
  "run --json is of --detach: in the foreground stdout is the application's",
  QUICK,
  async (t) => {
    const { tsugi } = await project(t, { "server.js": SERVER });
    const { status, stdout } = await tsugi("run", "--json");
    assert.equal(status, 2);
    assert.match(JSON.parse(stdout).error.message, /--json goes with --detach/);
  },
);

test("what crashes is started again, by the rules of a release", QUICK, async (t) => {
  const { tsugi, get } = await project(t, { "server.js": SERVER });
  await tsugi("run", "-d");
  const { pid } = await get();
  await get("/crash").catch(() => {});
  const again = await eventually("it answers again", () => get().catch(() => undefined));
  assert.notEqual(again.pid, pid);
});

test("run without --detach stays, logs to stdout, and ends on SIGTERM", QUICK, async (t) => {
  const { folder, env, get } = await project(t, { "server.js": SERVER });
  const child = spawn(process.execPath, [tsugiCli, "run"], { cwd: folder, env });
  let output = "";
  child.stdout.on("data", (data) => {
    output += data;
  });
  await eventually("it listens", () => output.includes("listening"));
  const { pid } = await get();
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "close"), [0, null]);
  assert.ok(!isRunning(pid));
});

test(
  "a change of the source is there after the next run, and the entry can be named",
  QUICK,
  async (t) => {
    const { folder, tsugi, get } = await project(t, { "server.js": SERVER });
    await tsugi("run", "-d");
    await tsugi("stop");
    writeFileSync(join(folder, "other.js"), SERVER.replace("process.cwd()", '"elsewhere"'));
    const { status, output } = await tsugi("run", "-d", "other.js");
    assert.equal(status, 0, output);
    assert.equal((await get()).cwd, "elsewhere");
    assert.ok(existsSync(join(folder, "server.js")), "the project behind the links is left alone");
  },
);

test("an entry that throws, or that is not there, fails with its reason", QUICK, async (t) => {
  const { tsugi } = await project(t, { "server.js": 'throw new Error("no " + "luck");' });
  const thrown = await tsugi("run", "-d");
  assert.equal(thrown.status, 1);
  assert.match(thrown.output, /no luck/);
  const missing = await tsugi("run", "-d", "nowhere.js");
  assert.equal(missing.status, 1, missing.output);
  assert.match(missing.output, /TSUGI_ENTRY_MISSING[\s\S]*nowhere\.js/);
});

const TYPESCRIPT = `const declared: string = "typed";\n${SERVER}`;

test("TypeScript runs by the project's tsx, and tsugi/hot is there", QUICK, async (t) => {
  const hot =
    'import { hot } from "tsugi/hot";\nhot.state("hits", { version: 1, initial: () => 0 });';
  const { folder, tsugi, get } = await project(t, { "server.ts": `${hot}\n${TYPESCRIPT}` });
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
  const { status, output } = await tsugi("run", "-d");
  assert.equal(status, 0, output);
  assert.equal((await get()).cwd, folder);
});

test(
  "TypeScript without a loader: by Node itself where it can, else what to install is named",
  QUICK,
  async (t) => {
    const { tsugi } = await project(t, { "server.ts": TYPESCRIPT });
    const { status, output } = await tsugi("run", "-d");
    const canStrip = process.allowedNodeEnvironmentFlags.has("--experimental-strip-types");
    assert.equal(status, canStrip ? 0 : 1, output);
    if (!canStrip) assert.match(output, /TSUGI_NO_TYPESCRIPT_LOADER[\s\S]*tsx/);
  },
);
