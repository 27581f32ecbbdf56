/** Requests per second under tsugi against the same app, on the same Node binary, without it. */
import type { Bench } from "./lib/bench.ts";
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

  const results: Result[] = [];
  for (const connections of ["kept", "new"] as const) {
    const measure = (port: number) => () =>
      load.measure(`http://127.0.0.1:${port}/`, SECONDS, connections);
    const contestants = { tsugi: measure(host.port), bare: measure(bare.port) };
    await interleaved(1, contestants);
    const rates = await interleaved(ROUNDS, contestants);
    const ratio = medianRatio(rates.tsugi, rates.bare);
    results.push({
      what: connections === "kept" ? "requests/s, keep-alive" : "requests/s, new connection",
      tsugi: median(rates.tsugi).toFixed(0),
      against: `${median(rates.bare).toFixed(0)} node`,
      outcome: `x ${ratio.toFixed(3)}`,
      aim: `>= ${AIM}`,
      reached: ratio >= AIM,
    });
  }
  return results;
}
