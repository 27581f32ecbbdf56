/**
 * `releases/permanent` and `releases/RELEASES.json`. The first is the truth (its rename is the
 * commit); the second says what else is known, and is reconciled to the first.
 */

import { readdir } from "node:fs/promises";
import { TsugiError } from "../contract/errors.ts";
import { isoNow } from "../platform/clock.ts";
import { exists, readIfThere, writeDurably } from "../platform/files.ts";
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
  REGISTRY_FORMAT,
  type Registry,
  type RegistryEntry,
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

export async function writeRegistry(layout: Layout, registry: Registry): Promise<void> {
  await writeDurably("registry", layout.registry, `${JSON.stringify(registry, null, 2)}\n`);
}

/**
 * The registry as it is true now: what is written, held against `permanent` and the folders that
 * are there. A registry that is missing or unreadable is made up from those two. A release that is
 * written as `current` stays so, unless the caller knows what runs (null: nothing).
 */
export async function readRegistry(
  layout: Layout,
  runningVersion?: string | null,
): Promise<Registry> {
  const [text, permanent, onDisk] = await Promise.all([
    readIfThere(layout.registry),
    readPermanent(layout),
    releasesOnDisk(layout),
  ]);
  const written = parseRegistry(text, layout);
  const now = isoNow();
  const known = new Map(written.releases.map((entry) => [entry.version, entry]));
  const releases: RegistryEntry[] = [];
  for (const version of onDisk) {
    releases.push(known.get(version) ?? (await entryOf(layout, version, now)));
  }
  releases.sort((a, b) => (a.since < b.since ? -1 : 1));
  const current = releases.find((entry) => entry.status === "current")?.version;
  const running = runningVersion === undefined ? current : (runningVersion ?? undefined);
  return reconcile({ ...written, releases }, permanent, running, now);
}

function parseRegistry(text: string | undefined, layout: Layout): Registry {
  const empty: Registry = { format: REGISTRY_FORMAT, name: layout.name, releases: [] };
  let json: Partial<Registry> | null;
  try {
    json = JSON.parse(text ?? "null") as Partial<Registry> | null;
  } catch {
    return empty;
  }
  if (json === null || typeof json !== "object" || !Array.isArray(json.releases)) return empty;
  if (json.format !== REGISTRY_FORMAT) {
    throw new TsugiError("TSUGI_FORMAT_UNKNOWN", {
      what: layout.registry,
      found: JSON.stringify(json.format ?? null),
      expected: REGISTRY_FORMAT,
    });
  }
  return { ...(json as Registry), releases: json.releases.filter(isEntry) };
}

/** One that is not whole counts as not written: it is made up from what lies there. */
function isEntry(entry: Partial<RegistryEntry> | null): entry is RegistryEntry {
  if (entry === null || typeof entry !== "object") return false;
  const { version, releaseId, status, since, committed } = entry;
  if (typeof version !== "string" || !isVersionName(version)) return false;
  if (typeof releaseId !== "string" || typeof since !== "string") return false;
  if (committed !== undefined && !Number.isSafeInteger(committed)) return false;
  return isReleaseStatus(status);
}

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

async function entryOf(layout: Layout, version: string, now: string): Promise<RegistryEntry> {
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
