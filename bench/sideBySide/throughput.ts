/** Steady load: how many requests a second, how long each takes, and what it costs the processor. */
import { type Arena, NODE_ONES, type Outcomes } from "../contestants/arena.ts";
import type { Contestant } from "../contestants/contestant.ts";
import { type Bench, cpuMs } from "../lib/bench.ts";
import { findLoad, type Load } from "../lib/load.ts";
import type { Result } from "../lib/result.ts";
import { count, makeRow, type Row } from "../lib/row.ts";
import type { Section } from "../lib/section.ts";
import { medianRatio } from "../lib/statistics.ts";

const ROUNDS = 5;
const SECONDS = 2;
const SHORT_SECONDS = 1;
const AIM = 0.97;
const KINDS = { kept: "keep-alive", new: "new connections" } as const;
const OTP = "another server in another language: it would say nothing of release_handler";

export async function throughput(bench: Bench, arena: Arena): Promise<Section> {
  const load = await findLoad(bench.folder);
  const rows: Row[] = [];
  const results: Result[] = [];
  for (const kind of bench.isShort ? (["kept"] as const) : (["kept", "new"] as const)) {
    const once = (seconds: number) => (contestant: Contestant) =>
      measureOne(load, contestant, kind, seconds);
    if (!bench.isShort) await arena.measure(NODE_ONES, 1, once(1));
    const seconds = bench.isShort ? SHORT_SECONDS : SECONDS;
    const outcomes = await arena.measure(NODE_ONES, bench.isShort ? 1 : ROUNDS, once(seconds));
    rows.push(...rowsOf(outcomes, kind, load.tool));
    results.push(...aimOf(outcomes, kind));
  }
  return { rows, results };
}

async function measureOne(
  load: Load,
  contestant: Contestant,
  kind: keyof typeof KINDS,
  seconds: number,
): Promise<Record<string, number>> {
  const { supervising, serving } = await contestant.pids();
  const cpu = () => [...supervising, ...serving].reduce((sum, pid) => sum + cpuMs(pid), 0);
  const before = cpu();
  const url = `http://127.0.0.1:${contestant.port}/`;
  const { rate, p50Ms, p99Ms } = await load.measure(url, seconds, kind);
  return { rate, p50Ms, p99Ms, cpuMs: (cpu() - before) / (rate * seconds) };
}

function rowsOf(outcomes: Outcomes, kind: keyof typeof KINDS, tool: string): Row[] {
  const none = { otp: OTP };
  const row = (
    what: string,
    quantity: string,
    format: (value: number) => string,
    meaning: string,
  ) => makeRow(outcomes, { what: `${what}, ${KINDS[kind]}`, quantity, format, meaning, none });
  const how = kind === "kept" ? "kept open" : "one a request";
  return [
    row("requests/s", "rate", count, `${tool}, 16 connections, ${how}; one worker each`),
    row("latency, median", "p50Ms", fine, "under that load, which is all that the worker can do"),
    row("latency, 99 %", "p99Ms", fine, "under that load"),
    row(
      "processor time",
      "cpuMs",
      microseconds,
      "for a request, of all its processes; busy machines blur it least",
    ),
  ];
}

function aimOf({ tsugi, node }: Outcomes, kind: keyof typeof KINDS): Result[] {
  if (!tsugi || !node || "absent" in tsugi || "absent" in node) return [];
  const ratio = medianRatio(tsugi.values.rate!, node.values.rate!);
  return [
    {
      what: `requests/s of bare node, ${KINDS[kind]}`,
      tsugi: "",
      against: "",
      outcome: `${ratio.toFixed(3)} of it`,
      aim: `at least ${AIM}`,
      reached: ratio >= AIM,
    },
  ];
}

const fine = (ms: number) => `${ms.toFixed(2)} ms`;
const microseconds = (ms: number) => `${(ms * 1000).toFixed(0)} µs`;
