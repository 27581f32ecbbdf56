/**
 * Which package manager a project is installed with, read from the project alone:
 *
 *   packageManager, devEngines.packageManager of package.json    name and version
 *   else the lock file                                           name, and the versions that read it
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { PackageJson } from "../pack/project.ts";

export type ManagerName = "npm" | "pnpm" | "yarn";

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

const LOCK_FILES: [string, ManagerName][] = [
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
];

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
  if (!isManager(name)) throw new TsugiError("TSUGI_PACKAGE_MANAGER_UNKNOWN", { found: name });
  const readable = found === undefined ? "*" : versionsReading(join(found.folder, found.lockFile));
  return {
    name,
    version: named?.version ?? readable,
    why: named?.why ?? found?.lockFile ?? "no lock file",
    isPinned: named !== undefined,
    folder: found?.folder ?? app,
    lockFile: found?.lockFile,
  };
}

const isManager = (name: string): name is ManagerName => /^(npm|pnpm|yarn)$/.test(name);

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

/** A lock file says for which versions it was written. */
function versionsReading(lockFile: string): string {
  const head = readFileSync(lockFile, "utf8").slice(0, 4096);
  if (lockFile.endsWith("pnpm-lock.yaml")) {
    const format = Number(/^lockfileVersion:\s*'?([\d.]+)/m.exec(head)?.[1] ?? 9);
    return format >= 9 ? ">=9 <11" : format >= 6 ? "8" : format > 5.3 ? "7" : "6";
  }
  if (!lockFile.endsWith("yarn.lock")) return "*";
  const format = Number(/^__metadata:\s+version:\s*(\d+)/m.exec(head)?.[1] ?? 0);
  return format >= 8 ? "4" : format >= 6 ? "3" : format > 0 ? "2" : "1";
}

/** What a person types to install what the lock file says. */
export function installCommandOf(app: string): string {
  const { name, lockFile, folder } = wantedManager(app);
  if (name === "npm") return "npm ci";
  if (name === "pnpm") return "pnpm install --frozen-lockfile";
  return lockFile !== undefined && isClassicLock(join(folder, lockFile))
    ? "yarn install --frozen-lockfile"
    : "yarn install --immutable";
}

/** Of Yarn 1; later ones write another format, and take other flags. */
export const isClassicLock = (lockFile: string): boolean =>
  !/^__metadata:/m.test(readFileSync(lockFile, "utf8"));
