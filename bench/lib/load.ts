/** The load tool: wrk where it is installed (Debian's package `wrk`), else autocannon from npm. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { findProgram, needPrograms } from "../../test/helpers/debian.ts";

export interface Load {
  tool: string;
  /** Over `seconds`, from 16 connections, anew for each request or kept. */
  measure(url: string, seconds: number, connections: "kept" | "new"): Promise<Measured>;
}

interface Measured {
  rate: number;
  p50Ms: number;
  p99Ms: number;
}

const CONNECTIONS = "16";
const AUTOCANNON = "autocannon@9.0.0";

export async function findLoad(folder: string): Promise<Load> {
  await needPrograms("wrk").catch(() => {});
  const wrk = findProgram("wrk");
  return wrk === undefined ? await autocannon(folder) : wrkLoad(wrk);
}

function wrkLoad(wrk: string): Load {
  return {
    tool: "wrk",
    async measure(url, seconds, connections) {
      const close = connections === "new" ? ["-H", "Connection: close"] : [];
      const args = ["-t1", "--latency", `-c${CONNECTIONS}`, `-d${seconds}s`, ...close, url];
      const { stdout } = await mustRun(wrk, args);
      const errors = /^ +(Socket errors|Non-2xx).*$/m.exec(stdout)?.[0];
      // wrk counts the server's own close of each connection as a read error; the answers count.
      if (errors !== undefined && connections === "kept") throw new Error(`wrk: ${errors}`);
      const rate = Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]);
      return { rate, p50Ms: latencyMs(stdout, 50), p99Ms: latencyMs(stdout, 99) };
    },
  };
}

/** `99%    1.23ms`; microseconds and seconds too. */
function latencyMs(stdout: string, share: number): number {
  const [, value, unit] = new RegExp(`^ +${share}% +([\\d.]+)(us|ms|s)$`, "m").exec(stdout)!;
  return Number(value) * { us: 0.001, ms: 1, s: 1000 }[unit as "us" | "ms" | "s"];
}

async function autocannon(folder: string): Promise<Load> {
  const script = join(folder, "node_modules", "autocannon", "autocannon.js");
  if (!existsSync(script)) {
    await mustRun("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", AUTOCANNON]);
  }
  return {
    tool: AUTOCANNON,
    async measure(url, seconds, connections) {
      const close = connections === "new" ? ["-H", "connection=close"] : [];
      const args = [script, "--json", "-c", CONNECTIONS, "-d", String(seconds), ...close, url];
      const { stdout } = await mustRun(process.execPath, args);
      const { requests, latency, errors, timeouts } = JSON.parse(stdout);
      if (errors + timeouts > 0) throw new Error(`autocannon: ${errors} errors`);
      return { rate: requests.average, p50Ms: latency.p50, p99Ms: latency.p99 };
    },
  };
}
