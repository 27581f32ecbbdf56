/**
 * One after the other, also where several machines share the disk: a lock is a file that is created only
 * where there is none, and says who holds it.
 *
 * Whoever holds it does a moment's work. It is seen through when its process is gone, as far as that can
 * be told (this boot, these pids), or when it is older than a moment. A process that stood still for so
 * long finds out before it writes anything. That a lock is left behind is found by several at once; one of
 * them creates the right to remove it, anew each minute, and looks again before it does.
 */
import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { TsugiError } from "../contract/errors.ts";
import { stopwatch } from "../platform/clock.ts";
import { identityOf, isAlive, type ProcessIdentity } from "../platform/processes.ts";
import { sha256 } from "../release/manifest.ts";
import { OWN, type StoreFiles } from "./files.ts";

const HELD_MS = 60_000;
const POLL_MS = 50;

/** Asked before each write. @throws TSUGI_STORE_FAILED where others go on by now */
export type StillOurs = () => Promise<void>;

export async function inTurn<T>(
  files: StoreFiles,
  body: (stillOurs: StillOurs) => Promise<T>,
): Promise<T> {
  const own = JSON.stringify(holder());
  const bytes = Buffer.from(own);
  while (!(await files.create({ path: OWN.lock, bytes }))) {
    if (!(await removeIfLeft(files))) await delay(POLL_MS);
  }
  const heldMs = stopwatch();
  const isOurs = async () => heldMs() < HELD_MS / 2 || (await textOfLock(files)) === own;
  try {
    return await body(async () => {
      if (await isOurs()) return;
      const problem = "this took so long that others have gone on; do it again";
      throw new TsugiError("TSUGI_STORE_FAILED", { store: files.where, problem });
    });
  } finally {
    // Where that can't be done any more, it is seen through in a moment.
    if (await isOurs().catch(() => false)) await files.remove([OWN.lock]).catch(() => {});
  }
}

interface Holder extends ProcessIdentity {
  /** Pids mean something in here only. */
  pids: string | null;
  id: string;
}

const holder = (): Holder => ({
  ...identityOf(process.pid),
  pids: pidNamespace(),
  id: randomBytes(8).toString("hex"),
});

function pidNamespace(): string | null {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return null;
  }
}

/** @returns whether it is worth trying at once */
async function removeIfLeft(files: StoreFiles): Promise<boolean> {
  const text = await textOfLock(files);
  if (text === undefined) return true;
  const ageMs = await ageOfLock(files);
  if (ageMs < HELD_MS && !isGone(text)) return false;
  const right = `${sha256(text).slice(0, 16)}-${Math.floor(ageMs / HELD_MS)}`;
  const path = `${OWN.temporary}/left-${right}`;
  if (!(await files.create({ path, bytes: Buffer.from("\n") }))) return false;
  if ((await textOfLock(files)) === text) await files.remove([OWN.lock]);
  return true;
}

async function ageOfLock(files: StoreFiles): Promise<number> {
  const [lock] = (await files.list(OWN.folder)).filter(({ name }) => OWN.lock.endsWith(name));
  return lock === undefined ? 0 : (await files.nowMs()) - lock.changedMs;
}

async function textOfLock(files: StoreFiles): Promise<string | undefined> {
  const [bytes] = await files.read([OWN.lock]);
  return bytes?.toString("utf8");
}

/** Only of a process that would be seen if it were there. */
function isGone(text: string): boolean {
  try {
    const { pids, ...owner } = JSON.parse(text) as Holder;
    const isHere = owner.bootId === identityOf(process.pid).bootId && pids === pidNamespace();
    return isHere && owner.bootId !== null && !isAlive(owner);
  } catch {
    return false;
  }
}
