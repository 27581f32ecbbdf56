/**
 * The environment in which the project's package manager is what its name calls: the one on this
 * machine where its version fits, otherwise that version from npm, kept in the cache. npm's own
 * client fetches it, so the user's registry, proxy and tokens apply.
 */
import { existsSync, readFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import semver from "semver";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { cachePath, fillFolder, touch } from "../../pack/cache.ts";
import { runCommand, type Surroundings, tail } from "../../pack/commands.ts";
import type { BuildLog } from "../../pack/log.ts";
import { managerOf } from "../managers.ts";
import type { WantedManager } from "../packageManager.ts";

/** For the project's scripts too. */
export async function withManager(
  wanted: WantedManager,
  given: Surroundings,
  log: BuildLog,
): Promise<Surroundings> {
  const { name, version, why } = wanted;
  let surroundings = given;
  let present = await versionHere(wanted, surroundings);
  if (present === undefined || !semver.satisfies(present, version)) {
    const bin = await fetchManager(wanted, given, log);
    const { env, running } = given;
    surroundings = { running, env: { ...env, PATH: `${bin}:${env.PATH ?? ""}` } };
    present = await versionHere(wanted, surroundings);
  }
  log.guess(name, present ?? version, why);
  if (!wanted.isPinned && wanted.lockFile !== undefined) {
    log.note(`Say which: "packageManager": "${name}@${present}" in package.json.`);
  }
  return surroundings;
}

async function versionHere(
  { name, folder }: WantedManager,
  surroundings: Surroundings,
): Promise<string | undefined> {
  const result = await runCommand(name, ["--version"], folder, {}, surroundings).catch(() => {});
  return result?.code === 0 ? (semver.valid(result.stdout.trim()) ?? undefined) : undefined;
}

/** @returns a folder for PATH. @throws TSUGI_PACKAGE_MANAGER_UNAVAILABLE */
async function fetchManager(
  { name, version }: WantedManager,
  surroundings: Surroundings,
  log: BuildLog,
): Promise<string> {
  const packageName = managerOf(name).npmName(version, semver.intersects);
  const spec = `${packageName}@${version}`;
  const place = cachePath("managers", encodeURIComponent(spec));
  const bin = join(place, "node_modules", ".bin");
  const isWhole = () => existsSync(join(bin, name));
  if (isWhole()) {
    await touch(place);
    return bin;
  }
  log.step(`${spec} from npm`);
  await fillFolder(place, isWhole, async (temporary) => {
    const args = ["install", "--prefix", temporary, "--no-save", "--no-package-lock"];
    const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
    const result = await runCommand(
      "npm",
      [...args, ...quiet, "--", spec],
      temporary,
      {},
      surroundings,
    ).catch((error: unknown) => ({ code: 127, stdout: "", stderr: messageOf(error) }));
    if (result.code === 0) return linkCommand(temporary, packageName, name);
    const problem = tail(result.stderr, 6);
    throw new TsugiError("TSUGI_PACKAGE_MANAGER_UNAVAILABLE", { spec, name, problem });
  });
  return bin;
}

/** npm links a command itself, but for the user's `bin-links=false`. */
async function linkCommand(folder: string, packageName: string, name: string): Promise<void> {
  const bin = join(folder, "node_modules", ".bin");
  if (existsSync(join(bin, name))) return;
  const place = join(folder, "node_modules", packageName);
  const { bin: commands } = JSON.parse(readFileSync(join(place, "package.json"), "utf8")) as {
    bin: Record<string, string>;
  };
  await mkdir(bin, { recursive: true });
  await symlink(relative(bin, join(place, commands[name]!)), join(bin, name));
}
