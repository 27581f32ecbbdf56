/** How fast state is carried, against `v8.serialize` and `deserialize` alone on the same Node. */
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import type { Bench } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { median } from "../lib/statistics.ts";
import { stepMs, upgradeTo } from "../lib/upgradeTo.ts";

const MEGABYTES = [1, 10, 100];
const AIM_RATIO = 0.8;
const AIM_ARRAY = 300;

export async function state(bench: Bench): Promise<Result[]> {
  const project = bench.project("state");
  const first = await bench.release(project, "state", "1.0.0");
  const second = await bench.release(project, "state", "1.0.1");

  const results: Result[] = [];
  for (const kind of ["map", "array"] as const) {
    for (const megabytes of MEGABYTES) {
      const env = { STATE_KIND: kind, STATE_MEGABYTES: String(megabytes) };
      const config = { timeouts: { freezeMs: 60_000 } };
      const host = await bench.host("state", first, { env, config });
      const reports = [
        await upgradeTo(host, "1.0.1", second),
        await upgradeTo(host, "1.0.0", first),
        await upgradeTo(host, "1.0.1", second),
      ];
      await host.must("stop");
      const script = join(project, "serialize.js");
      const { stdout } = await mustRun(host.node, [script, kind, String(megabytes)]);
      const alone = JSON.parse(stdout) as { bytes: number; ms: number };

      const carryMs = median(reports.map((report) => stepMs(report, "carry")));
      const rate = perSecond(reports[0]?.states[0]?.bytes ?? 0, carryMs);
      const aloneRate = perSecond(alone.bytes, alone.ms);
      const ratio = rate / aloneRate;
      results.push({
        what: `${megabytes} MB, ${kind === "map" ? "Map of records" : "Uint8Array"}`,
        tsugi: `${rate.toFixed(0)} MB/s`,
        against: `${aloneRate.toFixed(0)} MB/s v8`,
        outcome: `× ${ratio.toFixed(2)}`,
        ...(kind === "map"
          ? { aim: `>= ${AIM_RATIO}`, reached: ratio >= AIM_RATIO }
          : { aim: `>= ${AIM_ARRAY} MB/s`, reached: rate >= AIM_ARRAY }),
      });
    }
  }
  return results;
}

const perSecond = (bytes: number, ms: number) => bytes / 1e6 / (ms / 1000);
