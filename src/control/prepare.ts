/**
 * What has to be true before a supervisor is spawned, for `start` and `foreground` alike: nothing
 * runs, what a crash left is cleared away, the permanent release is whole, `etc/` is readable.
 */
import { chmod, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { TsugiError } from "../contract/errors.ts";
import type { ReleaseHandler } from "../handler/index.ts";
import { ensureFolder } from "../platform/files.ts";
import { takeLock } from "../platform/lock.ts";
import { identify, workerProcessesOf } from "../platform/processTable.ts";
import type { RuntimeSettings } from "../protocol/settings.ts";
import type { Layout, PermanentPointer } from "../release/layout.ts";
import type { Context } from "./context.ts";
import { refuseIfExposed } from "./exposed.ts";
import { note, warnOnce } from "./output.ts";
import { endProcesses, findSupervisor, liveWorkers } from "./running.ts";
import { waitStopped } from "./stopping.ts";

export interface Boot {
  pointer: PermanentPointer;
  settings: RuntimeSettings;
}

export interface StartWish {
  /** Runs when it is certain that nothing runs. */
  before?: (() => void) | undefined;
  /** Another release than the permanent one. */
  version?: string | undefined;
  /** What was permanent is not to be gone back to by itself. */
  rollback?: boolean;
}

/** One that was killed half-way leaves its lock; it is seen through. */
const TURN_POLL_MS = 50;
const TURN_WAIT_MS = 120_000;
const LEFTOVER_GRACE_MS = 5_000;

/**
 * Runs `body` while no other `start` can run. `run/lock` itself is held for the preparation only,
 * and free when the body spawns the supervisor, which takes it for its whole life.
 */
export async function whileStarting<T>(
  context: Context,
  body: (boot: Boot) => Promise<T>,
  { before, version, rollback = false }: StartWish = {},
): Promise<T> {
  const { layout } = context;
  await refuseIfExposed(layout);
  for (const folder of [layout.etc, layout.data]) await ensureFolder(folder);
  await ensureFolder(layout.log, 0o750);
  await ensureFolder(layout.run, 0o700);
  await chmod(layout.run, 0o700);
  return inTurn(layout, async () => {
    await refuseIfRunning(context);
    const { refuseBadEnv } = await import("../handler/settings.ts");
    await refuseBadEnv(layout);
    before?.();
    if (version === undefined) return body(await prepare(context));
    return bodyWith(context, { version, rollback }, body);
  });
}

/** The other release is what a boot starts from now on, unless this one fails. */
async function bodyWith<T>(
  context: Context,
  { version, rollback }: { version: string; rollback: boolean },
  body: (boot: Boot) => Promise<T>,
): Promise<T> {
  const before = await (await context.handler()).permanent();
  await withLock(context, async (handler) => {
    await endLeftovers(context.layout);
    await handler.recover();
    await handler.entry(version);
    await handler.verify(version);
    await makePermanent(handler, version, rollback);
  });
  try {
    return await body(await prepare(context));
  } catch (error) {
    if (before !== undefined) {
      await inSpiteOf(() =>
        withLock(context, (handler) => makePermanent(handler, before.version, true)),
      );
    }
    throw error;
  }
}

async function makePermanent(handler: ReleaseHandler, version: string, rollback: boolean) {
  await handler.install(version);
  await handler.commit(version, { rollback });
}

/** A supervisor that has failed holds the lock for a moment longer. */
async function inSpiteOf(write: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + LEFTOVER_GRACE_MS;
  for (;;) {
    try {
      return await write();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(TURN_POLL_MS);
    }
  }
}

/** One after the other: starts, and whoever writes while nothing runs. */
export async function inTurn<T>(layout: Layout, body: () => Promise<T>): Promise<T> {
  await ensureFolder(layout.run, 0o700);
  const release = await takeTurn(layout);
  try {
    return await body();
  } finally {
    await release();
  }
}

async function takeTurn(layout: Layout): Promise<() => Promise<void>> {
  const deadline = performance.now() + TURN_WAIT_MS;
  for (let waited = false; ; waited = true) {
    const lock = await takeLock(`${layout.lock}.start`);
    if (lock.taken) return lock.unlock;
    if (performance.now() > deadline) throw busy(layout, lock.owner.pid);
    if (!waited) note(`Waiting for pid ${lock.owner.pid}, which starts the system or writes here.`);
    await delay(TURN_POLL_MS);
  }
}

async function refuseIfRunning(context: Context): Promise<void> {
  const { layout } = context;
  const supervisor = await findSupervisor(layout);
  if (supervisor === undefined || (await waitStopped(context, supervisor))) return;
  const { name, bin } = layout;
  const list = await (await context.handler()).list();
  const running =
    list.releases.find((entry) => entry.status === "current") ??
    list.releases.find((entry) => entry.status === "permanent");
  const details = { name, version: running?.version ?? "", pid: supervisor.pid, bin };
  throw new TsugiError("TSUGI_ALREADY_RUNNING", details);
}

async function prepare(context: Context): Promise<Boot> {
  return withLock(context, async (handler) => {
    await endLeftovers(context.layout);
    await handler.recover();
    const pointer = await permanentRelease(context.layout, handler);
    const { readHostSettings } = await import("../handler/settings.ts");
    const { settings, unknown } = await readHostSettings(context.layout, pointer.version);
    warnOnce(unknown);
    return { pointer, settings };
  });
}

/**
 * Before a second release is put beside one that was never started, that one is made what a start
 * boots: afterwards nobody could tell.
 */
export async function settlePermanent({ layout }: Context, handler: ReleaseHandler): Promise<void> {
  if ((await handler.permanent()) !== undefined) return;
  if ((await handler.list()).releases.length !== 1) return;
  await permanentRelease(layout, handler);
}

/** Runs `body` as the one writer of the root. @throws TSUGI_BUSY */
export async function withLock<T>(
  context: Context,
  body: (handler: ReleaseHandler) => Promise<T>,
): Promise<T> {
  const { layout } = context;
  await ensureFolder(layout.run, 0o700);
  const lock = await takeLock(layout.lock);
  if (!lock.taken) throw busy(layout, lock.owner.pid);
  try {
    return await body(await context.handler());
  } finally {
    await lock.unlock();
  }
}

function busy({ root, bin }: Layout, pid: number): TsugiError {
  return new TsugiError("TSUGI_BUSY", { root, pid, bin });
}

/** A supervisor that was killed outright leaves workers behind: they would hold the port. */
export async function endLeftovers(layout: Layout): Promise<number> {
  const workers = liveWorkers(layout);
  if (workers.length > 0) {
    note(`Ending what a killed supervisor left: pid ${workers.map(({ pid }) => pid).join(", ")}`);
    await endProcesses(workers, LEFTOVER_GRACE_MS);
  }
  const left = workerProcessesOf(layout.root);
  if (left.length > 0) {
    const names = left.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ");
    note(`Ending what its workers have started: ${names}`);
    await endProcesses(left.map(identify), LEFTOVER_GRACE_MS);
  }
  await Promise.all([layout.pid, layout.workers].map((path) => rm(path, { force: true })));
  return workers.length;
}

/** The permanent release, verified; on the first start after `tar x` the one that is there. */
async function permanentRelease(
  layout: Layout,
  handler: ReleaseHandler,
): Promise<PermanentPointer> {
  const pointer = await handler.permanent();
  const version = pointer?.version ?? (await onlyRelease(layout, handler));
  await refuseIfGone(layout, handler, version);
  await handler.verify(version);
  if (pointer !== undefined && (await handler.entry(version)).releaseId === pointer.releaseId) {
    return pointer;
  }
  if (pointer !== undefined) {
    const problem = "its manifest is not the one that was committed";
    throw new TsugiError("TSUGI_RELEASE_DAMAGED", { version, problem, bin: layout.bin });
  }
  await handler.commit(version);
  return (await handler.permanent())!;
}

async function refuseIfGone(layout: Layout, handler: ReleaseHandler, version: string) {
  const { releases } = await handler.list();
  if (releases.some((entry) => entry.version === version)) return;
  const { root, name } = layout;
  const problem = `releases/permanent names ${version}, which is not here`;
  throw new TsugiError("TSUGI_NO_PERMANENT", { root, name, problem });
}

async function onlyRelease(layout: Layout, handler: ReleaseHandler): Promise<string> {
  const { releases } = await handler.list();
  const [first, second] = releases;
  if (first !== undefined && second === undefined) return first.version;
  const { root, name } = layout;
  const versions = releases.map((entry) => entry.version).join(", ");
  const problem = first === undefined ? "releases/ is empty" : `none of ${versions} is permanent`;
  throw new TsugiError("TSUGI_NO_PERMANENT", { root, name, problem });
}
