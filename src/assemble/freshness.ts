/**
 * A build that writes its output elsewhere than before leaves the old one where it was: that would
 * be released as the new version. What lies in the output folders is noted before the build script
 * runs, and held against what is there afterwards. An entry that was left alone is right only where
 * there was nothing to do: no twin of it was written, and its source is no younger.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { filesBelow, seenAt } from "../pack/fileSet.ts";
import { outputFolderOf } from "./entry.ts";

/** Path → what changes when the file is written. */
export type OutputBefore = ReadonlyMap<string, string>;

export function noteOutput(folder: string, candidates: string[]): OutputBefore {
  return outputsOf(folder, candidates);
}

/** Those of the candidates that this build has written go first. */
export function freshFirst(folder: string, candidates: string[], before: OutputBefore): string[] {
  const isFresh = (path: string) => before.has(path) && before.get(path) !== seen(folder, path);
  const isNew = (path: string) => !before.has(path) && existsSync(join(folder, path));
  const fresh = candidates.filter((path) => isFresh(path) || isNew(path));
  // A source is always there: it is no output that a build may have written.
  const written = fresh.filter((path) => outputFolderOf(path) !== undefined);
  return [...written, ...candidates.filter((path) => !written.includes(path))];
}

/** @throws TSUGI_ENTRY_STALE */
export function refuseStale(
  folder: string,
  entry: string,
  before: OutputBefore,
  command: string,
): void {
  const was = before.get(entry);
  const output = outputFolderOf(entry);
  if (was === undefined || output === undefined || was !== seen(folder, entry)) return;
  const after = outputsOf(folder, [entry]);
  const twin = [...after].find(
    ([path, now]) => basename(path) === basename(entry) && before.get(path) !== now,
  );
  const source = twin === undefined ? youngerSource(folder, entry, output) : undefined;
  if (twin === undefined && source === undefined) return;
  const evidence =
    twin === undefined ? `${source} was changed after it` : `it has written ${twin[0]} instead`;
  throw new TsugiError("TSUGI_ENTRY_STALE", { entry, command, evidence, output });
}

function outputsOf(folder: string, candidates: string[]): Map<string, string> {
  const outputs = new Set(candidates.map(outputFolderOf).filter((name) => name !== undefined));
  const found = new Map<string, string>();
  for (const output of outputs) {
    if (!existsSync(join(folder, output))) continue;
    const isOther = (path: string) => /(^|\/)node_modules$/.test(path);
    for (const { path } of filesBelow(join(folder, output), output, isOther)) {
      if (/\.[cm]?js$/.test(path)) found.set(path, seen(folder, path));
    }
  }
  return found;
}

function seen(folder: string, path: string): string {
  return existsSync(join(folder, path)) ? seenAt(join(folder, path)) : "";
}

/** Of compilers that keep account of what they have compiled, an old file says nothing. */
function youngerSource(folder: string, entry: string, output: string): string | undefined {
  if (keepsAccount(folder, output)) return undefined;
  const stem = entry.slice(output.length + 1).replace(/\.[cm]?js$/, "");
  const names = [stem, `src/${stem}`].flatMap((name) =>
    ["ts", "mts", "cts", "tsx"].map((ending) => `${name}.${ending}`),
  );
  const { mtimeMs } = statSync(join(folder, entry));
  return names.find(
    (name) => existsSync(join(folder, name)) && statSync(join(folder, name)).mtimeMs > mtimeMs,
  );
}

function keepsAccount(folder: string, output: string): boolean {
  const places = [folder, join(folder, output)];
  if (places.some((place) => readdirSync(place).some((name) => name.endsWith(".tsbuildinfo"))))
    return true;
  for (let at = folder; ; at = dirname(at)) {
    if (["turbo.json", "nx.json"].some((name) => existsSync(join(at, name)))) return true;
    if (existsSync(join(at, ".git")) || at === dirname(at)) return false;
  }
}
