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
import type { BuildReport } from "../pack/report.ts";
import { waitForLock } from "../platform/lock.ts";

/** The same on every machine on purpose, so not os.tmpdir(). */
const STABLE_ROOT = "/tmp/tsugi-deps";

export interface StableDeps {
  /** For every later call of mix. */
  env: Record<string, string>;
  release(): Promise<void>;
}

/** One build of a release name at a time; @returns what puts mix onto the copy. */
export async function stableDeps(
  folder: string,
  name: string,
  report: BuildReport,
): Promise<StableDeps> {
  const none = { env: {}, release: async () => {} };
  const deps = join(folder, "deps");
  if (!existsSync(deps)) return none;
  if (!isOwned(STABLE_ROOT)) {
    report.warn(`${STABLE_ROOT} is not ours: dependencies are compiled where they lie.`);
    return none;
  }
  const copy = join(STABLE_ROOT, name);
  const release = await waitForLock(join(STABLE_ROOT, `${name}.lock`));
  rmSync(copy, { recursive: true, force: true });
  cpSync(deps, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
  return { env: { MIX_DEPS_PATH: copy }, release };
}

/** A folder of ours that nobody else can write to. */
function isOwned(folder: string): boolean {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const info = lstatSync(folder);
  return info.isDirectory() && info.uid === process.getuid?.() && (info.mode & 0o022) === 0;
}
