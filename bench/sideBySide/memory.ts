/** What is taken by whoever looks after the service, and by all of it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { ALL, type Arena } from "../contestants/arena.ts";
import type { Contestant } from "../contestants/contestant.ts";
import { type Bench, endChild } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { makeRow, megabytes } from "../lib/row.ts";
import type { Section } from "../lib/section.ts";
import { median } from "../lib/statistics.ts";

const ROUNDS = 3;
const AIM_MB = 10;
const SETTLE_MS = 2_000;

export async function memory(bench: Bench, arena: Arena): Promise<Section> {
  await arena.measure(ALL, 1, async () => ({}));
  const { node } = (await arena.tsugi()).host;
  const empty = spawn(node, ["-e", "setInterval(() => {}, 1e9); console.log()"]);
  bench.onEnd(() => endChild(empty));
  await once(empty.stdout, "data");
  const empties: Memory[] = [];
  const outcomes = await arena.measure(ALL, bench.isShort ? 1 : ROUNDS, async (contestant) => {
    if (contestant.name === "tsugi" && !bench.isShort) await settle();
    if (contestant.name === "tsugi") empties.push(memoryOf([empty.pid!]));
    return measureOne(contestant);
  });
  await endChild(empty);
  const none = {
    node: "nothing supervises it here; systemd would",
    otp: "the VM supervises itself",
  };
  const tsugi = outcomes.tsugi;
  return {
    rows: [
      makeRow(outcomes, {
        what: "memory, supervising",
        meaning: "resident memory of what only looks after the service; nginx: its workers too",
        quantity: "supervisingRss",
        format: megabytes,
        none,
      }),
      makeRow(outcomes, {
        what: "memory, all of it",
        meaning: "of all processes, what several share counted once (PSS)",
        quantity: "allPss",
        format: megabytes,
      }),
    ],
    results: tsugi && "values" in tsugi ? aims(tsugi.values, empties) : [],
  };
}

async function measureOne(contestant: Contestant): Promise<Record<string, number>> {
  const { supervising, serving } = await contestant.pids();
  const own = memoryOf(supervising);
  return {
    supervisingRss: own.rss,
    supervisingPss: own.pss,
    allPss: memoryOf([...supervising, ...serving]).pss,
  };
}

function aims(values: Record<string, number[]>, empties: Memory[]): Result[] {
  return (["rss", "pss"] as const).map((kind) => {
    const own = median(values[kind === "rss" ? "supervisingRss" : "supervisingPss"]!);
    const nothing = median(empties.map((one) => one[kind]));
    return {
      what: `supervisor, ${kind.toUpperCase()}`,
      tsugi: megabytes(own),
      against: `${megabytes(nothing)} empty node`,
      outcome: `${(own - nothing).toFixed(1)} MB more`,
      aim: `at most ${AIM_MB} MB`,
      reached: own - nothing <= AIM_MB,
    };
  });
}

interface Memory {
  rss: number;
  pss: number;
}

/** In MB of 2^20 bytes, as every tool shows memory. */
function memoryOf(pids: number[]): Memory {
  const sum = (name: string) =>
    pids.reduce((total, pid) => {
      const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
      return total + Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(rollup)?.[1]) / 1024;
    }, 0);
  return { rss: sum("Rss"), pss: sum("Pss") };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
