/** The folder of a project's builds: out of the sight of git, and what an older tsugi has left in sight. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beamBuildsIn } from "../release/layout.ts";
import type { BuildLog } from "./log.ts";

/** `.tsugi` ignores itself: no line of the project's own .gitignore is needed. */
export function hideBuilds(project: string): void {
  const folder = join(project, ".tsugi");
  mkdirSync(folder, { recursive: true });
  const file = join(folder, ".gitignore");
  if (!existsSync(file)) writeFileSync(file, "*\n");
}

/** Trees of 0.1.0 lay in rel/, where tsc, Jest and ESLint take them for sources. */
export function warnOfOldBuilds(project: string, log: BuildLog): void {
  if (!hasOldBuilds(project)) return;
  log.warn(
    "rel/ holds builds of an older tsugi, and the project's own tools (tsc, Jest, ESLint) take them for its sources. Move what you need elsewhere, then: rm -r rel",
  );
}

export function hasOldBuilds(project: string): boolean {
  const folder = beamBuildsIn(project);
  if (!existsSync(folder)) return false;
  return readdirSync(folder, { withFileTypes: true }).some(
    (entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "releases")),
  );
}
