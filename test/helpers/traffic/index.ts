/** Load on a running service, and a tally of what became of every request. */
import { keepAliveClients } from "./keepAlive.ts";
import { newConnectionClients } from "./newConnections.ts";
import { streamReaders } from "./streams.ts";
import { Tally } from "./tally.ts";
import { webSocketClients } from "./webSockets.ts";
import type { Clients, Target, Workload } from "./workload.ts";

export { AdmiralWorkload } from "./admirals.ts";
export { keepAliveClients } from "./keepAlive.ts";
export { newConnectionClients } from "./newConnections.ts";
export { formatTallies } from "./table.ts";
export { type Counts, Tally } from "./tally.ts";
export { webSocketClients } from "./webSockets.ts";
export { type Clients, plainWorkload, type Target, type Workload } from "./workload.ts";

export interface TrafficOptions {
  newConnection?: number;
  keepAlive?: number;
  pipelining?: number;
  slowUploads?: number;
  /** Readers of `/stream`. */
  streams?: number;
  webSockets?: number;
  compress?: boolean;
  pauseMs?: number;
}

export interface Traffic {
  readonly tallies: Tally[];
  /** Resolves when every kind but streams has had `answers` answers more than now, or rejects. */
  answers(answers: number, deadlineMs?: number): Promise<void>;
  /** Lets what is under way end, closes the tallies and returns them. */
  stop(): Promise<Tally[]>;
}

/** Starts the usual mix of clients; each kind has its own tally. */
export async function startTraffic(
  target: Target,
  workload: Workload,
  options: TrafficOptions,
): Promise<Traffic> {
  const { pauseMs = 5 } = options;
  const tallies: Tally[] = [];
  const groups: Clients[] = [];
  const kind = (name: string, clients: number | undefined, start: (tally: Tally) => Clients) => {
    if (!clients) return;
    const tally = new Tally(name);
    tallies.push(tally);
    groups.push(start(tally));
  };

  const { newConnection = 0, keepAlive = 0, pipelining = 0, slowUploads = 0 } = options;
  kind("new connection", newConnection, (tally) =>
    newConnectionClients(target, workload, tally, { clients: newConnection, pauseMs }),
  );
  kind("keep-alive", keepAlive, (tally) =>
    keepAliveClients(target, workload, tally, { clients: keepAlive, pauseMs }),
  );
  kind("pipelining", pipelining, (tally) =>
    keepAliveClients(target, workload, tally, { clients: pipelining, pauseMs, pipelined: 4 }),
  );
  kind("slow upload", slowUploads, (tally) =>
    keepAliveClients(target, workload, tally, { clients: slowUploads, pauseMs, pieces: 5 }),
  );

  const { webSockets = 0, compress = false } = options;
  if (webSockets > 0) {
    const tally = new Tally("WebSocket");
    const clients = webSocketClients(target, tally, {
      clients: webSockets,
      pauseMs: 4 * pauseMs,
      compress,
    });
    await clients.ready;
    tallies.push(tally);
    groups.push(clients);
  }

  const quick = [...tallies];
  const { streams = 0 } = options;
  kind("streaming reader", streams, (tally) =>
    streamReaders(target, "/stream", tally, { clients: streams, pauseMs }),
  );

  return {
    tallies,
    answers: (answers, deadlineMs = 30_000) => moreAnswers(quick, answers, deadlineMs),
    async stop() {
      await Promise.all(groups.map((group) => group.stop()));
      for (const tally of tallies) tally.close();
      return tallies;
    },
  };
}

async function moreAnswers(tallies: Tally[], answers: number, deadlineMs: number): Promise<void> {
  const wanted = tallies.map((tally) => tally.counts.answered + answers);
  const deadline = performance.now() + deadlineMs;
  while (tallies.some((tally, at) => tally.counts.answered < wanted[at]!)) {
    if (performance.now() > deadline) {
      const problems = tallies.flatMap((tally) => tally.problems).slice(0, 5);
      throw new Error(
        `the clients had too few answers in ${deadlineMs} ms: ${problems.join("; ")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
