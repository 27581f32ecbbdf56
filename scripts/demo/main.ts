/**
 * `npm run demo`: two versions of a service, built in two places that share nothing; the first is
 * installed and kept busy, the second is put beside it, and the service goes over to it and back
 * while clients count what they see. Ends with 1 if a request failed or acknowledged state is gone.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endCommands } from "../../test/helpers/commands.ts";
import {
  buildRelease,
  copyExample,
  exampleName,
  installPackages,
  projectRoot,
} from "../../test/helpers/example.ts";
import { Host, makeHostPath } from "../../test/helpers/host.ts";
import { freePort } from "../../test/helpers/ports.ts";
import {
  AdmiralWorkload,
  formatTallies,
  startTraffic,
  type Tally,
  type Traffic,
} from "../../test/helpers/traffic/index.ts";
import { bold, chapter, green, megabytes, red, say, seconds, showCommand } from "./narrate.ts";

const CLIENTS = { newConnection: 4, keepAlive: 8, webSockets: 20 };
/** Answers that every kind of client has to get from a version before the next step. */
const ANSWERS_BETWEEN = 150;

const folder = mkdtempSync(join(tmpdir(), "tsugi-demo-"));
const cleanups: (() => Promise<unknown> | unknown)[] = [
  () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
];

async function cleanUp(): Promise<void> {
  await endCommands();
  for (const clean of cleanups.splice(0).reverse()) await clean();
}

let isInterrupted = false;

function interrupted(): void {
  if (isInterrupted) return;
  isInterrupted = true;
  process.stderr.write("\nInterrupted; cleaning up …\n");
  void cleanUp().finally(() => process.exit(130));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupted);
// Nobody reads any more: `npm run demo | head`, or a terminal that went away.
process.stdout.on("error", interrupted);

async function main(): Promise<string[]> {
  console.log(bold("tsugi: upgrade a running service, and count what its clients see"));

  chapter("Build 0.0.1 and 0.0.2 in two clean copies that share nothing");
  const first = await build("0.0.1");
  const second = await build("0.0.2");

  chapter("Install 0.0.1 into an empty folder, where there is no Node and no npm");
  const port = await freePort();
  const host = await install(first, port);

  chapter("Keep clients busy");
  const workload = new AdmiralWorkload();
  const traffic = await startTraffic({ host: "127.0.0.1", port }, workload, CLIENTS);
  cleanups.push(() => traffic.stop());
  await traffic.answers(ANSWERS_BETWEEN);
  say(
    `${CLIENTS.newConnection} clients connect anew for each request, ${CLIENTS.keepAlive} keep their connection,`,
  );
  say(`${CLIENTS.webSockets} follow the live feed over a WebSocket.`);
  await showState(port);

  chapter("Put 0.0.2 in place, and upgrade");
  mkdirSync(join(host.root, "releases", "0.0.2"));
  cpSync(second, join(host.root, "releases", "0.0.2", `${exampleName}.tar.gz`));
  showCommand(`cp …/${exampleName}.tar.gz releases/0.0.2/`);
  await goOver(host, traffic, "upgrade", "0.0.2");
  await showState(port);

  chapter("And back to 0.0.1");
  await goOver(host, traffic, "downgrade", "0.0.1");
  await showState(port);

  chapter("What the clients saw");
  const tallies = await traffic.stop();
  const totals = (await get(port, "/totals")) as Totals;
  say(formatTallies(tallies));
  say();
  showReports(host);
  return [...failuresOf(tallies), ...lostState(workload.acknowledged, totals)];
}

async function build(version: string): Promise<string> {
  const copy = copyExample(version, join(folder, `checkout-${version}`));
  const startedAt = performance.now();
  await installPackages(copy);
  const installedAt = performance.now();
  const { tarball, bytes } = await buildRelease(copy, version);
  const times = [installedAt - startedAt, performance.now() - installedAt] as const;
  say(
    `${version}: npm ci ${seconds(times[0])}, tsugi release ${seconds(times[1])}, ` +
      `${megabytes(bytes)} with its own Node`,
  );
  return tarball;
}

async function install(tarball: string, port: number): Promise<Host> {
  const root = join(folder, "host");
  mkdirSync(root);
  const host = new Host({
    root,
    name: exampleName,
    path: makeHostPath(join(folder, "host-path")),
    env: { PORT: String(port), HOST: "127.0.0.1" },
  });
  const node = await host.run("sh", ["-c", "command -v node npm"]);
  if (node.stdout.trim() !== "") throw new Error(`the host has a Node: ${node.stdout}`);
  await host.extract(tarball);
  showCommand(`tar xzf …/${exampleName}.tar.gz`);
  cleanups.push(() => host.app("stop"));
  await runApp(host, "start");
  return host;
}

async function runApp(host: Host, ...args: string[]): Promise<void> {
  const { status, output } = await host.app(...args);
  showCommand(`bin/${exampleName} ${args.join(" ")}`, output);
  if (status !== 0) throw new Error(`bin/${exampleName} ${args.join(" ")} ended with ${status}`);
}

async function goOver(host: Host, traffic: Traffic, verb: string, version: string): Promise<void> {
  await runApp(host, verb, version);
  await traffic.answers(ANSWERS_BETWEEN);
}

async function get(port: number, path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`);
  return response.ok ? await response.json() : response.status;
}

async function showState(port: number): Promise<void> {
  const { live } = (await get(port, "/totals")) as Totals;
  const [leader] = (await get(port, "/ranking?length=1")) as object[];
  const best = await get(port, "/ranking/best?length=1");
  say();
  say(`In memory now: ${live.imports} imports, ${live.experience} experience; the leader:`);
  say(`  GET /ranking       ${JSON.stringify(leader)}`);
  say(`  GET /ranking/best  ${best === 404 ? "404, not in this version" : JSON.stringify(best)}`);
}

interface Sum {
  imports: number;
  experience: number;
}
interface Totals {
  live: Sum;
  stored: Sum;
}

interface Report {
  from: string;
  to: string;
  strategy: string;
  pauseMs: number;
  quietMs: { max: number };
  connections: { carried: number; drained: number; lost: number };
}

function showReports(host: Host): void {
  const lines = readFileSync(join(host.root, "log", "upgrades.jsonl"), "utf8")
    .trim()
    .split("\n");
  for (const line of lines) {
    const { from, to, strategy, pauseMs, connections } = JSON.parse(line) as Report;
    const { carried, drained, lost } = connections;
    say(`${from} → ${to} by ${strategy}: pause ${pauseMs.toFixed(1)} ms; connections carried`);
    say(`  ${carried}, drained ${drained}, lost ${lost}`);
  }
}

const failuresOf = (tallies: Tally[]) =>
  tallies
    .filter((tally) => tally.failures > 0)
    .map((tally) => `${tally.kind}: ${tally.failures} requests failed`);

function lostState(acknowledged: Sum, { live, stored }: Totals): string[] {
  say(`Acknowledged  ${acknowledged.imports} imports, ${acknowledged.experience} experience`);
  say(`In memory     ${live.imports} imports, ${live.experience} experience`);
  say(`In database   ${stored.imports} imports, ${stored.experience} experience`);
  const lost = (sum: Sum) =>
    sum.imports < acknowledged.imports || sum.experience < acknowledged.experience;
  return [
    ...(lost(live) ? ["state in memory that was acknowledged is lost"] : []),
    ...(lost(stored) ? ["rows in the database that were acknowledged are lost"] : []),
  ];
}

function sayWhatNext(): void {
  say();
  say("What to try next:");
  say("  examples/admiral-stats-api   the service; in there: diff -r 0.0.1 0.0.2");
  say("  README: first ten minutes    the same with a service of your own");
  say("  npm test, npm run bench      everything tested; what it costs");
}

/** The same for an Elixir release, where Elixir is installed; not with --no-beam. */
function runBeamDemo(): number {
  if (process.argv.includes("--no-beam")) return 0;
  const elixir = spawnSync("elixir", ["--version"], { stdio: "ignore" });
  if (elixir.status !== 0) return 0;
  console.log();
  const program = join(projectRoot, "scripts", "demo.mjs");
  const beam = spawnSync(process.execPath, [program, "beam"], { stdio: "inherit" });
  return beam.status ?? 1;
}

try {
  const failures = await main();
  for (const failure of failures) say(red(`FAILED: ${failure}`));
  if (failures.length > 0) process.exitCode = 1;
  else say(green("No request failed, and nothing acknowledged is lost."));
} catch (error) {
  if (!isInterrupted) console.error(red(error instanceof Error ? error.message : String(error)));
  process.exitCode = 1;
} finally {
  await cleanUp();
}
if (!process.exitCode) {
  process.exitCode = runBeamDemo();
  sayWhatNext();
}
