/** How long an upgrade is felt, by the number of open WebSockets. */
import { once } from "node:events";
import WebSocket from "ws";
import { HttpConnection } from "../../test/helpers/traffic/http1.ts";
import type { Bench } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { stepMs, upgradeTo } from "../lib/upgradeTo.ts";

const COUNTS = [100, 1_000, 5_000];
const AIM_MS_EACH = 0.3;
/** Of the pause: so much, and so much more for each. */
const AIM_PAUSE_MS = 10;
const AIM_PAUSE_MS_EACH = 0.04;
const AIM_QUIET_MS: Record<number, number> = { 1000: 100, 5000: 400 };
const AIM_REQUEST_MS = 50;
const OPENED_AT_ONCE = 100;
const PROBE_PAUSE_MS = 2;

export async function webSockets(bench: Bench): Promise<Result[]> {
  const project = await bench.projectWithPackages("feed", "feed-many");
  const first = await bench.release(project, "feed", "1.0.0");
  const second = await bench.release(project, "feed", "1.0.1");

  const results: Result[] = [];
  for (const count of COUNTS) {
    const host = await bench.host("feed", first);
    const sockets = await open(host.port, count);
    let closed = 0;
    for (const socket of sockets) socket.on("close", () => closed++);
    const probe = startProbe(host.port);
    const report = await upgradeTo(host, "1.0.1", second);
    const slowestMs = await probe.stop();
    const lost = closed;
    for (const socket of sockets) socket.terminate();
    await host.must("stop");

    const eachMs = stepMs(report, "connections") / count;
    const { p50, max } = report.quietMs;
    const aimPauseMs = AIM_PAUSE_MS + count * AIM_PAUSE_MS_EACH;
    const aimQuietMs = AIM_QUIET_MS[count];
    results.push(
      {
        what: `${count} carried`,
        tsugi: `${report.connections.carried - lost}`,
        against: "",
        outcome: `${eachMs.toFixed(2)} ms each`,
        aim: `<= ${AIM_MS_EACH} ms`,
        reached: eachMs <= AIM_MS_EACH && lost === 0,
      },
      {
        what: `${count}: pause`,
        tsugi: `${report.pauseMs.toFixed(0)} ms`,
        against: "",
        outcome: "",
        aim: `<= ${aimPauseMs} ms`,
        reached: report.pauseMs <= aimPauseMs,
      },
      {
        what: `${count}: quiet, longest and median`,
        tsugi: `${max.toFixed(0)} ms`,
        against: "",
        outcome: `median ${p50.toFixed(0)} ms`,
        ...(aimQuietMs && { aim: `<= ${aimQuietMs} ms`, reached: max <= aimQuietMs }),
      },
      {
        what: `${count}: slowest new request`,
        tsugi: `${slowestMs.toFixed(0)} ms`,
        against: "",
        outcome: "",
        aim: `<= ${AIM_REQUEST_MS} ms`,
        reached: slowestMs <= AIM_REQUEST_MS,
      },
    );
  }
  return results;
}

async function open(port: number, count: number): Promise<WebSocket[]> {
  const sockets: WebSocket[] = [];
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(OPENED_AT_ONCE, count - sockets.length) }, () => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/feed`, { perMessageDeflate: false });
      socket.on("error", () => {});
      return socket;
    });
    await Promise.all(some.map((socket) => once(socket, "open")));
    sockets.push(...some);
  }
  return sockets;
}

/** One new connection after the other, each with one request; `stop` returns the slowest. */
function startProbe(port: number): { stop(): Promise<number> } {
  let stopped = false;
  let slowestMs = 0;
  const running = (async () => {
    while (!stopped) {
      const startedAt = performance.now();
      const connection = await HttpConnection.open({ host: "127.0.0.1", port });
      await connection.exchange({
        method: "GET",
        path: "/still",
        headers: { connection: "close" },
      });
      slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      await connection.close();
      await new Promise((resolve) => setTimeout(resolve, PROBE_PAUSE_MS));
    }
  })();
  return {
    async stop() {
      stopped = true;
      await running;
      return slowestMs;
    },
  };
}
