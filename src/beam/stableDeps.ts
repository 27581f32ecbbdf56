/**
 * Dependencies are compiled under one path, whatever folder the project lies in: some (Phoenix's
 * router, anything with @external_resource) carry the path of their sources in their code, and two
 * builds in two folders would be two different codes of one version, which no host accepts.
 *
 *   <project>/deps   what `mix deps.get` has fetched (and where assets look)
 *   /tmp/tsugi-deps/<release>   the copy that is compiled
 */
import { cpSync, existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cachePath } from "../pack/cache.ts";
import type { BuildReport } from "../pack/report.ts";
import { waitForLock } from "../platform/lock.ts";

/** The same on every machine on purpose, so not os.tmpdir(). */
const STABLE_ROOT = "/tmp/tsugi-deps";

export interface StableDeps {
  /** For every later call of mix. */
  env: Record<string, string>;
  release(): Promise<void>;
}

/**
 * One build of a release name at a time; @returns what puts mix onto the copy. A name in /tmp can be
 * taken by anybody: then the copy lies in the user's own cache, which costs the same bytes elsewhere.
 */
export async function stableDeps(
  folder: string,
  name: string,
  report: BuildReport,
  stableRoot = STABLE_ROOT,
): Promise<StableDeps> {
  const deps = join(folder, "deps");
  if (!existsSync(deps)) return { env: {}, release: async () => {} };
  let root = stableRoot;
  if (!isOwned(root)) {
    root = cachePath("beam", "deps");
    mkdirSync(root, { recursive: true, mode: 0o700 });
    report.warn(
      `${stableRoot} is somebody else's, or open to others: dependencies are compiled below ${root}, ` +
        "so a build elsewhere may give other bytes. Whoever owns it can remove it.",
    );
  }
  const copy = join(root, name);
  const release = await waitForLock(join(root, `${name}.lock`));
  rmSync(copy, { recursive: true, force: true });
  cpSync(deps, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  return { env: { MIX_DEPS_PATH: copy }, release };
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
