/** An application that has workers of its own, by node:cluster. */
import cluster from "node:cluster";

/**
 * Lets them finish what they have and end, in at most `timeoutMs`. Their connections are in
 * processes that this protocol does not reach, so they are drained, never carried.
 */
export function drainOwnWorkers(timeoutMs: number): Promise<void> {
  const running = Object.values(cluster.workers ?? {});
  if (!cluster.isPrimary || running.length === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    cluster.disconnect(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
