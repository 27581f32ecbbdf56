/** A Redis server of our own: nothing on disk, on a free port, gone afterwards. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { findProgram, needPrograms } from "./debian.ts";
import { until } from "./installed.ts";
import { accepts, freePort } from "./ports.ts";

export interface Redis {
  port: number;
  stop(): Promise<void>;
}

export async function startRedis(): Promise<Redis> {
  await needPrograms("redis-server");
  const port = await freePort();
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const server = spawn(findProgram("redis-server")!, args, { stdio: "ignore" });
  const exited = once(server, "exit");
  await until("Redis listens", () => accepts(port));
  return {
    port,
    stop: async () => {
      server.kill();
      await exited;
    },
  };
}
