/** Installs what the lock file says, nothing else, in a clean folder. */

import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { runCommand, type Surroundings, tail } from "../../pack/commands.ts";
import { type PackageJson, readProject } from "../../pack/project.ts";
import type { BuildReport } from "../../pack/report.ts";
import { isClassicLock, type WantedManager } from "../packageManager.ts";

/** @throws TSUGI_LOCK_FILE_MISSING, TSUGI_INSTALL_FAILED */
export async function installFrozen(
  wanted: WantedManager,
  app: string,
  surroundings: Surroundings,
  report: BuildReport,
): Promise<void> {
  const { name, folder, lockFile } = wanted;
  if (lockFile === undefined) {
    if (!hasDependencies(readProject(app).packageJson)) return;
    throw new TsugiError("TSUGI_LOCK_FILE_MISSING", { where: "The project" });
  }
  const args = await installArguments(wanted, surroundings);
  const command = [name, ...args].join(" ");
  report.step(command);
  const result = await runCommand(name, args, folder, {}, surroundings).catch((error: unknown) => ({
    code: 127,
    stdout: "",
    stderr: messageOf(error),
  }));
  if (result.code === 0) return;
  // npm and classic yarn complain on stderr, pnpm and yarn since 2 on stdout.
  const problem = tail(withoutUsage(`${result.stdout}\n${result.stderr}`).trim());
  throw new TsugiError("TSUGI_INSTALL_FAILED", { command, name, code: result.code, problem });
}

/** npm ends with a page about its own flags, and where its log lies. */
const withoutUsage = (text: string): string =>
  text
    .replace(
      /^npm error (Clean install a project|Usage:)$[\s\S]*?(?=^npm error A complete log)/m,
      "",
    )
    .replace(/^npm error (A complete log.*)?\n?/gm, "");

const hasDependencies = (packageJson: PackageJson): boolean =>
  [packageJson.dependencies, packageJson.devDependencies, packageJson.optionalDependencies].some(
    (dependencies) => Object.keys(dependencies ?? {}).length > 0,
  );

/** Development dependencies too: the build needs them, the release does not get them. */
async function installArguments(
  { name, lockFile, folder }: WantedManager,
  surroundings: Surroundings,
): Promise<string[]> {
  if (name === "npm") return ["ci", "--include=dev", "--no-audit", "--no-fund"];
  if (name === "pnpm") {
    // Its store would come to lie beside the temporary folder if that is another file system.
    const said = await runCommand("pnpm", ["store", "path"], homedir(), {}, surroundings);
    const store = said.code === 0 ? [`--store-dir=${said.stdout.trim()}`] : [];
    return ["install", "--frozen-lockfile", "--prod=false", ...store];
  }
  if (!isClassicLock(join(folder, lockFile!))) return ["install", "--immutable"];
  return ["install", "--frozen-lockfile", "--production=false", "--non-interactive"];
}
