/** How much memory this process and its children may still take. */

import { readFileSync } from "node:fs";
import { orUndefined } from "../contract/checks.ts";

/** Bytes: the least of what the cgroup (v2) and the machine have left; Infinity if neither says. */
export function availableMemoryBytes(): number {
  return Math.min(leftInCgroup(), leftOnMachine());
}

function leftInCgroup(): number {
  const path = /^0::(.*)$/m.exec(read("/proc/self/cgroup") ?? "")?.[1];
  if (path === undefined) return Number.POSITIVE_INFINITY;
  const folder = `/sys/fs/cgroup${path}`;
  const max = Number(read(`${folder}/memory.max`) ?? read("/sys/fs/cgroup/memory.max"));
  const current = Number(read(`${folder}/memory.current`) ?? read("/sys/fs/cgroup/memory.current"));
  if (!Number.isFinite(max) || !Number.isFinite(current)) return Number.POSITIVE_INFINITY;
  return Math.max(0, max - current);
}

function leftOnMachine(): number {
  const kib = /^MemAvailable:\s+(\d+) kB$/m.exec(read("/proc/meminfo") ?? "")?.[1];
  return kib === undefined ? Number.POSITIVE_INFINITY : Number(kib) * 1024;
}

const read = (path: string): string | undefined =>
  orUndefined(() => readFileSync(path, "utf8").trim());
