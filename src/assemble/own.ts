/** own: the project's build script, then its files as they are. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { hasOldBuilds } from "../pack/buildFolder.ts";
import { runCommand, type Surroundings, tail } from "../pack/commands.ts";
import { fileAt, filesBelow, type PackedFile, readSource } from "../pack/fileSet.ts";
import type { Project } from "../pack/project.ts";
import type { BuildReport } from "../pack/report.ts";
import { chooseEntry, hasBuildScript, isTypeScript, outputFolderOf } from "./entry.ts";
import { freshFirst, noteOutput, refuseStale } from "./freshness.ts";
import { type HotScan, mentionsHot } from "./hotScan.ts";
import { wantedManager } from "./packageManager.ts";
import { packedFiles } from "./packedFiles.ts";
import { reachedFiles } from "./reached.ts";

export interface OwnFiles {
  files: PackedFile[];
  /** One for each list of candidates. */
  entries: string[];
}

export interface OwnRequest {
  candidates: string[][];
  preloads: string[];
  surroundings: Surroundings | undefined;
}

export async function ownFiles(
  project: Project,
  { candidates, preloads, surroundings }: OwnRequest,
  hot: HotScan,
  report: BuildReport,
): Promise<OwnFiles> {
  const { folder } = project;
  const isBuilt = hasBuildScript(project);
  const before = noteOutput(folder, candidates.flat());
  const command = isBuilt ? await runBuildScript(folder, surroundings, report) : "";
  const entries = candidates.map((list) =>
    chooseEntry(folder, isBuilt ? freshFirst(folder, list, before) : list),
  );
  if (isBuilt) for (const entry of entries) refuseStale(folder, entry, before, command);
  for (const entry of entries.filter(isTypeScript)) {
    report.warn(`${entry} is TypeScript: Node strips its types. To compile it: build: "compile"`);
  }
  report.step("Listing files");
  const listed = await packedFiles(folder);
  const hasOld = hasOldBuilds(folder);
  const paths = new Set(
    listed.filter(
      (path) =>
        !isLeftOut(path) && !(hasOld && path.startsWith("rel/")) && existsSync(join(folder, path)),
    ),
  );
  for (const entry of [...entries, ...preloads]) {
    for (const path of reachedFiles(folder, entry)) paths.add(path);
    const output = outputFolderOf(entry);
    if (output === undefined) continue;
    for (const { path } of filesBelow(join(folder, output), output)) paths.add(path);
  }
  const files = [...paths].map((path) => fileAt(path, join(folder, path)));
  for (const { path, source } of files) {
    if (!/\.[cm]?[jt]s$/.test(path)) continue;
    const code = Buffer.from(readSource(source)).toString("utf8");
    if (mentionsHot(code)) hot.add(code, path);
  }
  return { files, entries };
}

export async function runBuildScript(
  folder: string,
  surroundings: Surroundings | undefined,
  report: BuildReport,
  whose?: string,
): Promise<string> {
  const manager = wantedManager(folder).name;
  const command = `${manager} run build${whose === undefined ? "" : ` (${whose})`}`;
  report.step(command);
  const result = await runCommand(manager, ["run", "build"], folder, {}, surroundings).catch(
    (error: Error) => ({ code: 127, stdout: "", stderr: error.message }),
  );
  if (result.code === 0) return command;
  throw new TsugiError("TSUGI_BUILD_FAILED", {
    what: `${command} (exit code ${result.code})`,
    problem: tail(`${result.stdout}\n${result.stderr}`),
  });
}

/** What `npm pack` would take and a release has no use for. */
const isLeftOut = (path: string): boolean =>
  /^(node_modules|\.tsugi)\//.test(path) ||
  /^\.?tsugi\.config\..*$/.test(path) ||
  /^(\.node-version|\.nvmrc|package-lock\.json|\.npmrc)$/.test(path) ||
  path.endsWith(".tgz");
