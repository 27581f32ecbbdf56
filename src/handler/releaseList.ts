/**
 * `releases/permanent` and `releases/RELEASES.json`. The first is the truth (its rename is the
 * commit); the second says what else is known, and is reconciled to the first.
 */

import { readdir } from "node:fs/promises";
import { Check, type Expected, mismatch } from "../contract/checks.ts";
import { checkFormat, TsugiError } from "../contract/errors.ts";
import { isoNow } from "../platform/clock.ts";
import { exists, readIfThere, writeDurably } from "../platform/files.ts";
import { takingTurns } from "../platform/turns.ts";
import {
  formatPermanent,
  type Layout,
  type PermanentPointer,
  parsePermanent,
} from "../release/layout.ts";
import { type Manifest, parseManifest, releaseIdOf } from "../release/manifest.ts";
import { isVersionName } from "../release/names.ts";
import {
  isReleaseStatus,
  RELEASE_LIST_FORMAT,
  type ReleaseEntry,
  type ReleaseList,
  reconcile,
} from "../release/status.ts";

export async function readPermanent(layout: Layout): Promise<PermanentPointer | undefined> {
  return parsePermanent((await readIfThere(layout.permanent)) ?? "");
}

/** The commit point: after the rename inside, the next boot starts this release. */
export async function writePermanent(
  layout: Layout,
  manifest: Manifest,
  releaseId: string,
): Promise<void> {
  const pointer = {
    version: manifest.version,
    releaseId,
    runtimeDir: manifest.runtime.dir,
    tsugiDir: manifest.tsugi.dir,
  };
  await writeDurably("permanent", layout.permanent, formatPermanent(pointer));
}

/**
 * Whoever reads, changes and writes it does so in one turn: of an unpack that marks what it has verified
 * and a commit at the same time, one would undo what the other has written.
 */
export const inTurn = takingTurns();

export async function writeReleaseList(layout: Layout, list: ReleaseList): Promise<void> {
  await writeDurably("releases", layout.releaseList, `${JSON.stringify(list, null, 2)}\n`);
}

/** As it is true now, and as `readReleaseList` takes it. */
export const settleReleaseList = (layout: Layout, runningVersion?: string | null): Promise<void> =>
  inTurn(async () => writeReleaseList(layout, await readReleaseList(layout, runningVersion)));

/**
 * The list as it is true now: what is written, held against `permanent` and the folders that
 * are there. One that is missing or unreadable is made up from those two. A release that is
 * written as `current` stays so, unless the caller knows what runs (null: nothing).
 */
export async function readReleaseList(
  layout: Layout,
  runningVersion?: string | null,
): Promise<ReleaseList> {
  const [text, permanent, onDisk] = await Promise.all([
    readIfThere(layout.releaseList),
    readPermanent(layout),
    releasesOnDisk(layout),
  ]);
  const written = parseReleaseList(text, layout);
  const now = isoNow();
  const known = new Map(written.releases.map((entry) => [entry.version, entry]));
  const releases: ReleaseEntry[] = [];
  for (const version of onDisk) {
    releases.push(known.get(version) ?? (await entryOf(layout, version, now)));
  }
  releases.sort((a, b) => (a.since < b.since ? -1 : 1));
  const current = releases.find((entry) => entry.status === "current")?.version;
  const running = runningVersion === undefined ? current : (runningVersion ?? undefined);
  return reconcile({ ...written, releases }, permanent, running, now);
}

function parseReleaseList(text: string | undefined, layout: Layout): ReleaseList {
  const empty: ReleaseList = { format: RELEASE_LIST_FORMAT, name: layout.name, releases: [] };
  let json: Partial<ReleaseList> | null;
  try {
    json = JSON.parse(text ?? "null") as Partial<ReleaseList> | null;
  } catch {
    return empty;
  }
  if (json === null || typeof json !== "object" || !Array.isArray(json.releases)) return empty;
  checkFormat(json, RELEASE_LIST_FORMAT, layout.releaseList);
  return { ...(json as ReleaseList), releases: json.releases.filter((it) => !mismatch(it, ENTRY)) };
}

/** One that is not whole counts as not written: it is made up from what lies there. */
const ENTRY: Expected = {
  version: new Check("a version", isVersionName),
  releaseId: "a text",
  since: "a text",
  status: new Check("a status", isReleaseStatus),
  "committed?": "an integer",
};

async function releasesOnDisk(layout: Layout): Promise<string[]> {
  const versions: string[] = [];
  for (const version of await releaseFolders(layout)) {
    if (await exists(layout.release(version).manifest)) versions.push(version);
  }
  return versions;
}

/** A version each: of releases that are unpacked, half removed, or merely dropped there. */
export async function releaseFolders({ releases }: Layout): Promise<string[]> {
  const entries = await readdir(releases, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith("."))
    .map(({ name }) => name);
}

async function entryOf(layout: Layout, version: string, now: string): Promise<ReleaseEntry> {
  const releaseId = releaseIdOf((await readIfThere(layout.release(version).manifest)) ?? "");
  return { version, releaseId, status: "unpacked", verified: false, since: now };
}

/** @throws TSUGI_RELEASE_NOT_FOUND, TSUGI_MANIFEST_INVALID */
export async function readManifest(
  layout: Layout,
  version: string,
): Promise<{ manifest: Manifest; bytes: string; releaseId: string }> {
  const path = isVersionName(version) ? layout.release(version).manifest : undefined;
  const bytes = path && (await readIfThere(path));
  if (!path || bytes === undefined) throw notFound(layout, version, "it is not unpacked");
  return { manifest: parseManifest(bytes, path), bytes, releaseId: releaseIdOf(bytes) };
}

export function notFound(layout: Layout, version: string, looked: string): TsugiError {
  return new TsugiError("TSUGI_RELEASE_NOT_FOUND", {
    version,
    looked,
    dropBox: isVersionName(version) ? layout.release(version).tarball : layout.releases,
    bin: layout.bin,
  });
}
