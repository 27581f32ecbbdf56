/** Memory and descriptors of the supervisor and the worker, read between operations. */
import { readdirSync } from "node:fs";
import { rssBytesOf } from "../../../src/platform/processes.ts";
import type { Installed } from "../installed.ts";

export interface Reading {
  atMs: number;
  supervisorRss: number;
  supervisorDescriptors: number;
  workerRss: number;
  workerHeap: number;
  workerDescriptors: number;
}

export type Quantity = Exclude<keyof Reading, "atMs">;

export async function read(host: Installed, atMs: number): Promise<Reading> {
  const { supervisorPid } = host;
  const used = await host.host.must("rpc", "[process.pid, process.memoryUsage().heapUsed].join()");
  const [pid = 0, heap = 0] = used.stdout
    .replace(/[^\d,]/g, "")
    .split(",")
    .map(Number);
  return {
    atMs,
    supervisorRss: rssBytesOf(supervisorPid),
    supervisorDescriptors: descriptors(supervisorPid),
    workerRss: rssBytesOf(pid),
    workerHeap: heap,
    workerDescriptors: descriptors(pid),
  };
}

const descriptors = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

export interface Course {
  quantity: Quantity;
  early: number;
  late: number;
  flat: boolean;
}

/** Nothing grows by more than this, nor by less than what one look differs from the next. */
const GROWTH_BORNE = 1.25;
const SLACK: Record<Quantity, number> = {
  supervisorRss: 8e6,
  supervisorDescriptors: 4,
  workerRss: 25e6,
  workerHeap: 5e6,
  workerDescriptors: 10,
};

/**
 * An early window of the run beside the last one. Of each the least value counts: memory falls with
 * a natural collection, descriptors between two bursts of connections.
 */
export function courses(readings: readonly Reading[], wholeMs: number): Course[] {
  const least = (quantity: Quantity, from: number, to: number) =>
    Math.min(
      ...readings
        .filter(({ atMs }) => atMs >= from * wholeMs && atMs <= to * wholeMs)
        .map((reading) => reading[quantity]),
    );
  return (Object.keys(SLACK) as Quantity[]).map((quantity) => {
    const early = least(quantity, 0.05, 0.3);
    const late = least(quantity, 0.75, 1);
    return { quantity, early, late, flat: late <= early * GROWTH_BORNE + SLACK[quantity] };
  });
}

export function formatCourse({ quantity, early, late, flat }: Course): string[] {
  const text = (value: number) =>
    quantity.endsWith("Descriptors") ? String(value) : `${(value / 1e6).toFixed(1)} MB`;
  const words = quantity.replace(/([A-Z])/g, " $1").toLowerCase();
  return [words, text(early), text(late), flat ? "flat" : "GROWS"];
}
