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
  const sick = await checkWorkers(generation, timeoutMs);
  if (sick !== undefined) return { healthy: false, problem: sick };
  if (health.path === undefined) return { healthy: true };
  return checkPath(health, address, timeoutMs);
}

/** Asks every worker (`measure`: how busy it is, too), notes the answer there, and returns the first problem. */
export async function checkWorkers(
  generation: Generation,
  timeoutMs: number,
  measure = false,
): Promise<string | undefined> {
  const problems = await Promise.all(
    generation.slots.map(async ({ process, index, worker }) => {
      const result = await checkWorker(worker, timeoutMs, measure);
      worker.healthy = result.healthy;
      return result.healthy
        ? undefined
        : `${process.name}.${index}: ${result.problem ?? "unhealthy"}`;
    }),
  );
  return problems.find((problem) => problem !== undefined);
}

async function checkWorker(
  worker: Generation["slots"][number]["worker"],
  timeoutMs: number,
  measure: boolean,
): Promise<HealthResult> {
  try {
    const what = { type: "health", ...(measure ? { measure } : {}) } as const;
    const result = await worker.request(what, { timeoutMs });
    worker.measured = result.measured ?? {};
    worker.leaks = result.running ?? [];
    worker.leaking = result.leaking ?? 0;
    worker.pending = result.pending ?? [];
    worker.held = result.held ?? 0;
    worker.unregistered = result.unregistered ?? 0;
    return result;
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
