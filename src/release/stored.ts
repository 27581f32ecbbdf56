/**
 * How a store keeps releases. One folder, the same on this machine, on a shared disk and behind ssh:
 *
 *   releases/<name>/<version>.json   what a release consists of; it is pushed when this is there
 *   blobs/<sha256>.gz                contents: a manifest, or files one after the other (a run)
 *   pushes/<id>.json                 the blobs that a push under way counts on
 *   trash/<id>/<sha256>.gz           what a prune is about to remove
 *   tmp/<id>                         not yet whole; a rename puts it into its place
 *
 * A blob has contents only, no path and no mode: those are in the manifest. So a file that is the
 * same in two versions, or in two trees of packages, is one blob whatever folder it stands in; and a
 * large file is a run of its own. Small files share one, cut where their hashes say, so that a change
 * moves the run that it is in and none beside it.
 */
import { TsugiError } from "../contract/errors.ts";
import { isSha256, type Manifest, type ManifestFile, sha256 } from "./manifest.ts";

export const STORE_FORMAT = 1;

/** What is said of a stored release, whatever it is stored as. */
export interface StoredFacts {
  name: string;
  version: string;
  releaseId: string;
  kind: Manifest["kind"];
  platform: string;
  /** By the clock of the machine that pushed it. */
  pushedAt: string;
  /** Of what is unpacked. */
  bytes: number;
  /** The tarball that was pushed, if it was one. */
  tarball?: { bytes: number; sha256: string };
  signature?: string;
}

export interface StoredRelease extends StoredFacts {
  format: typeof STORE_FORMAT;
  /** The blob of the manifest. */
  manifest: string;
  /** In the order of the manifest's files; links and empty files need none. */
  runs: { blob: string; files: number }[];
}

export const STORE = {
  releases: "releases",
  blobs: "blobs",
  pushes: "pushes",
  trash: "trash",
  temporary: "tmp",
  release: (name: string, version: string) => `releases/${name}/${version}.json`,
  blob: (blob: string) => `blobs/${blob}.gz`,
} as const;

/** Files of at least so many bytes stand alone. */
const ALONE_BYTES = 64 * 1024;
const RUN_BYTES = 512 * 1024;

export interface Run {
  blob: string;
  files: ManifestFile[];
}

/** Cuts the files of a manifest into runs. Content decides, so that equal parts are cut equally. */
export function cutIntoRuns(files: readonly ManifestFile[]): Run[] {
  const runs: Run[] = [];
  let open: ManifestFile[] = [];
  let openBytes = 0;
  const close = () => {
    if (open.length > 0) runs.push({ blob: blobOf(open.map((file) => file.sha256)), files: open });
    open = [];
    openBytes = 0;
  };
  for (const file of files.filter(hasContent)) {
    const startsFolder = open.length > 0 && folderOf(file) !== folderOf(open[0]!);
    if (startsFolder || file.size >= ALONE_BYTES) close();
    open.push(file);
    openBytes += file.size;
    // One in sixteen ends its run, whatever stands before it.
    if (file.size >= ALONE_BYTES || openBytes >= RUN_BYTES || file.sha256.startsWith("0")) close();
  }
  close();
  return runs;
}

export const hasContent = (file: ManifestFile): boolean => file.link === undefined && file.size > 0;

/** `lib/x` and the like: a run ends with it. */
const folderOf = ({ path }: ManifestFile): string => path.split("/").slice(0, 2).join("/");

/** The name of a blob follows from the hashes of what is in it, so nothing has to be read for it. */
export const blobOf = (hashes: readonly string[]): string => sha256(hashes.join("\n"));

export const manifestBlobOf = (releaseId: string): string => blobOf([releaseId]);

export const blobsOf = ({ manifest, runs }: StoredRelease): string[] => [
  manifest,
  ...runs.map(({ blob }) => blob),
];

/** @throws TSUGI_FORMAT_UNKNOWN, TSUGI_STORE_DAMAGED */
/**
 * `path`: where it lies below the store, which is what was asked for. A copy of another release's file
 * under that name is not that release.
 */
export function parseStored(text: string, where: string, path: string): StoredRelease {
  const damaged = (problem: string) => storeDamaged(where, problem);
  let json: Partial<StoredRelease> | null;
  try {
    json = JSON.parse(text) as Partial<StoredRelease> | null;
  } catch {
    throw damaged("it is not JSON");
  }
  if (json === null || typeof json !== "object") throw damaged("it is not an object");
  if (json.format !== STORE_FORMAT) {
    const found = JSON.stringify(json.format ?? null);
    throw new TsugiError("TSUGI_FORMAT_UNKNOWN", { what: where, found, expected: STORE_FORMAT });
  }
  for (const key of ["name", "version", "pushedAt"] as const) {
    if (typeof json[key] !== "string") throw damaged(`"${key}" is not a string`);
  }
  if (json.signature !== undefined && typeof json.signature !== "string")
    throw damaged('"signature" is not a string');
  if (STORE.release(json.name!, json.version!) !== path)
    throw damaged(`it is of ${json.name} ${json.version}, which lies elsewhere`);
  if (!isSha256(json.releaseId)) throw damaged('"releaseId" is not 64 hex digits');
  if (!isSha256(json.manifest)) throw damaged('"manifest" is not 64 hex digits');
  const isRun = (run: Partial<StoredRelease["runs"][number]> | null) =>
    isSha256(run?.blob) && Number.isSafeInteger(run?.files) && run!.files! > 0;
  if (!Array.isArray(json.runs) || !json.runs.every(isRun))
    throw damaged('"runs" is no list of runs');
  return json as StoredRelease;
}

export const storeDamaged = (file: string, problem: string, cause?: unknown): TsugiError =>
  new TsugiError("TSUGI_STORE_DAMAGED", { file, problem }, { cause });
