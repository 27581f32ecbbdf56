/** What `status` tells of the system that runs. */
import { versions } from "node:process";
import { readHostSettings } from "../../handler/settings.ts";
import { cpuMsOf, rssBytesOf } from "../../platform/processes.ts";
import type { StatusReport } from "../../protocol/report.ts";
import { factsOf } from "./facts.ts";
import { checkWorkers } from "./health.ts";
import type { Supervisor } from "./supervisor.ts";
import { whyNoSwap } from "./swapRefusal.ts";
import type { Upgrades } from "./upgrades.ts";

/** It must answer also when a worker is stuck. */
const STATUS_HEALTH_MS = 1_000;

export async function statusOf(
  supervisor: Supervisor,
  upgrades: Upgrades,
  measure = false,
): Promise<StatusReport> {
  const { current, parts } = supervisor;
  const host = await readHostSettings(parts.layout, current.version).catch(() => null);
  await checkWorkers(current, STATUS_HEALTH_MS, measure);
  const refusal = current.plan.manifest.accepts ? whyNoSwap(supervisor) : undefined;
  const processes = new Map<string, StatusReport["processes"][number]>();
  const facts = factsOf(current);
  for (const slot of current.slots) {
    const { worker, restarts } = slot;
    const { name } = slot.process;
    const crash = supervisor.crashOf(slot);
    const declares = facts[name];
    const entry = processes.get(name) ?? { name, slots: [], ...(declares ? { declares } : {}) };
    processes.set(name, entry);
    entry.slots.push({
      pid: worker.pid,
      generation: worker.boot.generation,
      node: current.plan.manifest.runtime.version,
      restarts,
      rssBytes: rssBytesOf(worker.pid),
      cpuMs: cpuMsOf(worker.pid),
      ...(measure ? worker.measured : {}),
      healthy: worker.healthy && worker.exit === null && worker.declared !== undefined,
      ...(crash === undefined ? {} : { crash }),
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
    ...(supervisor.retiring ? { retiring: supervisor.retiring } : {}),
    leftovers: leftoversOf(supervisor),
    pending: current.slots.flatMap(({ worker }) => worker.pending),
    logDropped: parts.log.dropped,
    ...(parts.log.problem === undefined ? {} : { logProblem: parts.log.problem }),
    supervisorNode: versions.node,
    ...(refusal === undefined ? {} : { refusesSwap: refusal }),
  };
}

/** What a swap has left is shown until it is gone. */
function leftoversOf({ leftovers, current }: Supervisor): string[] {
  const lasting = leftovers.filter(({ generation }) => generation === undefined);
  return [
    ...lasting.map(({ what }) => what),
    ...current.slots.flatMap(({ worker }) => worker.leaks),
  ];
}
