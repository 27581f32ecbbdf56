/** What two glances at the same system, a moment apart, come to. */
import type { Glance } from "./documents.ts";
import type { SlotStatus } from "./report.ts";

/** Null: nothing to compare with, or nobody counts. */
export interface Pace {
  /** Of one processor. */
  cpuPercent: number | null;
  requestsPerSecond: number | null;
}

export interface WatchedWorker {
  /** `main.0` */
  worker: string;
  slot: SlotStatus;
  pace: Pace;
}

/** Of each worker that runs now. */
export function watchedWorkers(before: Glance | undefined, now: Glance): WatchedWorker[] {
  const earlier = new Map(slotsOf(before).map(({ slot }) => [slot.pid, slot]));
  const ms = before === undefined ? 0 : Date.parse(now.at) - Date.parse(before.at);
  return slotsOf(now).map(({ worker, slot }) => ({
    ...{ worker, slot },
    pace: paceOf(ms > 0 ? earlier.get(slot.pid) : undefined, slot, ms),
  }));
}

/** A swap begins to count anew in the same process. */
function paceOf(before: SlotStatus | undefined, now: SlotStatus, ms: number): Pace {
  const grown = (of: (slot: SlotStatus) => number | undefined) => {
    const [was, is] = [before && of(before), of(now)];
    return was === undefined || is === undefined ? null : Math.max(0, is - was) / ms;
  };
  const [cpu, requests] = [grown(({ cpuMs }) => cpuMs), grown((slot) => slot.requests)];
  return {
    cpuPercent: cpu === null ? null : Math.round(cpu * 100),
    requestsPerSecond: requests === null ? null : Math.round(requests * 1000),
  };
}

function slotsOf(glance: Glance | undefined): { worker: string; slot: SlotStatus }[] {
  const status = glance?.status;
  if (status === undefined || !("processes" in status)) return [];
  return status.processes.flatMap(({ name, slots }) =>
    slots.map((slot, index) => ({ worker: `${name}.${index}`, slot })),
  );
}
