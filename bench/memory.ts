/** What the supervisor takes, against a Node process on the same binary that does nothing. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { type Bench, endChild } from "./lib/bench.ts";
import type { Result } from "./lib/result.ts";

const AIM_MB = 10;
const SETTLE_MS = 3_000;

export async function memory(bench: Bench): Promise<Result[]> {
  const project = bench.project("counter", "memory");
  const host = await bench.host("counter", await bench.release(project, "counter", "1.0.0"));
  const empty = spawn(host.node, ["-e", "setInterval(() => {}, 1e9)"], { stdio: "ignore" });
  bench.onEnd(() => endChild(empty));
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));

  const supervisor = memoryOf(Number((await host.must("pid")).stdout));
  const nothing = memoryOf(empty.pid!);
  await host.must("stop");
  return (["rss", "pss"] as const).map((kind) => {
    const more = supervisor[kind] - nothing[kind];
    return {
      what: `supervisor, ${kind.toUpperCase()}`,
      tsugi: `${supervisor[kind].toFixed(1)} MB`,
      against: `${nothing[kind].toFixed(1)} MB empty`,
      outcome: `+ ${more.toFixed(1)} MB`,
      aim: `<= ${AIM_MB} MB`,
      reached: more <= AIM_MB,
    };
  });
}

function memoryOf(pid: number): { rss: number; pss: number } {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const megabytes = (name: string) =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(rollup)?.[1]) / 1024;
  return { rss: megabytes("Rss"), pss: megabytes("Pss") };
}
