/**
 * The workspace's packages that an app needs. A fresh clone has them unbuilt, and a change leaves them
 * with old code: those with a build script whose output is not there, or older than a source, are built
 * first, each after what it needs itself. And one that says what belongs to it (`files` in its
 * package.json) is packed as it would be published.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Surroundings } from "../pack/commands.ts";
import { filesBelow } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import type { PackageJson, Project } from "../pack/project.ts";
import { outputFolderOf } from "./entry.ts";
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
    if (packageJson.scripts?.build !== undefined && isUnbuilt(folder, packageJson)) {
      const whose = packageJson.name ?? folder;
      await runBuild(folder, { script: "build" }, surroundings, log, whose);
    }
    if (packageJson.files !== undefined) files.set(folder, new Set(await packedFiles(folder)));
  }
  return files;
}

/** What others need comes before them, also what they are only built with. */
function siblingsOf(project: Project): string[] {
  const ordered: string[] = [];
  const seen = new Set<string>();
  const visit = (
    folder: string,
    { dependencies, optionalDependencies, devDependencies }: PackageJson,
  ) => {
    for (const name of Object.keys({
      ...dependencies,
      ...optionalDependencies,
      ...devDependencies,
    })) {
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

const ENDINGS = ["", ".js", ".cjs", ".json", "/index.js"];

function isUnbuilt(folder: string, { main, exports }: PackageJson): boolean {
  const named = exports === undefined ? [main ?? []].flat() : pathsIn(exports);
  const isThere = (entry: string) => ENDINGS.some((end) => existsSync(join(folder, entry + end)));
  if (named.length === 0) return !["index.js", "index.mjs", "index.cjs"].some(isThere);
  if (!named.every(isThere)) return true;
  const outputs = new Set(named.map(outputFolderOf).filter((name) => name !== undefined));
  if (outputs.size === 0) return false;
  const isNoSource = (path: string) =>
    outputs.has(path) || /(^|\/)(node_modules|coverage|\.[^/]*)$|\.tsbuildinfo$/.test(path);
  const built = [...outputs].map((output) => youngest(join(folder, output), () => false));
  return youngest(folder, isNoSource) > Math.max(...built);
}

const youngest = (folder: string, skip: (path: string) => boolean): number =>
  filesBelow(folder, ".", skip)
    .filter(({ source }) => "file" in source)
    .reduce((time, { path }) => Math.max(time, statSync(join(folder, path)).mtimeMs), 0);

/** What Node goes by. `types` and a tool's own conditions may name sources. */
const CONDITIONS = /^(\.|\d|(import|require|node|node-addons|module-sync|default)$)/;

/** Of `exports` all files but declarations and patterns. */
function pathsIn(exports: unknown): string[] {
  if (typeof exports === "string") {
    return /\*|\.d\.[cm]?ts$|package\.json$/.test(exports) ? [] : [exports];
  }
  if (exports === null || typeof exports !== "object") return [];
  return Object.entries(exports)
    .filter(([key]) => CONDITIONS.test(key))
    .flatMap(([, value]) => pathsIn(value));
}
