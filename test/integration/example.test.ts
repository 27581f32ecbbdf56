import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import WebSocket from "ws";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "../helpers/commands.ts";
import {
  buildRelease,
  copyExample,
  exampleName,
  installPackages,
  projectRoot,
} from "../helpers/example.ts";
import { freePort } from "../helpers/ports.ts";

const folder = mkdtempSync(join(tmpdir(), "tsugi-test-"));
const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
after(async () => {
  for (const clean of cleanups.reverse()) await clean();
});

async function project(version: string): Promise<string> {
  const copy = copyExample(version, join(folder, version));
  await installPackages(copy);
  return copy;
}

/** The Node that the release carries: the one here may be too old for node:sqlite. */
async function releasedNode(copy: string, version: string): Promise<string> {
  await buildRelease(copy, version);
  const runtimes = join(buildsIn(copy), exampleName, "runtime");
  return join(runtimes, readdirSync(runtimes)[0]!, "bin", "node");
}

test("the example type-checks, and runs under plain Node", async () => {
  const copy = await project("0.0.2");
  writeFileSync(
    join(copy, "tsconfig.check.json"),
    JSON.stringify({
      extends: "./tsconfig.json",
      compilerOptions: { paths: { "tsugi/hot": [join(projectRoot, "src/hot/index.ts")] } },
    }),
  );
  const tsc = join(projectRoot, "node_modules", ".bin", "tsc");
  await mustRun(tsc, ["-p", "tsconfig.check.json"], { cwd: copy });

  const node = await releasedNode(copy, "0.0.2");
  symlinkSync(projectRoot, join(copy, "node_modules", "tsugi"));
  const port = await freePort();
  const api = `http://127.0.0.1:${port}`;
  const server = spawn(node, ["src/server.ts"], {
    cwd: copy,
    env: { ...process.env, PORT: String(port), HOST: "127.0.0.1" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  cleanups.push(() => server.kill("SIGKILL"));
  await once(server.stdout, "data");

  const post = async (id: string, experience: number) => {
    const body = JSON.stringify({ id, admiral: "mikasa", victories: 1, experience });
    const response = await fetch(`${api}/results`, { method: "POST", body });
    return { status: response.status, body: await response.json() };
  };
  assert.deepEqual(await post("a", 100), { status: 201, body: { id: "a", sequence: 1 } });
  assert.deepEqual(await post("b", 300), { status: 201, body: { id: "b", sequence: 2 } });
  assert.deepEqual(await post("a", 100), { status: 200, body: { id: "a", duplicate: true } });
  assert.equal((await post("c", -1)).status, 400);

  const get = async (path: string) => (await fetch(`${api}${path}`)).json();
  const leader = [{ admiral: "mikasa", experience: 400, best: 300 }];
  assert.deepEqual(await get("/ranking"), leader);
  assert.deepEqual(await get("/ranking/best"), leader);
  assert.deepEqual(await get("/admirals/mikasa"), {
    admiral: "mikasa",
    imports: 2,
    victories: 2,
    experience: 400,
  });

  const viewer = new WebSocket(`ws://127.0.0.1:${port}/feed?after=1`);
  const seen: { type: string; sequence: number }[] = [];
  viewer.on("message", (data) => seen.push(JSON.parse(String(data))));
  await once(viewer, "open");
  while (seen.length < 2) await once(viewer, "message");
  assert.deepEqual(
    seen.map(({ type, sequence }) => `${type} ${sequence}`),
    ["welcome 1", "result 2"],
  );

  viewer.terminate();
  server.kill("SIGTERM");
  const [code, signal] = await ended;
  assert.ok(code === 0 || signal === "SIGTERM", `ended with ${code} ${signal}`);
});

test("the migrations of the example are pure, and lead back", async () => {
  const { fromVersion1, toVersion1 } = await import(
    "../../examples/admiral-stats-api/0.0.2/src/migrations.ts" as string
  );
  const event = { sequence: 2, admiral: "mikasa", experience: 300 };
  const before = {
    sequence: 2,
    experience: new Map([
      ["mikasa", 300],
      ["akagi", 5],
    ]),
    recent: [event],
  };
  const kept = structuredClone(before);
  const migrated = fromVersion1(before);
  assert.deepEqual(migrated.standings.get("mikasa"), { experience: 300, best: 300 });
  assert.deepEqual(migrated.standings.get("akagi"), { experience: 5, best: 0 });
  assert.deepEqual(toVersion1(migrated), kept);
  assert.deepEqual(before, kept);
});
