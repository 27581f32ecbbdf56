/** own: the project's build script, then its files as they are. */
import { existsSync, lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { hasOldBuilds } from "../pack/buildFolder.ts";
import { runCommand, type Surroundings, tail } from "../pack/commands.ts";
import { fileAt, filesBelow, linkTo, type PackedFile, readSource } from "../pack/fileSet.ts";
import type { Project } from "../pack/project.ts";
import type { BuildReport } from "../pack/report.ts";
import { chooseEntry, hasBuildScript, outputFolderOf } from "./entry.ts";
import { freshFirst, noteOutput, refuseStale } from "./freshness.ts";
import { type HotScan, mentionsHot } from "./hotScan.ts";
import { localManager } from "./packageManager.ts";
import { packedFiles } from "./packedFiles.ts";
import { reachedFiles } from "./reached.ts";
import type { Recognised } from "./shapes/index.ts";

export interface OwnFiles {
  files: PackedFile[];
  /** One for each list of candidates. */
  entries: string[];
}

export interface OwnRequest {
  candidates: string[][];
  preloads: string[];
  surroundings: Surroundings | undefined;
  shape: Recognised | undefined;
}

export async function ownFiles(
  project: Project,
  { candidates, preloads, surroundings, shape }: OwnRequest,
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
  report.step("Listing files");
  const files = await listOwn(folder, { entries, preloads, shape });
  if (shape?.onlyOutputs !== true) tellLinks(folder, files, report);
  for (const { path, source } of files) {
    if (!/\.[cm]?[jt]s$/.test(path)) continue;
    const code = Buffer.from(readSource(source)).toString("utf8");
    if (mentionsHot(code)) hot.add(code, path);
  }
  for (const file of shape?.placed?.(folder, entries[0]!) ?? []) files.push(file);
  return { files, entries };
}

/** What lies there now: of the project, and what its build has written. */
export async function listOwn(
  folder: string,
  { entries, preloads, shape }: Pick<OwnRequest, "preloads" | "shape"> & { entries: string[] },
): Promise<PackedFile[]> {
  const paths = new Set(shape?.onlyOutputs ? [] : await listed(folder));
  const outputs = new Set(shape?.outputs);
  for (const entry of [...entries, ...preloads]) {
    if (shape?.onlyOutputs !== true)
      for (const path of reachedFiles(folder, entry)) paths.add(path);
    const output = outputFolderOf(entry);
    if (output !== undefined) outputs.add(output);
  }
  for (const output of outputs) {
    if (!existsSync(join(folder, output))) continue;
    const isIdle = (path: string) => shape?.isIdle?.(join(output, path)) === true;
    for (const { path } of filesBelow(join(folder, output), output, isIdle)) paths.add(path);
  }
  return [...paths].map((path) => packedAt(path, join(folder, path)));
}

/** What `npm pack` would take, but what a release has no use for. */
async function listed(folder: string): Promise<string[]> {
  const hasOld = hasOldBuilds(folder);
  return (await packedFiles(folder)).filter(
    (path) =>
      !isLeftOut(path) && !(hasOld && path.startsWith("rel/")) && existsSync(join(folder, path)),
  );
}

/** npm's own list has none of them. */
function tellLinks(folder: string, files: readonly PackedFile[], report: BuildReport): void {
  const packed = new Set(files.map(({ path }) => path));
  const isElsewhere = (path: string) => /(^|\/)(node_modules$|\.[^/]*$)/.test(path);
  const links = filesBelow(folder, ".", isElsewhere)
    .filter(({ source }) => "link" in source)
    .map(({ path }) => path.slice(2))
    .filter((path) => !packed.has(path));
  if (links.length === 0) return;
  const some =
    links.slice(0, 5).join(", ") + (links.length > 5 ? ` and ${links.length - 5} more` : "");
  report.note(`Links are not packed: ${some}. files in tsugi.config.ts takes what they lead to`);
}

export async function runBuildScript(
  folder: string,
  surroundings: Surroundings | undefined,
  report: BuildReport,
  whose?: string,
): Promise<string> {
  const manager = localManager(folder);
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

/** Links inside of an output stay links: Nitro's packages are some. */
function packedAt(path: string, file: string): PackedFile {
  return lstatSync(file).isSymbolicLink() ? linkTo(path, readlinkSync(file)) : fileAt(path, file);
}

/** What `npm pack` would take and a release has no use for. */
const isLeftOut = (path: string): boolean =>
  /^(node_modules|\.tsugi)\//.test(path) ||
  /^\.?tsugi\.config\..*$/.test(path) ||
  /^(\.node-version|\.nvmrc|package-lock\.json|\.npmrc)$/.test(path) ||
  path.endsWith(".tgz");
