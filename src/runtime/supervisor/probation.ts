/**
 * The time between install and commit. The new generation must be healthy `healthyAfter` times in a
 * row before `probationMs` is over: a time-out is a failure, never a promotion. One that is too short
 * for that many checks could never be passed: it lasts for as long as they take.
 */
import { setTimeout as pause } from "node:timers/promises";
import { TsugiError } from "../../contract/errors.ts";
import type { RuntimeSettings } from "../../protocol/settings.ts";
import type { Generation } from "./generation.ts";
import { checkHealth, checkWorkers } from "./health.ts";

const probationMsOf = ({ health, timeouts }: RuntimeSettings): number =>
  Math.max(timeouts.probationMs, health.healthyAfter * health.intervalMs);

/** Where it lasts longer than was asked for. */
export function probationNote(settings: RuntimeSettings): string | undefined {
  const { health, timeouts } = settings;
  const probationMs = probationMsOf(settings);
  if (probationMs === timeouts.probationMs) return undefined;
  const checks = `health.healthyAfter ${health.healthyAfter} × health.intervalMs ${health.intervalMs}`;
  return `probation lasts up to ${probationMs} ms: timeouts.probationMs ${timeouts.probationMs} has no room for ${checks}`;
}

export async function probation(
  generation: Generation,
  previous: string,
  addressOf: () => { port: number } | { path: string } | undefined,
): Promise<void> {
  const { health } = generation.settings;
  const probationMs = probationMsOf(generation.settings);
  // A first answer may take its time: what the move itself has left to do is no illness.
  await checkWorkers(generation, probationMs);
  const deadline = performance.now() + probationMs;
  let inARow = 0;
  let problem: string | undefined;
  for (;;) {
    const result = await checkHealth(generation, addressOf(), deadline);
    if (result.healthy) {
      inARow += 1;
      if (inARow >= health.healthyAfter) return;
    } else {
      inARow = 0;
      // That time ran out within the last check says less than what an earlier one has found.
      const wasCutShort = performance.now() >= deadline;
      problem = wasCutShort ? (problem ?? result.problem) : (result.problem ?? problem);
    }
    if (performance.now() + health.intervalMs > deadline) break;
    await pause(health.intervalMs);
  }
  problem ??= "no health check has ended in time";
  const details = { version: generation.version, previous, problem };
  throw new TsugiError("TSUGI_UNHEALTHY", details);
}
