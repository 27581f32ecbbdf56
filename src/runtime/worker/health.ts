/** Runs the application's health checks; no check means healthy. */
import { messageOf } from "../../contract/errors.ts";
import type { Registrations } from "../../hot/registrations.ts";

interface CheckedHealth {
  healthy: boolean;
  problem?: string;
  /** The sum of what the checks tell; absent where none does. */
  requests?: number;
}

export async function checkHealth(registrations: Registrations): Promise<CheckedHealth> {
  const counts: number[] = [];
  for (const hook of [...registrations.hooks.health]) {
    try {
      const said = await hook();
      if (said === false) return { healthy: false, problem: "hot.health returned false" };
      const requests = requestsIn(said);
      if (requests !== undefined) counts.push(requests);
    } catch (error) {
      return { healthy: false, problem: messageOf(error) };
    }
  }
  if (counts.length === 0) return { healthy: true };
  return { healthy: true, requests: counts.reduce((sum, count) => sum + count) };
}

/** Whatever else a check returns is its own affair. */
function requestsIn(said: unknown): number | undefined {
  if (typeof said !== "object" || said === null) return undefined;
  const { requests } = said as { requests?: unknown };
  return typeof requests === "number" && Number.isFinite(requests) ? requests : undefined;
}
