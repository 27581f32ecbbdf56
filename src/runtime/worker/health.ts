/** How well a generation is: what its own checks say, and what is known besides. */

import { defined } from "../../contract/checks.ts";
import { messageOf } from "../../contract/errors.ts";
import type { Registrations } from "../../hot/registrations.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import type { EventLoopWatch } from "./eventLoopWatch.ts";
import type { GenerationParts } from "./parts.ts";

type Health = WorkerReplies["health"];

/** What is the same for all that is loaded in this process. */
export interface HealthOfProcess {
  readonly eventLoop: EventLoopWatch;
  leftovers(): Pick<Health, "running" | "leaking" | "pending" | "retained">;
}

/** `turns`: only whether its event loop does; no check of the app's runs. */
export async function healthOf(
  { boot, registrations, traffic, listeners }: GenerationParts,
  process: HealthOfProcess,
  { measure, turns }: { measure?: boolean; turns?: boolean },
): Promise<Health> {
  if (turns) return { healthy: true, open: traffic.connections.accepted };
  const { requests, ...health } = await checkHealth(registrations);
  const measured = () => {
    const eventLoop = process.eventLoop.read();
    const { accepted: connections } = traffic.connections;
    return { connections, ...defined({ eventLoop, requests }) };
  };
  return {
    ...health,
    ...process.leftovers(),
    version: boot.version,
    unregistered: traffic.unregistered().length,
    unshared: listeners.datagrams.unshared,
    ...(measure ? { measured: measured() } : {}),
  };
}

interface CheckedHealth {
  healthy: boolean;
  problem?: string;
  /** The sum of what the checks tell; absent where none does. */
  requests?: number;
}

/** No check means healthy. */
async function checkHealth(registrations: Registrations): Promise<CheckedHealth> {
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
