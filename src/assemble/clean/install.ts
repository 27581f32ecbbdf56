/** Installs what the lock file says, nothing else, in a clean folder. */

import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { runCommand, type Surroundings, tail } from "../../pack/commands.ts";
import type { BuildLog } from "../../pack/log.ts";
import { type PackageJson, readProject } from "../../pack/project.ts";
import { managerOf } from "../managers.ts";
import { lockOf, type WantedManager } from "../packageManager.ts";

/** @throws TSUGI_LOCK_FILE_MISSING, TSUGI_INSTALL_FAILED */
export async function installFrozen(
  wanted: WantedManager,
  app: string,
  surroundings: Surroundings,
  log: BuildLog,
): Promise<void> {
  const { name, folder, lockFile } = wanted;
  if (lockFile === undefined) {
    if (!hasDependencies(readProject(app).packageJson)) return;
    throw new TsugiError("TSUGI_LOCK_FILE_MISSING", {
      where: "The project",
      lockFiles: managerOf(name).lockFiles.join(" or "),
    });
  }
  // At home: a question is not to be answered by the project's own settings.
  const ask = (args: string[]) =>
    runCommand(name, args, homedir(), {}, surroundings).then(({ code, stdout }) =>
      code === 0 ? stdout.trim() : undefined,
    );
  const args = await managerOf(name).frozenArguments(lockOf(wanted), ask);
  const command = [name, ...args].join(" ");
  log.step(command);
  const result = await runCommand(name, args, folder, {}, surroundings).catch((error: unknown) => ({
    code: 127,
    stdout: "",
    stderr: messageOf(error),
  }));
  if (result.code === 0) {
    const ran = scriptsOf(folder);
    if (ran.length > 0) log.step(`Install scripts of ${ran.join(", ")} have run`);
    return;
  }
  // npm and classic yarn complain on stderr, pnpm and yarn since 2 on stdout.
  const problem = tail(withoutUsage(`${result.stdout}\n${result.stderr}`).trim());
  throw new TsugiError("TSUGI_INSTALL_FAILED", { command, name, code: result.code, problem });
}

/** npm writes down whose they were; the others run none that the project does not name. */
function scriptsOf(folder: string): string[] {
  try {
    const text = readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8");
    const { packages = {} } = JSON.parse(text) as {
      packages?: Record<string, { version?: string; hasInstallScript?: boolean }>;
    };
    return Object.entries(packages)
      .filter(([, { hasInstallScript }]) => hasInstallScript === true)
      .map(
        ([path, { version }]) => `${path.slice(path.lastIndexOf("node_modules/") + 13)} ${version}`,
      );
  } catch {
    return [];
  }
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
