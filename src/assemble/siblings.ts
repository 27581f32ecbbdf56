/**
 * The workspace's packages that an app needs. A fresh clone has them unbuilt: those whose entry is
 * not there and that have a build script are built first, each after what it needs itself. And one
 * that says what belongs to it (`files` in its package.json) is packed as it would be published.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Surroundings } from "../pack/commands.ts";
import type { BuildLog } from "../pack/log.ts";
import type { PackageJson, Project } from "../pack/project.ts";
import { packedFiles } from "./packedFiles.ts";
import { runBuild } from "./projectBuild.ts";
import { isInsideModules, locatePackage, readPackage } from "./resolveFrom.ts";

/** Folder of a sibling → what of it is packed; a sibling that is not in it is packed whole. */
export type SiblingFiles = ReadonlyMap<string, ReadonlySet<string>>;

/** @throws TSUGI_BUILD_FAILED */
export async function prepareSiblings(
  project: Project,
  surroundings: Surroundings | undefined,
  log: BuildLog,
): Promise<SiblingFiles> {
  const files = new Map<string, ReadonlySet<string>>();
  for (const folder of siblingsOf(project)) {
    const packageJson = readPackage(folder);
    if (packageJson.scripts?.build !== undefined && !hasEntry(folder, packageJson)) {
      const whose = packageJson.name ?? folder;
      await runBuild(folder, { script: "build" }, surroundings, log, whose);
    }
    if (packageJson.files !== undefined) files.set(folder, new Set(await packedFiles(folder)));
  }
  return files;
}

/** What others need comes before them. */
function siblingsOf(project: Project): string[] {
  const ordered: string[] = [];
  const seen = new Set<string>();
  const visit = (folder: string, { dependencies, optionalDependencies }: PackageJson) => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const found = locatePackage(folder, name);
      if (found === undefined || isInsideModules(found.folder) || seen.has(found.folder)) continue;
      seen.add(found.folder);
      visit(found.folder, readPackage(found.folder));
      ordered.push(found.folder);
    }
  };
  visit(project.folder, project.packageJson);
  return ordered;
}

function hasEntry(folder: string, { main, exports }: PackageJson): boolean {
  const named = [main ?? [], pathsIn(exports)].flat();
  const entries = named.length === 0 ? ["index.js", "index.mjs", "index.cjs"] : named;
  const endings = ["", ".js", ".cjs", ".json", "/index.js"];
  return entries.some((entry) => endings.some((end) => existsSync(join(folder, entry + end))));
}

/** Of `exports` all files but declarations and patterns. */
function pathsIn(exports: unknown): string[] {
  if (typeof exports === "string") {
    return /\*|\.d\.[cm]?ts$|package\.json$/.test(exports) ? [] : [exports];
  }
  if (exports === null || typeof exports !== "object") return [];
  return Object.values(exports).flatMap(pathsIn);
}
