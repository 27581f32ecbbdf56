/** One health check of one generation: every worker answers, and the path answers, if one is set. */

import { once } from "node:events";
import { messageOf } from "../../contract/errors.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import { type Generation, slotName } from "./generation.ts";
import { type Limit, msUntil, withinTurns } from "./withinTurns.ts";
import type { WorkerHandle } from "./workerHandle.ts";

type HealthResult = Pick<WorkerReplies["health"], "healthy" | "problem">;

export async function checkHealth(
  generation: Generation,
  address: { port: number } | { path: string } | undefined,
  deadline: number,
): Promise<HealthResult> {
  const { health } = generation.settings;
  const limit = { limitMs: Math.max(1000, health.intervalMs * 2), deadline };
  const sick = await noteHealth(generation, (worker) => {
    const asked = worker.request({ type: "health" }, { timeoutMs: msUntil(deadline) });
    return withinTurns(asked, [worker], limit);
  });
  if (sick !== undefined) return { healthy: false, problem: sick };
  if (health.path === undefined) return { healthy: true };
  return checkPath(generation, address, limit);
}

/** Asks every worker (`measure`: how busy it is, too), notes the answer there, and returns the first problem. */
export function checkWorkers(
  generation: Generation,
  timeoutMs: number,
  measure = false,
): Promise<string | undefined> {
  const what = { type: "health", measure } as const;
  return noteHealth(generation, (worker) => worker.request(what, { timeoutMs }));
}

type Ask = (worker: WorkerHandle) => Promise<WorkerReplies["health"]>;

async function noteHealth({ slots }: Generation, ask: Ask): Promise<string | undefined> {
  const problems = await Promise.all(
    slots.map(async (slot) => {
      const { worker } = slot;
      worker.health = await checkWorker(worker, ask);
      const { healthy, problem = "unhealthy" } = worker.health;
      return healthy ? undefined : `${slotName(slot)}: ${problem}`;
    }),
  );
  return problems.find((problem) => problem !== undefined);
}

/** Of one that does not answer, the rest is as it last said. */
const checkWorker = (worker: WorkerHandle, ask: Ask): Promise<WorkerReplies["health"]> =>
  ask(worker).catch((error: unknown) => {
    return { ...worker.health, healthy: false, problem: messageOf(error) };
  });

async function checkPath(
  { settings: { health }, slots }: Generation,
  address: { port: number } | { path: string } | undefined,
  limit: Limit,
): Promise<HealthResult> {
  const target = health.port === undefined ? address : { port: health.port };
  if (target === undefined) {
    return { healthy: false, problem: "nothing listens, so no health.path to ask" };
  }
  const where =
    "port" in target ? { host: "127.0.0.1", port: target.port } : { socketPath: target.path };
  // Loaded when it is needed: it would be a third of the supervisor's memory.
  const { get } = await import("node:http");
  const sent = get({ ...where, path: health.path, agent: false });
  const workers = slots.map(({ worker }) => worker);
  try {
    const [response] = await withinTurns(once(sent, "response"), workers, limit);
    response.resume();
    const healthy = response.statusCode < 400 && response.statusCode >= 200;
    if (healthy) return { healthy };
    return { healthy, problem: `${health.path} answered ${response.statusCode}` };
  } catch (error) {
    sent.on("error", () => {}).destroy();
    return { healthy: false, problem: `${health.path}: ${messageOf(error)}` };
  }
}
