/**
 * Dependencies are compiled under one path, whatever folder the project lies in: some (Phoenix's
 * router, anything with @external_resource) carry the path of their sources in their code, and two
 * builds in two folders would be two different codes of one version, which no host accepts.
 *
 *   <project>/deps   what `mix deps.get` has fetched (and where assets look)
 *   /tmp/tsugi-deps/<release>   the copy that is compiled
 *   <project>/_build/tsugi-deps/<dependency>   that copy when it was compiled, with what its compiler
 *                               has written into it (a NIF in its priv), beside what it was made of
 *
 * What Mix has in _build/tsugi holds only together with the compiled copy: where that is missing, or was
 * made of other sources, the dependency is compiled anew.
 */
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { cachePath } from "../pack/cache.ts";
import { runCommand } from "../pack/commands.ts";
import type { BuildLog } from "../pack/log.ts";
import { waitForLock } from "../platform/lock.ts";
import { sha256 } from "../release/manifest.ts";

/** The same on every machine on purpose, so not os.tmpdir(). */
const STABLE_ROOT = "/tmp/tsugi-deps";

export interface StableDeps {
  /** For every later call of mix. */
  env: Record<string, string>;
  /** Everything is compiled: the next build may begin there. */
  keep(): void;
  unlock(): Promise<void>;
}

/**
 * One build of a release name at a time; @returns what puts mix onto the copy. A name in /tmp can be
 * taken by anybody: then the copy lies in the user's own cache, which costs the same bytes elsewhere.
 */
export async function stableDeps(
  folder: string,
  name: string,
  log: BuildLog,
  stableRoot = STABLE_ROOT,
): Promise<StableDeps> {
  const deps = join(folder, "deps");
  if (!existsSync(deps)) return { env: {}, keep: () => {}, unlock: async () => {} };
  let root = stableRoot;
  if (!isOwned(root)) {
    root = cachePath("beam", "deps");
    mkdirSync(root, { recursive: true, mode: 0o700 });
    log.warn(
      `${stableRoot} is somebody else's, or open to others: dependencies are compiled below ${root}, ` +
        "so a build elsewhere may give other bytes. Whoever owns it can remove it.",
    );
  }
  const copy = join(root, name);
  const release = await waitForLock(join(root, `${name}.lock`));
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  const names = dependenciesIn(deps);
  for (const dependency of names) await placeDependency(folder, dependency, copy);
  const keep = () => {
    for (const dependency of names) keepCompiled(folder, dependency, copy);
  };
  return { env: { MIX_DEPS_PATH: copy }, keep, unlock: release };
}

const dependenciesIn = (deps: string) =>
  readdirSync(deps, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map(({ name }) => name);

const compiledPlace = (folder: string, dependency: string) => {
  const place = join(folder, "_build", "tsugi-deps", dependency);
  return { place, source: `${place}.source` };
};

async function placeDependency(folder: string, dependency: string, copy: string): Promise<void> {
  const fetched = join(folder, "deps", dependency);
  const built = join(folder, "_build", "tsugi", "lib", dependency);
  const { place, source } = compiledPlace(folder, dependency);
  const target = join(copy, dependency);
  const isKept =
    existsSync(built) &&
    existsSync(place) &&
    existsSync(source) &&
    readFileSync(source, "utf8") === sourceOf(fetched);
  if (isKept) return copyFolder(place, target);
  for (const old of [built, place, source]) rmSync(old, { recursive: true, force: true });
  copyFolder(fetched, target);
  // What a compile by hand has left there (objects, libraries) a clean clone would not have.
  if (existsSync(join(target, ".git"))) {
    await runCommand("git", ["clean", "-fdXq", "-e", "!.fetch", "-e", "!.hex"], target);
  }
}

function keepCompiled(folder: string, dependency: string, copy: string): void {
  const { place, source } = compiledPlace(folder, dependency);
  rmSync(place, { recursive: true, force: true });
  copyFolder(join(copy, dependency), place);
  writeFileSync(source, sourceOf(join(folder, "deps", dependency)));
}

/** Modes and times go along: make and Mix decide by them. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}

/** What it is compiled of, as far as names, sizes and times tell. */
function sourceOf(folder: string): string {
  const lines: string[] = [];
  const walk = (relative: string) => {
    for (const name of readdirSync(join(folder, relative)).sort()) {
      if (name === ".git") continue;
      const path = join(relative, name);
      const info = lstatSync(join(folder, path));
      if (info.isDirectory()) walk(path);
      else lines.push(`${path} ${info.mode} ${info.size} ${Math.floor(info.mtimeMs)}`);
    }
  };
  walk("");
  return sha256(lines.join("\n"));
}

/** A folder of ours that nobody else can write to; neither a file nor a link of somebody. */
function isOwned(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const info = lstatSync(folder);
    return info.isDirectory() && info.uid === process.getuid?.() && (info.mode & 0o022) === 0;
  } catch {
    return false;
  }
}
