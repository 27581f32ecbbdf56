/**
 * Is the system running? The pid file alone says nothing: it may be stale, and its pid may be
 * another process by now. A supervisor holds `run/lock`, which tells it apart from any other
 * process that ever had its pid.
 */

import { existsSync, readFileSync } from "node:fs";
import { readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import { orUndefined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { lockOwner } from "../platform/lock.ts";
import { isAlive, livingOf, type ProcessIdentity, signalAll } from "../platform/processes.ts";
import { supervisorsOf } from "../platform/processTable.ts";
import { until } from "../platform/waiting.ts";
import { controlSocketOf, type Layout } from "../release/layout.ts";
import { isListening } from "./controlSocket.ts";

/** The running supervisor, or undefined. */
export async function findSupervisor(layout: Layout): Promise<ProcessIdentity | undefined> {
  const [owner, pid] = await Promise.all([lockOwner(layout.lock), readPid(layout)]);
  if (owner === undefined) return (await findElsewhere(layout, pid)) ?? findLost(layout);
  // A control program that is writing holds the lock too: it has no pid file, and no socket. Whose pid file
  // somebody has removed is known by the socket: it runs, and what it supervises is no leftover.
  const isKnown = pid === undefined ? await listens(layout, owner.pid) : owner.pid === pid;
  return isKnown ? owner : undefined;
}

/**
 * In another container that has the same volume its pid says nothing here, and may be another process; its
 * socket answers all the same. A second supervisor beside it would take `run/` from it, and its releases.
 */
async function findElsewhere(layout: Layout, pid: number | undefined) {
  if (pid === undefined || !(await isListening(layout))) return undefined;
  return { pid, startTime: null, bootId: ELSEWHERE };
}

/** No process that is known here is that one: it is asked, and never signalled. */
const ELSEWHERE = "another pid namespace";
const RESTORE_MS = 2_000;

/** Somebody has cleared `run/` away under a supervisor: it makes it anew when it is told. */
async function findLost(layout: Layout): Promise<ProcessIdentity | undefined> {
  const lost = supervisorsOf(layout.root);
  if (lost.length === 0) return undefined;
  signalAll(lost, "SIGHUP");
  const isBack = ({ pid }: ProcessIdentity) => existsSync(join(layout.run, controlSocketOf(pid)));
  await until(() => !lost.some(isAlive) || lost.some(isBack), RESTORE_MS);
  return lost.find(isBack) ?? lost.find(isAlive);
}

const listens = async ({ controlSocket }: Layout, pid: number): Promise<boolean> =>
  (await readlink(controlSocket).catch(() => "")) === controlSocketOf(pid);

/** The pid of a supervisor that ended without a word: whoever is stopped, or gives up, removes its pid file. */
export async function killedPid(layout: Layout): Promise<number | undefined> {
  const [owner, pid] = await Promise.all([lockOwner(layout.lock), readPid(layout)]);
  return owner === undefined ? pid : undefined;
}

/** @throws TSUGI_NOT_RUNNING */
export async function requireSupervisor(layout: Layout): Promise<ProcessIdentity> {
  const supervisor = await findSupervisor(layout);
  if (supervisor === undefined) throw notRunning(layout);
  return supervisor;
}

export function notRunning({ name, root, bin }: Layout): TsugiError {
  return new TsugiError("TSUGI_NOT_RUNNING", { name, root, bin });
}

export const supervisorDied = ({ bin }: Layout, pid: number): TsugiError =>
  new TsugiError("TSUGI_SUPERVISOR_DIED", { pid, bin });

async function readPid(layout: Layout): Promise<number | undefined> {
  const text = await readFile(layout.pid, "utf8").catch((error: NodeJS.ErrnoException) => {
    // Whoever may not look does not know whether it runs.
    if (error.code === "EACCES") throw error;
    return "";
  });
  return /^\d+\s*$/.test(text) ? Number(text) : undefined;
}

/** The workers that `run/workers` names and that are still those very processes. */
export const liveWorkers = (layout: Layout): ProcessIdentity[] =>
  livingOf(orUndefined(() => readFileSync(layout.workers, "utf8")) ?? "");

/** @returns true when all are gone in time */
export async function waitGone(
  identities: readonly ProcessIdentity[],
  timeoutMs: number,
): Promise<boolean> {
  return until(() => !identities.some(isAlive), timeoutMs);
}

/** SIGTERM, and SIGKILL for what is still there after `graceMs`. */
export async function endProcesses(
  identities: readonly ProcessIdentity[],
  graceMs: number,
): Promise<void> {
  signalAll(identities, "SIGTERM");
  if (await waitGone(identities, graceMs)) return;
  signalAll(identities, "SIGKILL");
  await waitGone(identities, graceMs);
}
