/** Runs the application's health checks; no check means healthy. */
import { messageOf } from "../../contract/errors.ts";
import type { HotRegistry } from "../../hot/registry.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";

export async function checkHealth(registry: HotRegistry): Promise<WorkerReplies["health"]> {
  for (const hook of [...registry.hooks.health]) {
    try {
      if ((await hook()) === false) return { healthy: false, problem: "hot.health returned false" };
    } catch (error) {
      return { healthy: false, problem: messageOf(error) };
    }
  }
  return { healthy: true };
}
