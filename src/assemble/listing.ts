/**
 * `tsugi release --list`: what would be packed, from what lies there. Nothing is built, fetched or written, so
 * the output of a build script is that of the last time, and of compiled code the sources are listed.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../config/load.ts";
import { byPath, fileAt, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { readProject, releaseName } from "../pack/project.ts";
import { secretsIn, withoutEnvFiles } from "../pack/secrets/index.ts";
import { decideEntry, type EntryDecision } from "./decideEntry.ts";
import { type BuildMode, chooseEntry } from "./entry.ts";
import { ownPreloads, readNodeArgs } from "./nodeArgs.ts";
import { listOwn } from "./own.ts";
import { ALL_DEPENDENCIES, collectPackages, type PackageTree, withBins } from "./packages.ts";
import { reachedFiles } from "./reached.ts";
import { linkShared } from "./shared.ts";
import { ownAddons, staticFiles } from "./staticFiles.ts";
import { homeOf } from "./traced.ts";
import { wordFiles } from "./wordFiles.ts";

export interface Listing {
  name: string;
  build: BuildMode;
  /** Sources that become one file. */
  compiled: ListedFile[];
  files: ListedFile[];
  /** The largest first; at most these, where the code that is compiled decides. */
  packages: { name: string; version: string; files: number; bytes: number }[];
}

export interface ListedFile {
  path: string;
  bytes: number;
  /** Why somebody should look at it. */
  odd?: string;
}

export interface ListingRequest {
  folder: string;
  configFile?: string;
}

export async function listRelease(
  { folder, configFile }: ListingRequest,
  log: BuildLog,
): Promise<Listing> {
  const project = readProject(folder);
  const { config } = await loadConfig(folder, configFile);
  const name = releaseName(project, config, log);
  const entry = decideEntry(project, config, log);
  if (entry.hasScript) log.note("The build script is not run: its output is that of last time.");
  const code = await codeOf(folder, entry, log);
  const known = new Map(code.map((file) => [file.path, file]));
  const beside = await staticFiles(project, config.files, entry.mode, known, log);
  const packageJson = fileAt("package.json", join(folder, "package.json"));
  const isCompiled = entry.mode !== "own";
  const own = [...(isCompiled ? [] : code), ...beside, ...ownAddons(folder, log), packageJson];
  const files = new Map(own.map((file) => [file.path, file]));
  const shared = config.shared ?? entry.shape?.shared ?? [];
  const words = { processes: entry.processes, shared, known: files };
  for (const file of await wordFiles(project, words, log)) files.set(file.path, file);
  linkShared(folder, shared, files, log);
  const tree =
    entry.packages === "none"
      ? { files: [], packages: [] }
      : collectPackages(project, withBins(ALL_DEPENDENCIES, entry.bins, folder), log);
  return {
    name,
    build: entry.mode,
    compiled: isCompiled ? listed(code, folder) : [],
    files: listed(withoutEnvFiles([...files.values()], log, folder), folder),
    packages: packagesOf(tree),
  };
}

/** What is there of it: an output that no build has made yet can't be listed. */
async function codeOf(
  folder: string,
  { mode, processes, shape, nodeArgs }: EntryDecision,
  log: BuildLog,
): Promise<PackedFile[]> {
  const present = (candidates: string[]) => {
    try {
      return [chooseEntry(folder, candidates)];
    } catch {
      return [];
    }
  };
  const entries = processes.flatMap(({ candidates }) => present(candidates));
  const preloads = ownPreloads(readNodeArgs(nodeArgs)).flatMap((path) => present([path]));
  const args = processes.flatMap((process) => process.args ?? []);
  if (mode === "own") {
    return (await listOwn(folder, { entries, args, preloads, shape }, log)).files;
  }
  const paths = new Set(entries.flatMap((entry) => reachedFiles(folder, entry)));
  return [...paths].map((path) => fileAt(path, join(folder, path)));
}

function listed(files: PackedFile[], folder: string): ListedFile[] {
  // The first finding of a file is what it is, others are of its form.
  const found = secretsIn(files, folder).reverse();
  const secrets = new Map(found.map(({ file, what }) => [file, what]));
  return [...files].sort(byPath).map(({ path, source }) => {
    const bytes = "file" in source ? lstatSync(source.file).size : 0;
    const secret = secrets.get(path);
    const odd = secret === undefined ? oddness(path, bytes) : `holds ${secret}`;
    return odd === undefined ? { path, bytes } : { path, bytes, odd };
  });
}

const LARGE_BYTES = 5_000_000;

const ODD: readonly [pattern: RegExp, odd: string][] = [
  [/(^|\/)\./, "begins with a dot"],
  [/\.(bak|backup|old|orig|rej|save|tmp)$|~$|(^|[ _-])copy(\.|$)/i, "is a backup"],
  [/\.(sql|dump|sqlite3?|db|log|zip|tar|tgz|gz|7z)$/i, "is a dump, a log or an archive"],
];

export function oddness(path: string, bytes: number): string | undefined {
  if (bytes > LARGE_BYTES) return "is larger than 5 MB";
  return ODD.find(([pattern]) => pattern.test(path))?.[1];
}

function packagesOf({ files, packages }: PackageTree): Listing["packages"] {
  const sums = new Map(packages.map(({ path }) => [path, { files: 0, bytes: 0 }]));
  for (const { path, source } of files) {
    const sum = sums.get(homeOf(path));
    if (sum === undefined || !("file" in source)) continue;
    sum.files += 1;
    sum.bytes += lstatSync(source.file).size;
  }
  const listed = packages.map(({ name, version, path }) => ({ name, version, ...sums.get(path)! }));
  return listed.sort((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}
