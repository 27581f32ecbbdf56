/** A new version under load: how long it takes, and what clients notice of it. */
import { ALL, type Arena } from "../contestants/arena.ts";
import type { Contestant } from "../contestants/contestant.ts";
import type { Bench } from "../lib/bench.ts";
import { type Noticed, startClients } from "../lib/clients.ts";
import { count, makeRow, milliseconds } from "../lib/row.ts";
import type { Section } from "../lib/section.ts";
import { elapsedMs } from "../lib/statistics.ts";

const ROUNDS = 5;

export async function upgrade(bench: Bench, arena: Arena): Promise<Section> {
  const rounds = bench.isShort ? 1 : ROUNDS;
  const sent: number[] = [];
  const outcomes = await arena.measure(ALL, rounds, async (contestant, round) => {
    const { noticed, upgradeMs, isStateKept } = await once(bench, contestant, `1.0.${round + 1}`);
    sent.push(noticed.sent);
    const { quietMs, failed, closed } = noticed;
    return { upgradeMs, quietMs, failed, closed, kept: isStateKept ? 1 : 0 };
  });
  const clients = "4 clients that connect anew, 8 with keep-alive, 50 WebSockets";
  const load = `${clients}; ${Math.min(...sent)} to ${Math.max(...sent)} requests in a round`;
  return {
    rows: [
      makeRow(outcomes, {
        what: "upgrade, duration",
        meaning: "until the new version serves and nothing of the old runs",
        quantity: "upgradeMs",
        format: milliseconds,
        notes: {
          tsugi: "unpacking 45 MB, a rehearsal and 0.6 s of health checks are in it",
          otp: "unpacking is in it; its relup was built before, beside the old build",
        },
      }),
      makeRow(outcomes, {
        what: "pause",
        meaning:
          "longest time a client was without an answer, beyond its ordinary one; in brackets the least and the most of the ratios",
        quantity: "quietMs",
        format: milliseconds,
        spread: true,
      }),
      makeRow(outcomes, {
        what: "requests failed",
        meaning: load,
        quantity: "failed",
        format: count,
        ratio: false,
      }),
      makeRow(outcomes, {
        what: "connections closed",
        meaning: "of the 58 kept open",
        quantity: "closed",
        format: count,
        ratio: false,
      }),
      makeRow(outcomes, {
        what: "state in memory",
        meaning: "a sequence that every request counts on",
        quantity: "kept",
        format: (share) => (share === 1 ? "kept" : "lost"),
        ratio: false,
      }),
    ],
  };
}

async function once(bench: Bench, contestant: Contestant, version: string) {
  const change = await contestant.prepare(version);
  const clients = await startClients(bench, contestant.port);
  try {
    const before = await sequenceOf(contestant.port);
    await clients.begin();
    const upgradeMs = await elapsedMs(change);
    const noticed: Noticed = await clients.end();
    // One that began anew may well have come further by now than it was, but not by all of these.
    const isStateKept = (await sequenceOf(contestant.port)) - before >= noticed.counted;
    return { noticed, upgradeMs, isStateKept };
  } finally {
    await clients.stop();
  }
}

async function sequenceOf(port: number): Promise<number> {
  const headers = { connection: "close" };
  const response = await fetch(`http://127.0.0.1:${port}/still`, { headers });
  return ((await response.json()) as { sequence: number }).sequence;
}
