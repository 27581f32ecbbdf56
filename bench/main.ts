/**
 * `npm run bench [-- part…]`: what tsugi costs, each number against what it is to be compared with,
 * both measured in this run. Not a test: a number depends on what else the machine does.
 */
import { cpus } from "node:os";
import { Bench } from "./lib/bench.ts";
import { formatResults, type Result } from "./lib/result.ts";

type Part = (bench: Bench) => Promise<Result[]>;

const parts: Record<string, () => Promise<Part>> = {
  throughput: async () => (await import("./throughput.ts")).throughput,
  memory: async () => (await import("./memory.ts")).memory,
  build: async () => (await import("./buildTime.ts")).buildTime,
  startup: async () => (await import("./startUp.ts")).startUp,
  reload: async () => (await import("./reload.ts")).reload,
  websockets: async () => (await import("./webSockets.ts")).webSockets,
  state: async () => (await import("./state.ts")).state,
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`No such part: ${unknown.join(", ")}. There are: ${Object.keys(parts).join(", ")}`);
  process.exit(2);
}

const bench = new Bench();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => bench.end().finally(() => process.exit(130)));
}

console.log(`${cpus().length} x ${cpus()[0]?.model ?? "CPU"}, ${process.platform}`);
const results: Result[] = [];
try {
  for (const name of asked.length > 0 ? asked : Object.keys(parts)) {
    process.stderr.write(`measuring ${name} …\n`);
    const part = await parts[name]!();
    await part(bench).then(
      (more) => results.push(...more),
      (error) => failed(name, error),
    );
  }
} finally {
  await bench.end();
}
console.log(formatResults(results));

/** The others are still worth measuring. */
function failed(name: string, error: unknown): void {
  console.error(`${name} failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
