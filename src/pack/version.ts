/** The version of a release: of package.json, of git, or as given. */
import semver from "semver";
import { TsugiError } from "../contract/errors.ts";
import { runCommand } from "./commands.ts";
import type { BuildLog } from "./log.ts";
import type { Project } from "./project.ts";

/** From here `npm version patch` goes on: some starters write none. */
const NO_VERSION = "0.0.0";

/** @throws TSUGI_VERSION_INVALID, TSUGI_GIT_FAILED */
export async function resolveVersion(
  project: Project,
  wanted: string | undefined,
  log: BuildLog,
): Promise<string> {
  if (wanted !== undefined && wanted !== "package" && wanted !== "git") {
    return checkVersion(wanted, "given");
  }
  const { version } = project.packageJson;
  const base = version === undefined ? NO_VERSION : checkVersion(version, "package.json");
  if (wanted === "git") return gitVersion(project.folder, base, log);
  const where = version === undefined ? "package.json has none" : "package.json";
  if (wanted === undefined) log.guess("version", base, where);
  return base;
}

function checkVersion(version: string, where: string): string {
  if (semver.valid(version) === version || withBuild(version)) return version;
  throw new TsugiError("TSUGI_VERSION_INVALID", { found: JSON.stringify(version), where });
}

// semver.valid drops what follows "+"; the version itself keeps it.
const withBuild = (version: string): boolean => {
  const [plain, build] = version.split("+", 2);
  return build !== undefined && semver.valid(version) === plain && version.split("+").length === 2;
};

async function gitVersion(folder: string, base: string, log: BuildLog): Promise<string> {
  const git = async (...args: string[]) => {
    const result = await runCommand("git", args, folder).catch((error: Error) => ({
      code: 1,
      stdout: "",
      stderr: error.message,
    }));
    if (result.code === 0) return result.stdout.trim();
    throw new TsugiError("TSUGI_GIT_FAILED", { folder, problem: result.stderr.trim() });
  };
  const count = await git("rev-list", "--count", "HEAD");
  const commit = (await git("rev-parse", "HEAD")).slice(0, 8);
  const changes = await git("status", "--porcelain", "--", ".");
  const version = `${base.split("+")[0]}+${count}.${commit}`;
  log.guess("version", version, "git");
  if (changes !== "") {
    log.warn(`The working copy has changes that commit ${commit} does not have.`);
  }
  return version;
}
