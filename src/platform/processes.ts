/**
 * Telling processes apart. A pid alone says nothing: it may be another process by now. A process
 * is `{ pid, startTime, bootId }`, as far as the platform can tell (Linux: all three).
 */

import { readFileSync } from "node:fs";
import { jsonIn, orUndefined } from "../contract/checks.ts";

export interface ProcessIdentity {
  pid: number;
  /** Clock ticks since boot when the process started (Linux), else null. */
  startTime: string | null;
  /** The kernel's id of this boot (Linux), else null. */
  bootId: string | null;
}

export function identityOf(pid: number): ProcessIdentity {
  return { pid, startTime: startTimeOf(pid), bootId: bootId() };
}

/** True when that very process still runs (a zombie does not). */
export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId() || !isRunning(identity.pid)) return false;
  if (identity.startTime === null) return true;
  return startTimeOf(identity.pid) === identity.startTime;
}

/** Of identities, one a line, those that still run. What is no identity is left out. */
export function livingOf(lines: string): ProcessIdentity[] {
  return lines
    .split("\n")
    .map((line) => jsonIn<ProcessIdentity>(line))
    .filter((found): found is ProcessIdentity => Number.isInteger(found?.pid) && isAlive(found!));
}

export function signalAll(identities: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const identity of identities) {
    // It may end at this moment, or be another user's.
    orUndefined(() => isAlive(identity) && process.kill(identity.pid, signal));
  }
}

/** Some process has that pid; for what only a guess hangs on. */
export function isRunning(pid: number): boolean {
  // 0 and less are groups of processes, ours among them.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function startTimeOf(pid: number): string | null {
  const fields = statOf(pid);
  return fields[0] === "Z" || fields[0] === "X" ? "gone" : (fields[19] ?? null);
}

const read = (path: string): string => orUndefined(() => readFileSync(path, "utf8")) ?? "";

/** From its state on; nothing where it is gone, or this is no Linux. */
function statOf(pid: number): string[] {
  // The name in parentheses may hold spaces and parentheses: what follows the last one counts.
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** Linux counts in hundredths of a second, whatever the kernel's clock. */
const TICK_MS = 10;

/** Processor time that it has taken, 0 where it cannot be told. */
export function cpuMsOf(pid: number): number {
  const { 11: user = 0, 12: system = 0 } = statOf(pid);
  return (Number(user) + Number(system)) * TICK_MS;
}

const bootId = (): string | null => read("/proc/sys/kernel/random/boot_id").trim() || null;

/** Resident memory in bytes, 0 where it cannot be told. */
export function rssBytesOf(pid: number): number {
  // In KiB, unlike statm: a page has 4, 16 or 64 of them.
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return Number(kib ?? 0) * 1024;
}
