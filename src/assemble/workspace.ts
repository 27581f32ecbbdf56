/** The root of a workspace is no app: those that it holds are named. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { readPackage } from "./resolveFrom.ts";
import type { StartScript } from "./start/script.ts";

/** @throws TSUGI_WORKSPACE */
export function refuseWorkspaceRoot({ folder, packageJson }: Project): void {
  const apps = workspaceFolders({ folder, packageJson }).filter((path) =>
    hasStart(join(folder, path)),
  );
  if (apps.length === 0) return;
  throw new TsugiError("TSUGI_WORKSPACE", { folder, apps: apps.join(", "), first: apps[0]! });
}

/** A start script that goes to another project: that one is named. @throws TSUGI_WORKSPACE, TSUGI_START_ELSEWHERE */
export function refuseElsewhere(project: Project, { elsewhere }: StartScript): void {
  if (elsewhere === undefined) return;
  const { folder } = project;
  const isProject = (path: string) => existsSync(join(folder, path, "package.json"));
  const other = [
    ...workspaceFolders(project).filter((path) => {
      const { name = "" } = readPackage(join(folder, path));
      return path === elsewhere || name === elsewhere || name.endsWith(`/${elsewhere}`);
    }),
    ...(elsewhere !== "*" && isProject(elsewhere) ? [normalize(elsewhere)] : []),
  ].find((path) => path !== ".");
  if (other !== undefined) throw new TsugiError("TSUGI_START_ELSEWHERE", { folder, other });
  refuseWorkspaceRoot(project);
}

/** Of its packages, relative to its root. */
export const workspaceFolders = ({ folder, packageJson }: Project): string[] =>
  patternsOf(folder, packageJson).flatMap((pattern) => foldersOf(folder, pattern));

function patternsOf(folder: string, packageJson: object): string[] {
  const { workspaces } = packageJson as { workspaces?: string[] | { packages?: string[] } };
  const named = Array.isArray(workspaces) ? workspaces : (workspaces?.packages ?? []);
  const file = join(folder, "pnpm-workspace.yaml");
  if (!existsSync(file)) return named;
  return [...named, ...packagesIn(readFileSync(file, "utf8"))];
}

/** Its list `packages`, a line each or in brackets; other lists of that file name no folders. */
function packagesIn(yaml: string): string[] {
  const [, list = ""] = /^packages:(.*(?:\n(?![\w"']).*)*)/m.exec(yaml) ?? [];
  const words = list.replace(/#.*/g, "").split(/[\s,[\]"']+/);
  return words.filter((word) => word !== "" && word !== "-");
}

function foldersOf(folder: string, pattern: string): string[] {
  const base = pattern.replace(/\/\*+$/, "");
  if (base === pattern) return existsSync(join(folder, base, "package.json")) ? [base] : [];
  if (!existsSync(join(folder, base))) return [];
  return readdirSync(join(folder, base), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(base, entry.name))
    .filter((path) => existsSync(join(folder, path, "package.json")));
}

function hasStart(folder: string): boolean {
  const { scripts = {} } = readPackage(folder);
  return scripts.start !== undefined || scripts["start:prod"] !== undefined;
}
