/**
 * A time limit that counts only while the workers' event loops turn. One that is busy with what an
 * upgrade has just brought it (thousands of connections, and what their clients have sent meanwhile)
 * answers late and is not sick; a check that hangs while the loop turns is. A loop that stands still
 * for good is the business of the deadline.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { WorkerHandle } from "./workerHandle.ts";

/** In each of which every loop has to have turned once. */
const SHARES = 10;

export interface Limit {
  limitMs: number;
  /** As `performance.now()` has it. */
  deadline: number;
}

export const msUntil = (deadline: number): number =>
  Math.max(0, Math.ceil(deadline - performance.now()));

/** @throws when the limit or the deadline has passed, or a worker has died */
export async function withinTurns<T>(
  asked: Promise<T>,
  workers: readonly WorkerHandle[],
  { limitMs, deadline }: Limit,
): Promise<T> {
  const answered = asked.then((value) => ({ value }));
  for (let share = 0; share < SHARES; share += 1) {
    const turns = workers.map((worker) =>
      worker.request({ type: "health", turns: true }, { timeoutMs: msUntil(deadline) }),
    );
    const allTurned = Promise.all([delay(limitMs / SHARES), ...turns]).then(() => undefined);
    const answer = await Promise.race([answered, allTurned]);
    if (answer !== undefined) return answer.value;
  }
  throw new Error(`no answer within ${limitMs} ms, though its event loop turns`);
}
