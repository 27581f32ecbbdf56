/**
 * The time between install and commit. The new generation must be healthy `healthyAfter` times in a
 * row before `probationMs` is over: a time-out is a failure, never a promotion.
 */
import { setTimeout as pause } from "node:timers/promises";
import { TsugiError } from "../../contract/errors.ts";
import type { Generation } from "./generation.ts";
import { checkHealth, checkWorkers } from "./health.ts";

export async function probation(
  generation: Generation,
  previous: string,
  addressOf: () => { port: number } | { path: string } | undefined,
): Promise<void> {
  const { health, timeouts } = generation.settings;
  // A first answer may take its time: what the move itself has left to do is no illness.
  await checkWorkers(generation, timeouts.probationMs);
  const deadline = performance.now() + timeouts.probationMs;
  let inARow = 0;
  let problem = "no health check has ended in time";
  for (;;) {
    const result = await checkHealth(generation, addressOf(), deadline);
    if (result.healthy) {
      inARow += 1;
      if (inARow >= health.healthyAfter) return;
    } else {
      inARow = 0;
      problem = result.problem ?? problem;
    }
    if (performance.now() + health.intervalMs > deadline) break;
    await pause(health.intervalMs);
  }
  const details = { version: generation.version, previous, problem };
  throw new TsugiError("TSUGI_UNHEALTHY", details);
}
