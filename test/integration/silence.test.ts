/** A worker whose event loop stands still, new or old: nobody waits for it step by step. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { type BuiltRelease, buildVariant } from "../helpers/fixtureReleases.ts";
import { Installed, until } from "../helpers/installed.ts";

const workshop = mkdtempSync(join(tmpdir(), "tsugi-silence-"));
let installed: Installed | undefined;
let agent: Agent;

afterEach(async () => {
  agent.destroy();
  await installed?.remove();
  installed = undefined;
});
after(() => rmSync(workshop, { recursive: true, force: true }));

const SERVER = "const server =";
const builds = new Map<string, Promise<BuiltRelease>>();
const build = (fixture: string, version: string, change: (text: string) => string) => {
  const edit = { "src/server.ts": change };
  const built =
    builds.get(version) ?? buildVariant(join(workshop, version), { fixture, version, edit });
  builds.set(version, built);
  return built;
};

/** Its sum is a variable like any other. */
const stateless = (text: string) =>
  text.replace(/hot\.state\("counter", \{[\s\S]*?\}\);/, "{ value: 0 };");

const start = async (fixture: string, version: string, change: (text: string) => string) => {
  installed = await Installed.start(await build(fixture, version, change));
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return installed;
};

/** One after the other on the same connection; resolves also where it is broken off. */
const ask = ({ port }: Installed, path: string, method = "GET"): Promise<string> =>
  new Promise((resolve) => {
    const answered = async (response: IncomingMessage) =>
      resolve((await response.setEncoding("utf8").toArray()).join(""));
    const sent = request({ agent, port, path, method }, answered);
    sent.on("error", (error) => resolve(error.message)).end();
  });

/** Goes on asking until an answer is none; resolves with that, and how long it took. */
async function askOn(host: Installed): Promise<{ end: string; ms: number }> {
  for (;;) {
    const began = performance.now();
    const end = await ask(host, "/version");
    if (!end.startsWith("{")) return { end, ms: performance.now() - began };
  }
}

const BLOCK = "hot.activate(() => { setTimeout(() => { for (;;); }, 200); });";
const blockWhenActive = (text: string) => text.replace(SERVER, `${BLOCK}\n${SERVER}`);
const blockOnRequest = (text: string) =>
  text.replace(
    'if (request.url === "/version")',
    'if (request.url === "/block") for (;;);\n  if (request.url === "/version")',
  );

/** Far less than what the steps of a hand-back wait for one that does not answer. */
const BOUND_MS = 40_000;
const SHORT_MS = 20_000;

type Release = Parameters<typeof build>;
const moves: { kind: string; from: Release; to: Release }[] = [
  {
    kind: "with state",
    from: ["counter-1.0.0", "1.0.1", (text: string) => `${text}\n`],
    to: ["counter-1.1.0", "1.2.0", blockWhenActive],
  },
  {
    kind: "without",
    from: ["counter-1.0.0", "1.0.2", stateless],
    to: ["counter-1.0.0", "1.4.0", (text: string) => blockWhenActive(stateless(text))],
  },
];
for (const { kind, from, to } of moves) {
  test(`a new version ${kind} that blocks its event loop in probation is killed: the old one serves at once`, async () => {
    const release = await build(...to);
    const host = await start(...from);
    host.drop(release);
    await ask(host, "/increment", "POST");
    const asking = askOn(host);
    const began = performance.now();
    const { status, report } = await host.report("upgrade", release.version);
    const ms = performance.now() - began;
    assert.equal(status, 5, JSON.stringify(report));
    assert.ok(ms < BOUND_MS, `handed back after ${ms} ms`);
    assert.equal(report.error?.code, "TSUGI_UNHEALTHY");
    const { end, ms: waitedMs } = await asking;
    assert.match(end, /socket hang up|ECONNRESET/);
    assert.equal((await host.get<{ version: string }>("/version")).version, from[1]);
    assert.equal((await host.get<{ sum: number }>("/")).sum, 1);
    assert.equal(report.connections.lost, 1);
    assert.equal(report.stateAsOf !== undefined, kind === "with state");
    const probation = report.steps.at(-1)!;
    assert.equal(probation.name, "probation");
    assert.ok(waitedMs < probation.ms + 3_000, `a client waited for ${waitedMs} ms`);
    assert.ok(Math.abs(report.pauseMs - waitedMs) < 2_000, `${report.pauseMs}, not ${waitedMs} ms`);
    assert.match(report.ended?.join() ?? "", /^main\.0 \(pid \d+\), killed$/);
    assert.doesNotMatch(host.log, /did not answer (freeze|receiveState|announce|moveConnections)/);
  });
}

test("in a swap the process that blocks is the old version's too: started again, and the report says what was lost", async () => {
  const release = await build("counter-accepts-1.1.0", "1.1.9", (text) => `${text}\n${BLOCK}\n`);
  const host = await start("counter-accepts-1.0.0", "1.0.9", (text) => `${text}\n`);
  host.drop(release);
  await ask(host, "/increment", "POST");
  const began = performance.now();
  const { status, report } = await host.report("upgrade", "1.1.9");
  const ms = performance.now() - began;
  assert.deepEqual([status, report.strategy], [5, "swap"], JSON.stringify(report));
  assert.ok(ms < BOUND_MS, `handed back after ${ms} ms`);
  await until("the old version serves", () => host.get("/version").catch(() => undefined));
  assert.equal((await host.get<{ sum: number }>("/")).sum, 0);
  assert.equal(report.stateAsOf, "the restart: it was lost with its process");
  assert.equal(report.connections.lost, 1);
});

test("a serving worker that hangs is named, and what helps", async () => {
  const host = await start("counter-1.0.0", "1.0.3", blockOnRequest);
  host.drop(await build("counter-1.1.0", "1.1.1", (text) => `${text}\n`));
  const { pid } = (await host.status()).processes[0]!.slots[0]!;
  const blocked = ask(host, "/block");
  const began = performance.now();
  const { status, report, stderr } = await host.report("upgrade", "1.1.1");
  const ms = performance.now() - began;
  assert.equal(status, 4);
  assert.ok(ms < SHORT_MS, `refused after ${ms} ms`);
  assert.equal(report.error?.code, "TSUGI_SERVING_SILENT");
  assert.match(report.error!.message, new RegExp(`main\\.0 \\(pid ${pid}\\) of 1\\.0\\.3`));
  assert.match(stderr, /counter stop, then \S+counter start --version 1\.1\.1/);
  const { output } = await host.host.app("upgrade", "1.1.1");
  assert.match(output, /^Refused: 1\.0\.3 does not answer$/m);
  await host.host.must("stop");
  await host.host.must("start", "--version", "1.1.1");
  assert.equal((await host.get<{ version: string }>("/version")).version, "1.1.1");
  await blocked;
});

test("one that begins to hang while the new version loads is named, not the one that waited for it", async () => {
  const block = `void fetch("http://127.0.0.1:" + process.env.PORT + "/block").catch(() => {});`;
  const release = await build("counter-1.1.0", "1.1.2", (text) => `${text}\n${block}\n`);
  const host = await start("counter-1.0.0", "1.0.3", blockOnRequest);
  host.drop(release);
  const { pid } = (await host.status()).processes[0]!.slots[0]!;
  const began = performance.now();
  const { status, report } = await host.report("upgrade", "1.1.2");
  const ms = performance.now() - began;
  assert.equal(status, 4, JSON.stringify(report));
  assert.equal(report.error?.code, "TSUGI_SERVING_SILENT");
  assert.match(report.error!.message, new RegExp(`\\(pid ${pid}\\) of 1\\.0\\.3`));
  assert.ok(ms < BOUND_MS, `refused after ${ms} ms`);
});
