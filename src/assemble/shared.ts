/**
 * `shared`: what an app writes beside its code. It lives in `<root>/var`, and each version has a link
 * to it in its place; of what lies there in the project nothing is packed. The link to a folder ends
 * with a slash: the supervisor makes that folder before the app runs.
 */
import { existsSync, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { linkTo, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";

/** @throws TSUGI_CONFIG_INVALID */
export function linkShared(
  project: string,
  shared: string[],
  files: Map<string, PackedFile>,
  log: BuildLog,
): void {
  for (const name of shared) {
    const path = normalize(name).replace(/^\.\//, "").replace(/\/$/, "");
    if (path === "." || path.startsWith("..") || path.startsWith("/")) {
      const problem = `shared: ${JSON.stringify(name)} is no path inside the project`;
      throw new TsugiError("TSUGI_CONFIG_INVALID", { where: "tsugi.config", problem });
    }
    const left = [...files.keys()].filter((file) => file === path || file.startsWith(`${path}/`));
    for (const file of left) files.delete(file);
    if (left.length > 0) {
      log.note(`${path} lives in var/: what the project has there is not packed`);
    }
    const up = "../".repeat(path.split("/").length + 1);
    const isFolder = name.endsWith("/") || isFolderIn(project, path);
    files.set(path, linkTo(path, `${up}var/${path}${isFolder ? "/" : ""}`));
  }
}

function isFolderIn(project: string, path: string): boolean {
  const place = join(project, path);
  return existsSync(place) ? statSync(place).isDirectory() : extname(path) === "";
}
