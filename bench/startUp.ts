/** How long `bin/<app> ping` takes, against a Node process on the same binary that does nothing. */
import { mustRun } from "../test/helpers/commands.ts";
import type { Bench } from "./lib/bench.ts";
import type { Result } from "./lib/result.ts";
import { interleaved, median } from "./lib/statistics.ts";

const ROUNDS = 15;

export async function startUp(bench: Bench): Promise<Result[]> {
  const project = bench.project("counter", "start-up");
  const host = await bench.host("counter", await bench.release(project, "counter", "1.0.0"));
  const time = async (run: () => Promise<unknown>) => {
    const startedAt = performance.now();
    await run();
    return performance.now() - startedAt;
  };
  const times = await interleaved(ROUNDS, {
    ping: () => time(() => host.must("ping")),
    empty: () => time(() => mustRun(host.node, ["-e", "0"])),
  });
  await host.must("stop");
  const [ping, empty] = [median(times.ping), median(times.empty)];
  return [
    {
      what: "bin/<app> ping",
      tsugi: `${ping.toFixed(0)} ms`,
      against: `${empty.toFixed(0)} ms node -e 0`,
      outcome: `+ ${(ping - empty).toFixed(0)} ms`,
    },
  ];
}
