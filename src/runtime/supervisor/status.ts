/** What `status` tells of the system that runs. */
import { versions } from "node:process";
import { defined } from "../../contract/checks.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { cpuMsOf, rssBytesOf } from "../../platform/processes.ts";
import type { Mask } from "../../protocol/mask.ts";
import type { Status } from "../../protocol/report.ts";
import { factsOf } from "./facts.ts";
import { checkWorkers } from "./health.ts";
import type { Supervisor } from "./supervisor.ts";
import { whyNoSwap } from "./swapRefusal.ts";
import type { Upgrades } from "./upgrades.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** It must answer also when a worker is stuck. */
const STATUS_HEALTH_MS = 1_000;

export async function statusOf(
  supervisor: Supervisor,
  upgrades: Upgrades,
  measure = false,
): Promise<Status> {
  const { current, parts, stopping } = supervisor;
  const host = await readHostSettings(parts.layout, current.version).catch(() => null);
  await checkWorkers(current, STATUS_HEALTH_MS, measure);
  const processes = new Map<string, Status["processes"][number]>();
  const facts = factsOf(current);
  for (const slot of current.slots) {
    const { worker, restarts } = slot;
    const { name } = slot.process;
    const declares = defined({ declares: facts[name] });
    const entry = processes.get(name) ?? { name, slots: [], ...declares };
    processes.set(name, entry);
    entry.slots.push({
      pid: worker.pid,
      generation: worker.boot.generation,
      node: current.plan.manifest.runtime.version,
      restarts,
      rssBytes: rssBytesOf(worker.pid),
      cpuMs: cpuMsOf(worker.pid),
      ...(measure ? worker.health.measured : {}),
      ...healthOf(worker, parts.mask),
      ...defined({ crash: supervisor.slots.crashOf(slot) }),
    });
  }
  return {
    name: current.plan.manifest.name,
    version: current.version,
    releaseId: current.plan.releaseId,
    status: upgrades.status === null ? "permanent" : "current",
    since: supervisor.since,
    processes: [...processes.values()],
    etcChanged: host === null || host.etcHash !== current.plan.host.etcHash,
    upgrade: upgrades.status,
    leftovers: leftoversOf(supervisor),
    pending: current.slots.flatMap(({ worker }) => worker.health.pending ?? []),
    logDropped: parts.log.dropped,
    supervisorNode: versions.node,
    ...defined({
      retiring: supervisor.retiring,
      stopping,
      logProblem: parts.log.problem,
      refusesSwap: current.plan.manifest.accepts ? whyNoSwap(supervisor) : undefined,
    }),
  };
}

function healthOf({ health, exit, declared }: WorkerHandle, mask: Mask) {
  if (exit !== null || declared === undefined) return { healthy: false };
  const { healthy, problem, version } = health;
  return { healthy, ...defined({ problem: problem && mask.text(problem), version }) };
}

/** What a swap has left is shown until it is gone. */
function leftoversOf({ leftovers, current }: Supervisor): string[] {
  const lasting = leftovers.filter(({ generation }) => generation === undefined);
  return [
    ...lasting.map(({ what }) => what),
    ...current.slots.flatMap(({ worker }) => worker.health.running ?? []),
  ];
}
