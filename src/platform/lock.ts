/**
 * One writer per install root. Node has no flock, so the lock is a file created exclusively that
 * says whose it is; a lock whose owner is gone (pid, start time, boot) is seen through.
 *
 * Two processes may find the same stale lock. If each simply removed it, the slower one could
 * remove the lock that the faster one has just taken. So a stale lock is only removed under a
 * second lock, `<path>.break`, after looking again; that one is taken by the same rules.
 *
 *   there is no file        try to link one's own: the first link wins
 *   its owner lives         not taken
 *   its owner is gone       nobody can link over it, so that under `.break` it is still the same file
 *                           when it is removed. A file that is not there must not be "removed": by
 *                           then it may be there, and whoever has linked it holds the lock.
 */
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { identityOf, isAlive, type ProcessIdentity } from "./processes.ts";

export type LockOutcome =
  | { taken: true; unlock: () => Promise<void> }
  | { taken: false; owner: ProcessIdentity };

const BREAKER_POLL_MS = 5;
const TURN_POLL_MS = 50;

let attempts = 0;

/**
 * Takes the lock or tells who holds it.
 * The file appears whole: it is written under its own name and linked into place.
 */
export async function takeLock(path: string): Promise<LockOutcome> {
  attempts += 1;
  const own = `${path}.${process.pid}.${attempts}`;
  try {
    await writeFile(own, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
    for (;;) {
      if (await linkExclusively(own, path)) {
        return { taken: true, unlock: () => rm(path, { force: true }) };
      }
      const owner = await ownerOf(path);
      if (owner === "absent") continue;
      if (owner !== "gone") return { taken: false, owner };
      await removeStale(path);
    }
  } finally {
    await rm(own, { force: true });
  }
}

/** For those who take turns: waits until whoever holds it has released it, or is gone. */
export async function waitForLock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    const lock = await takeLock(path);
    if (lock.taken) return lock.unlock;
    await delay(TURN_POLL_MS);
  }
}

/**
 * For a lock whose owner will agree: a supervisor takes it over from its predecessor. What is left
 * to be done then needs no room on the disk.
 */
export async function prepareToSeize(path: string): Promise<() => Promise<void>> {
  const own = `${path}.${process.pid}`;
  await writeFile(own, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
  return () => rename(own, path);
}

/** Who holds the lock now, if a living process does. */
export async function lockOwner(path: string): Promise<ProcessIdentity | undefined> {
  const owner = await ownerOf(path).catch(() => "gone" as const);
  return typeof owner === "string" ? undefined : owner;
}

async function linkExclusively(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const breaker = await takeLock(`${path}.break`);
  if (!breaker.taken) {
    await delay(BREAKER_POLL_MS);
    return;
  }
  try {
    if ((await ownerOf(path)) === "gone") await rm(path, { force: true });
  } finally {
    await breaker.unlock();
  }
}

/** `gone`: also of a file that can't be understood. */
async function ownerOf(path: string): Promise<ProcessIdentity | "absent" | "gone"> {
  try {
    const owner = JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
    return isAlive(owner) ? owner : "gone";
  } catch (error) {
    if (error instanceof SyntaxError) return "gone";
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "absent";
    throw error;
  }
}
