/** Where the paths of an ecosystem file lie here: they may be those of a host. */
import { existsSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { type Project, readProject } from "../../pack/project.ts";
import { isFile } from "../entry.ts";
import { readPackage } from "../resolveFrom.ts";
import { workspaceFolders } from "../workspace.ts";

const isFolder = (path: string) => existsSync(path) && statSync(path).isDirectory();

/**
 * A folder of an ecosystem file, relative to here. It may be the one that the project has on its
 * host (/var/www/shop/apps/web): then the longest end of it that is a folder here.
 */
export function placeOf(base: string, cwd: unknown): string {
  const given = typeof cwd === "string" && cwd !== "" ? cwd : ".";
  if (!isAbsolute(given)) return normalize(given).replace(/(.)\/$/, "$1");
  const inside = relative(base, given);
  if (!inside.startsWith("..") && !isAbsolute(inside)) return inside || ".";
  return endOf(given, (end) => isFolder(join(base, end))) ?? ".";
}

/** The longest end of a path that is so. */
function endOf(path: string, isSo: (end: string) => boolean): string | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  return parts.map((_, at) => parts.slice(at).join("/")).find((end, at) => at > 0 && isSo(end));
}

/** A file of an ecosystem file, relative to the app's working directory. */
export function ownPath(base: string, cwd: string, path: string): string {
  if (!isAbsolute(path)) return path;
  const inside = relative(base, path);
  if (!inside.startsWith("..")) return relative(cwd, inside);
  const end = endOf(path, (end) => isFile(join(base, end)));
  return end === undefined ? path : relative(cwd, end);
}

/** The nearest package.json that is one of a project: one with "type" alone (dist/) is none. */
export function projectAt(
  base: string,
  folder: string,
): { project: Project; folder: string } | undefined {
  for (let at = normalize(folder); !at.startsWith(".."); at = dirname(at)) {
    if (existsSync(join(base, at, "package.json"))) {
      const project = readProject(join(base, at));
      const { name, scripts, dependencies } = project.packageJson;
      if (name ?? scripts ?? dependencies) return { project, folder: at.replace(/\/$/, "") };
    }
    if (at === ".") return undefined;
  }
  return undefined;
}

/** A path, or the name, of a package of the workspace. */
export function workspaceAt(base: string, cwd: string, named: string): string | undefined {
  if (isFolder(join(base, cwd, named))) return normalize(join(cwd, named));
  const root = projectAt(base, cwd);
  if (root === undefined) return undefined;
  const folder = workspaceFolders(root.project).find((path) => {
    const { name } = readPackage(join(root.project.folder, path));
    return name === named || name?.replace(/^@[^/]+\//, "") === named;
  });
  return folder === undefined ? undefined : join(root.folder, folder);
}
