/**
 * Which package manager a project is installed with, read from the project alone:
 *
 *   packageManager, devEngines.packageManager of package.json    name and version
 *   else the lock file                                           name, and the versions that read it
 */
import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { PackageJson, Project } from "../pack/project.ts";
import { isManager, MANAGERS, type Manager, type ManagerName, managerOf } from "./managers.ts";
import { locatePackage } from "./resolveFrom.ts";

export interface WantedManager {
  name: ManagerName;
  /** A version or a range of them. */
  version: string;
  why: string;
  /** package.json names a version. */
  isPinned: boolean;
  /** Where the lock file lies: there is installed. */
  folder: string;
  lockFile: string | undefined;
}

const LOCK_HEAD = 4096;
const LOCK_FILES = Object.entries<Manager>(MANAGERS).flatMap(([name, { lockFiles }]) =>
  lockFiles.map((lockFile) => [lockFile, name as ManagerName] as const),
);

/** Looks from the app's folder up to the top of its repository. @throws TSUGI_PACKAGE_MANAGER_UNKNOWN */
export function wantedManager(app: string): WantedManager {
  let found: { folder: string; lockFile: string; name: ManagerName } | undefined;
  let named: { name: string; version: string; why: string } | undefined;
  for (let folder = app; ; folder = dirname(folder)) {
    named ??= namedIn(folder);
    for (const [lockFile, name] of LOCK_FILES) {
      const fits = named === undefined || named.name === name;
      if (fits && existsSync(join(folder, lockFile))) found ??= { folder, lockFile, name };
    }
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) break;
  }
  const name = named?.name ?? found?.name ?? "npm";
  if (!isManager(name)) throw unknown(name);
  const readable = found === undefined ? "*" : managerOf(found.name).versionsReading(lockOf(found));
  return {
    name,
    version: named?.version ?? readable,
    why: named?.why ?? found?.lockFile ?? "no lock file",
    isPinned: named !== undefined,
    folder: found?.folder ?? app,
    lockFile: found?.lockFile,
  };
}

/**
 * Who runs the scripts of a project that is installed here. bun installs and runs them, too; a clean
 * build has no bun to install with.
 */
export function localManager(app: string): string {
  if (!usesBun(app)) return wantedManager(app).name;
  return isOnPath("bun") ? "bun" : "npm";
}

const usesBun = (app: string): boolean =>
  hasAbove(app, ["bun.lock", "bun.lockb"], (folder) => namedIn(folder)?.name === "bun");

/** Up to the top of its repository. */
function hasAbove(
  app: string,
  names: string[],
  isSo: (folder: string) => boolean = () => false,
): boolean {
  for (let folder = app; ; folder = dirname(folder)) {
    const isThere = names.some((name) => existsSync(join(folder, name)));
    if (isThere || isSo(folder)) return true;
    if (existsSync(join(folder, ".git")) || dirname(folder) === folder) return false;
  }
}

/** Before its build: without node_modules there is nothing that could be packed. @throws TSUGI_SHAPE_UNFIT */
export function refusePlugAndPlay({ folder, packageJson }: Project): void {
  const names = Object.keys(packageJson.dependencies ?? {});
  const isMissing = names.some((name) => locatePackage(folder, name) === undefined);
  if (!isMissing || !hasAbove(folder, [".pnp.cjs", ".pnp.js"])) return;
  const problem = "its packages lie in zip files, and Node finds none of them by itself";
  const todo = 'Put "nodeLinker: node-modules" into .yarnrc.yml, then: yarn install';
  throw new TsugiError("TSUGI_SHAPE_UNFIT", { shape: "Yarn's Plug'n'Play", problem, todo });
}

export const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));

const unknown = (found: string) =>
  new TsugiError("TSUGI_PACKAGE_MANAGER_UNKNOWN", {
    found,
    known: Object.keys(MANAGERS).join(", "),
  });

function namedIn(folder: string) {
  const file = join(folder, "package.json");
  if (!existsSync(file)) return undefined;
  const { packageManager, devEngines } = JSON.parse(readFileSync(file, "utf8")) as PackageJson & {
    packageManager?: string;
    devEngines?: { packageManager?: { name?: string; version?: string } };
  };
  const [, name, version] = /^([^@]+)@([^+]+)/.exec(packageManager ?? "") ?? [];
  if (name !== undefined) return { name, version: version!, why: "packageManager" };
  const wish = devEngines?.packageManager;
  if (wish?.name === undefined) return undefined;
  return { name: wish.name, version: wish.version ?? "*", why: "devEngines.packageManager" };
}

/** What a person types to install what the lock file says. */
export function installCommandOf(app: string): string {
  if (usesBun(app)) return "bun install --frozen-lockfile";
  const wanted = wantedManager(app);
  return managerOf(wanted.name).frozenCommand(lockOf(wanted));
}

/** The head of its lock file, which says for which versions it was written. */
export const lockOf = ({ folder, lockFile }: Pick<WantedManager, "folder" | "lockFile">): string =>
  lockFile === undefined ? "" : readFileSync(join(folder, lockFile), "utf8").slice(0, LOCK_HEAD);
