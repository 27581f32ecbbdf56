/**
 * The release handler: the one writer of `releases/`. It knows what lies on this host and moves
 * releases through their states (release/status.ts); it starts and stops nothing. A running
 * supervisor uses it; otherwise the control program that holds the lock.
 */

import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { jsonIn } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { isoNow } from "../platform/clock.ts";
import { appendDurably, ensureFolder, exists, readIfThere } from "../platform/files.ts";
import { takingTurns } from "../platform/turns.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import type { Layout, PermanentPointer } from "../release/layout.ts";
import type { Manifest } from "../release/manifest.ts";
import {
  nextStatus,
  type ReleaseEntry,
  type ReleaseList,
  rollbackTargetOf,
  type StatusEvent,
} from "../release/status.ts";
import {
  inTurn,
  notFound,
  readManifest,
  readPermanent,
  readReleaseList,
  releaseFolders,
  settleReleaseList,
  writePermanent,
  writeReleaseList,
} from "./releaseList.ts";
import { finishRemovals, pruneCandidates, removeFiles, sweepUnreferenced } from "./remove.ts";
import type { Progress } from "./stage.ts";
import type { Unpacked, UnpackRequest } from "./unpack.ts";
import { checkSignature, firstDifference, firstStranger } from "./verify.ts";

export type { Progress, Unpacked, UnpackRequest };

export interface ReleaseHandler {
  list(): Promise<ReleaseList>;
  permanent(): Promise<PermanentPointer | undefined>;
  /** @throws TSUGI_RELEASE_NOT_FOUND */
  manifest(version: string): Promise<Manifest>;
  /** @throws TSUGI_RELEASE_NOT_FOUND */
  entry(version: string): Promise<ReleaseEntry>;
  unpack(request: UnpackRequest, onProgress?: (progress: Progress) => void): Promise<Unpacked>;
  /** The manifest of a release that may not be unpacked yet; nothing is written. */
  peek(request: UnpackRequest): Promise<Manifest>;
  /** Holds every file against the manifest, once; with `again`, also one that was verified before. */
  verify(version: string, again?: boolean): Promise<void>;
  /** unpacked | old → current. Another current release falls back. */
  install(version: string): Promise<void>;
  /** current → what it was before; anything else stays as it is. */
  fallBack(version: string): Promise<void>;
  /**
   * → permanent: the commit point. Also the first one of a root, which nobody installed. Once
   * `permanent` names it, it is committed; resolves with what could not be written besides.
   * With `rollback`, the one that was permanent is no target of a rollback any more.
   */
  commit(version: string, how?: { rollback: boolean }): Promise<unknown>;
  /** The release that was permanent before. @throws TSUGI_NOTHING_TO_ROLL_BACK_TO */
  rollbackTarget(): Promise<string>;
  /** `inUse`: versions that a running process still uses. */
  remove(version: string, inUse?: readonly string[]): Promise<void>;
  prune(keep: number, inUse: readonly string[]): Promise<string[]>;
  appendReport(report: UpgradeReport): Promise<void>;
  reports(): Promise<UpgradeReport[]>;
  /** After a crash: RELEASES.json agrees with `permanent` again, and half-done work is swept away. */
  recover(runningVersion?: string): Promise<void>;
}

export function createReleaseHandler(layout: Layout): ReleaseHandler {
  // Two unpacks of one release would be in each other's way, and a removal sweeps what an unpack has just placed.
  const filesInTurn = takingTurns();
  return {
    list: async () => readReleaseList(layout),
    permanent: () => readPermanent(layout),
    manifest: async (version) => (await readManifest(layout, version)).manifest,
    entry: async (version) => entryIn(layout, await readReleaseList(layout), version),
    unpack: (request, onProgress) =>
      filesInTurn(async () => {
        const { unpack } = await import("./unpack.ts");
        const unpacked = await unpack(layout, request, onProgress);
        if (!unpacked.already) await markVerified(layout, unpacked);
        return unpacked;
      }),
    peek: async (request) => (await import("./unpack.ts")).peek(layout, request),
    verify: (version, again) => verify(layout, version, again === true),
    install: (version) => inTurn(() => install(layout, version)),
    fallBack: (version) => inTurn(() => fallBack(layout, version)),
    commit: (version, how) => inTurn(() => commit(layout, version, how?.rollback === true)),
    rollbackTarget: async () => {
      const list = await readReleaseList(layout);
      const target = rollbackTargetOf(list.releases);
      if (target !== undefined) return target.version;
      const version = (await readPermanent(layout))?.version ?? "none";
      throw new TsugiError("TSUGI_NOTHING_TO_ROLL_BACK_TO", { version, bin: layout.bin });
    },
    remove: (version, inUse = []) => filesInTurn(() => remove(layout, version, inUse)),
    prune: (keep, inUse) =>
      filesInTurn(async () => {
        await finishRemovals(layout);
        const list = await readReleaseList(layout);
        const removed: string[] = [];
        for (const { version } of pruneCandidates(list, keep, inUse)) {
          await remove(layout, version, inUse);
          removed.push(version);
        }
        return removed;
      }),
    appendReport: async (report) => {
      await ensureFolder(layout.log);
      await appendDurably("report", layout.upgradesLog, `${JSON.stringify(report)}\n`);
    },
    reports: () => readReports(layout),
    recover: (runningVersion) => recover(layout, runningVersion),
  };
}

/** At most one upgrade at a time: what is still written as current was given up. */
async function install(layout: Layout, version: string): Promise<void> {
  const list = await readReleaseList(layout, null);
  await writeReleaseList(layout, applied(layout, list, version, "install", "installed"));
}

function entryIn(layout: Layout, list: ReleaseList, version: string): ReleaseEntry {
  const entry = list.releases.find((candidate) => candidate.version === version);
  if (entry === undefined) throw notFound(layout, version, "it is not unpacked");
  return entry;
}

function applied(
  layout: Layout,
  list: ReleaseList,
  version: string,
  event: StatusEvent,
  wanted: string,
): ReleaseList {
  const entry = entryIn(layout, list, version);
  const status = nextStatus(entry.status, event);
  if (status === undefined || status === "absent") {
    throw refused(layout, entry, wanted);
  }
  const since = isoNow();
  const releases = list.releases.map((other): ReleaseEntry => {
    if (other === entry) return { ...entry, status, since };
    if (event === "install" && other.status === "current") return fallenBack(other, since);
    return other;
  });
  return { ...list, releases };
}

const fallenBack = (entry: ReleaseEntry, since: string): ReleaseEntry => ({
  ...entry,
  status: entry.committed === undefined ? "unpacked" : "old",
  since,
});

function refused(layout: Layout, entry: ReleaseEntry, wanted: string): TsugiError {
  const { version, status } = entry;
  return new TsugiError("TSUGI_STATUS_REFUSED", { version, status, wanted, bin: layout.bin });
}

async function fallBack(layout: Layout, version: string): Promise<void> {
  const list = await readReleaseList(layout);
  const entry = entryIn(layout, list, version);
  if (entry.status !== "current") return;
  const since = isoNow();
  const releases = list.releases.map((other) =>
    other === entry ? fallenBack(entry, since) : other,
  );
  await writeReleaseList(layout, { ...list, releases });
}

async function commit(layout: Layout, version: string, rollback: boolean): Promise<unknown> {
  const { manifest, releaseId } = await readManifest(layout, version);
  const previous = await readPermanent(layout);
  const entry = entryIn(layout, await readReleaseList(layout), version);
  const isFirst = previous === undefined;
  if (entry.status !== "permanent" && entry.status !== "current" && !isFirst) {
    throw refused(layout, entry, "committed");
  }
  try {
    await writePermanent(layout, manifest, releaseId);
    // `permanent` is the truth now; reading reconciles RELEASES.json to it.
    const list = await readReleaseList(layout);
    await writeReleaseList(layout, rollback ? withRolledBack(list, previous?.version) : list);
    return undefined;
  } catch (error) {
    const pointer = await readPermanent(layout);
    if (pointer?.version === version && pointer.releaseId === releaseId) return error;
    throw error;
  }
}

const withRolledBack = (list: ReleaseList, version: string | undefined): ReleaseList => ({
  ...list,
  releases: list.releases.map((entry) =>
    entry.version === version && entry.status === "old" ? { ...entry, rolledBack: true } : entry,
  ),
});

async function remove(layout: Layout, version: string, inUse: readonly string[]): Promise<void> {
  const list = await readReleaseList(layout);
  const entry = entryIn(layout, list, version);
  if (nextStatus(entry.status, "remove") !== "absent") throw refused(layout, entry, "removed");
  if (inUse.includes(version)) {
    throw refused(layout, { ...entry, status: "current" }, "removed: a process still uses it");
  }
  // Never started, so not permanent yet; bin/<app> itself is run from it.
  if (list.releases.length === 1) throw refused(layout, entry, "removed: no other one is here");
  await rm(layout.release(version).tarball, { force: true });
  await removeFiles(layout, version);
}

async function verify(layout: Layout, version: string, again: boolean): Promise<void> {
  const list = await readReleaseList(layout);
  const entry = entryIn(layout, list, version);
  const { manifest, bytes, releaseId } = await readManifest(layout, version);
  const damaged = (problem: string) =>
    new TsugiError("TSUGI_RELEASE_DAMAGED", { version, problem, bin: layout.bin });
  // Each time: putting a file there changes none that was verified.
  if (await exists(layout.trustedKeys)) {
    const stranger = await firstStranger(layout.root, manifest);
    if (stranger !== undefined) throw damaged(`${stranger} is not among what was signed`);
  }
  // Another build of the same version, extracted over it, was verified by nobody.
  if (entry.verified && entry.releaseId === releaseId && !again) return;
  const signature = await readIfThere(layout.release(version).signature);
  await checkSignature(layout, { manifest, manifestBytes: bytes, signature });
  const difference = await firstDifference(layout.root, manifest.files);
  if (difference !== undefined) {
    throw damaged(`${difference.path}: ${difference.problem}`);
  }
  const { shareRuntime } = await import("./sharedRuntime.ts");
  await shareRuntime(layout, manifest).catch(() => {}); // what it has of its own serves as well
  await markVerified(layout, { version, releaseId });
}

const markVerified = (
  layout: Layout,
  { version, releaseId }: { version: string; releaseId: string },
): Promise<void> =>
  inTurn(async () => {
    const list = await readReleaseList(layout);
    const releases = list.releases.map((entry) =>
      entry.version === version ? { ...entry, releaseId, verified: true } : entry,
    );
    await writeReleaseList(layout, { ...list, releases });
  });

async function readReports(layout: Layout): Promise<UpgradeReport[]> {
  const text = (await readIfThere(layout.upgradesLog)) ?? "";
  // The last line of a crash may be torn.
  return text.split("\n").flatMap((line) => jsonIn<UpgradeReport>(line) ?? []);
}

async function recover(layout: Layout, runningVersion: string | undefined): Promise<void> {
  await settleReleaseList(layout, runningVersion ?? null);
  await sweepTemporary(layout);
  await finishRemovals(layout);
  const half = await readdir(layout.staging).catch(() => []);
  if (half.length === 0) return;
  await rm(layout.staging, { recursive: true, force: true });
  await sweepUnreferenced(layout);
}

/** `<name>.<pid>.tmp` of a durable write that was cut off, here or in the folder of a release. */
async function sweepTemporary(layout: Layout): Promise<void> {
  const folders = (await releaseFolders(layout)).map((version) => layout.release(version).dir);
  for (const folder of [layout.releases, ...folders]) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (/\.\d+\.tmp$/.test(name)) await rm(join(folder, name), { force: true });
    }
  }
}
