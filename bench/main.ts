/**
 * `npm run bench [-- part…]`: what tsugi costs, each number against what it is to be compared with,
 * both measured in this run. Not a test: a number depends on what else the machine does.
 */
import { cpus } from "node:os";
import { buildTime } from "./buildTime.ts";
import { delta } from "./delta.ts";
import { deploy } from "./deploy.ts";
import { Bench } from "./lib/bench.ts";
import { formatResults, type Result } from "./lib/result.ts";
import { memory } from "./memory.ts";
import { otp } from "./otp.ts";
import { reload } from "./reload.ts";
import { startUp } from "./startUp.ts";
import { state } from "./state.ts";
import { swap } from "./swap.ts";
import { throughput } from "./throughput.ts";
import { webSockets } from "./webSockets.ts";

interface Part {
  title: string;
  run: (bench: Bench) => Promise<Result[]>;
}

const parts: Record<string, Part> = {
  throughput: { title: "Requests per second, against the same app under node", run: throughput },
  memory: { title: "Memory, against an empty process of the same node", run: memory },
  build: { title: "Building the example, against compiling it", run: buildTime },
  delta: { title: "What a delta moves, against the tarball and zstd --patch-from", run: delta },
  startup: { title: "Starting bin/<app>, against an empty node", run: startUp },
  reload: { title: "A new version under load, against pm2 reload", run: reload },
  deploy: { title: "A one-line change to hosts over ssh, against rsync and restart", run: deploy },
  websockets: { title: "An upgrade with many open WebSockets", run: webSockets },
  state: { title: "Carrying state, against v8.serialize and deserialize", run: state },
  swap: { title: "Swapping in place, by what the process has", run: swap },
  otp: { title: "A swap and a handoff, against a GenServer upgraded by OTP", run: otp },
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`No such part: ${unknown.join(", ")}. There are: ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const bench = new Bench();
let isInterrupted = false;
const interrupted = () => {
  if (!isInterrupted) void bench.end().finally(() => process.exit(130));
  isInterrupted = true;
};
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupted);
// Nobody reads any more: `npm run bench | head`, or a terminal that went away.
process.stdout.on("error", interrupted);

console.log(`${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, ${process.platform}`);
try {
  for (const name of asked.length > 0 ? asked : Object.keys(parts)) await measure(parts[name]!);
} finally {
  await bench.end();
}

/** A part that fails does not take the others with it. */
async function measure({ title, run }: Part): Promise<void> {
  console.log(`\n${title}`);
  try {
    console.log(formatResults(await run(bench)));
  } catch (error) {
    console.log(`failed: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  }
}
