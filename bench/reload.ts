/** A new version under load: `bin/<app> upgrade` against the reload of PM2's cluster mode. */
import { join } from "node:path";
import { mustRun } from "../test/helpers/commands.ts";
import { freePort, type Host } from "../test/helpers/host.ts";
import { plainWorkload, startTraffic } from "../test/helpers/traffic/index.ts";
import { type Bench, waitForAnswer } from "./lib/bench.ts";
import type { Result } from "./lib/result.ts";
import { upgradeTo } from "./lib/upgradeTo.ts";

const PM2 = "pm2@7.0.4";
const CLIENTS = { newConnection: 4, keepAlive: 8, webSockets: 50, pauseMs: 2 };

interface Outcome {
  sent: number;
  failed: number;
  closed: number;
  stateKept: boolean;
}

export async function reload(bench: Bench): Promise<Result[]> {
  const project = await bench.projectWithPackages("feed");
  const first = await bench.release(project, "feed", "1.0.0");
  const second = await bench.release(project, "feed", "1.0.1");
  const host = await bench.host("feed", first);
  const tsugi = await underLoad(host.port, () => upgradeTo(host, "1.0.1", second));
  await host.must("stop");

  const pm2 = await startPm2(bench, host, project);
  const other = await underLoad(pm2.port, () => pm2.run("reload", "feed"));

  const row = (what: string, of: (outcome: Outcome) => string): Result => ({
    what,
    tsugi: of(tsugi),
    against: `${of(other)} pm2`,
    outcome: "",
  });
  return [
    row("failed of requests", ({ failed, sent }) => `${failed}/${sent}`),
    row("connections closed", ({ closed }) => `${closed}`),
    row("state in memory", ({ stateKept }) => (stateKept ? "kept" : "lost")),
  ];
}

async function underLoad(port: number, change: () => Promise<unknown>): Promise<Outcome> {
  const target = { host: "127.0.0.1", port };
  const traffic = await startTraffic(target, plainWorkload("/"), CLIENTS);
  await traffic.answers(100);
  await change();
  await traffic.answers(100).catch(() => {});
  const tallies = await traffic.stop();
  const counted = tallies.filter((tally) => tally.kind !== "WebSocket");
  const acknowledged = counted.reduce((total, tally) => total + tally.counts.answered, 0);
  const sum = (of: (tally: (typeof tallies)[number]) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0);
  return {
    sent: sum((tally) => tally.counts.sent),
    failed: sum((tally) => tally.failures),
    closed: sum((tally) => tally.counts.reconnected),
    stateKept: (await sequenceOf(port)) > acknowledged,
  };
}

async function sequenceOf(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
  const { sequence } = (await response.json()) as { sequence: number };
  return sequence;
}

/** One worker in cluster mode, on the release's own Node, as a state in memory needs it. */
async function startPm2(bench: Bench, host: Host & { node: string }, project: string) {
  const folder = join(bench.folder, "pm2");
  await mustRun("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", PM2]);
  const port = await freePort();
  const env = { ...process.env, PM2_HOME: join(folder, "home"), PORT: String(port) };
  const script = join(folder, "node_modules", "pm2", "bin", "pm2");
  const run = (...args: string[]) => mustRun(host.node, [script, ...args], { cwd: project, env });
  bench.onEnd(() => run("kill"));
  await run("start", "server.js", "--name", "feed", "-i", "1", "--interpreter", host.node);
  await waitForAnswer(port);
  return { port, run };
}
