/** One health check of one generation: every worker answers, and the path answers, if one is set. */
import type { HealthSettings } from "../../protocol/settings.ts";
import type { Generation } from "./generation.ts";

export interface HealthResult {
  healthy: boolean;
  problem?: string;
}

export async function checkHealth(
  generation: Generation,
  address: { port: number } | { path: string } | undefined,
): Promise<HealthResult> {
  const { health } = generation.settings;
  const timeoutMs = Math.max(1000, health.intervalMs * 2);
  for (const slot of generation.slots) {
    const result = await checkWorker(slot.worker, timeoutMs);
    slot.worker.healthy = result.healthy;
    if (!result.healthy) {
      const where = `${slot.process.name}.${slot.index}`;
      return { healthy: false, problem: `${where}: ${result.problem ?? "unhealthy"}` };
    }
  }
  if (health.path === undefined) return { healthy: true };
  return checkPath(health, address, timeoutMs);
}

async function checkWorker(
  worker: Generation["slots"][number]["worker"],
  timeoutMs: number,
): Promise<HealthResult> {
  try {
    return await worker.request({ type: "health" }, { timeoutMs });
  } catch (error) {
    return { healthy: false, problem: (error as Error).message };
  }
}

async function checkPath(
  health: HealthSettings,
  address: { port: number } | { path: string } | undefined,
  timeoutMs: number,
): Promise<HealthResult> {
  const target = health.port === undefined ? address : { port: health.port };
  if (target === undefined) {
    return Promise.resolve({
      healthy: false,
      problem: "nothing listens, so no health.path to ask",
    });
  }
  const where =
    "port" in target ? { host: "127.0.0.1", port: target.port } : { socketPath: target.path };
  // Loaded when it is needed: it would be a third of the supervisor's memory.
  const { request } = await import("node:http");
  return new Promise((resolve) => {
    const sent = request(
      { ...where, path: health.path, agent: false, timeout: timeoutMs },
      (response) => {
        response.resume();
        const healthy = response.statusCode! >= 200 && response.statusCode! < 400;
        const problem = `${health.path} answered ${response.statusCode}`;
        resolve(healthy ? { healthy } : { healthy, problem });
      },
    );
    sent.once("timeout", () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.once("error", (error) => {
      resolve({ healthy: false, problem: `${health.path}: ${error.message}` });
    });
    sent.end();
  });
}
