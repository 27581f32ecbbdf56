/** Requests per second under tsugi against the same app, on the same Node binary, without it. */
import { type Bench, cpuMs } from "./lib/bench.ts";
import { findLoad } from "./lib/load.ts";
import type { Result } from "./lib/result.ts";
import { interleaved, median, medianRatio } from "./lib/statistics.ts";

const ROUNDS = 7;
const SECONDS = 2;
const AIM = 0.97;

export async function throughput(bench: Bench): Promise<Result[]> {
  const load = await findLoad(bench.folder);
  const project = bench.project("counter");
  const host = await bench.host("counter", await bench.release(project, "counter", "1.0.0"));
  const bare = await bench.bare(host.node, project, "server.js");
  const status = JSON.parse((await host.must("status", "--json")).stdout);
  const worker: number = status.processes[0].slots[0].pid;

  const results: Result[] = [];
  for (const connections of ["kept", "new"] as const) {
    // On a busy machine the rate says more about the scheduler, the processor time does not.
    const cpu = { tsugi: [] as number[], bare: [] as number[] };
    const contestant = (name: "tsugi" | "bare", pid: number, port: number) => async () => {
      const before = cpuMs(pid);
      const rate = await load.measure(`http://127.0.0.1:${port}/`, SECONDS, connections);
      cpu[name].push((cpuMs(pid) - before) / (rate * SECONDS));
      return rate;
    };
    const contestants = {
      tsugi: contestant("tsugi", worker, host.port),
      bare: contestant("bare", bare.pid, bare.port),
    };
    await interleaved(1, contestants);
    cpu.tsugi.length = 0;
    cpu.bare.length = 0;
    const rates = await interleaved(ROUNDS, contestants);
    const ratio = medianRatio(rates.tsugi, rates.bare);
    const kind = connections === "kept" ? "keep-alive" : "new connection";
    results.push(
      {
        what: `requests/s, ${kind}`,
        tsugi: median(rates.tsugi).toFixed(0),
        against: `${median(rates.bare).toFixed(0)} node`,
        outcome: `x ${ratio.toFixed(3)}`,
        aim: `>= ${AIM}`,
        reached: ratio >= AIM,
      },
      {
        what: "  processor time a request",
        tsugi: microseconds(cpu.tsugi),
        against: `${microseconds(cpu.bare)} node`,
        outcome: `x ${medianRatio(cpu.tsugi, cpu.bare).toFixed(3)}`,
      },
    );
  }
  return results;
}

const microseconds = (ms: number[]) => `${(median(ms) * 1000).toFixed(1)} us`;
