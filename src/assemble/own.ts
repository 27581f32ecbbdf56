/** own: the project's build script, then its files as they are. */
import { existsSync, lstatSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { hasOldBuilds } from "../pack/buildFolder.ts";
import type { Surroundings } from "../pack/commands.ts";
import { fileAt, filesBelow, linkTo, type PackedFile, readSource } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { parseModule } from "./ast.ts";
import { codeReached } from "./codeReached.ts";
import { leaveOutDeployFiles } from "./deployFiles.ts";
import { chooseEntry, isFile, outputFolderOf } from "./entry.ts";
import { freshFirst, noteOutput, refuseStale } from "./freshness.ts";
import { tellSourceGlobs } from "./globs.ts";
import { type HotScan, mentionsHot, mentionsListen } from "./hotScan.ts";
import { findNeighbours } from "./neighbours.ts";
import { packedFiles } from "./packedFiles.ts";
import { PathReader } from "./pathValues.ts";
import { findPreload } from "./preloads.ts";
import { buildOf, runBuild } from "./projectBuild.ts";
import { reachedFiles } from "./reached.ts";
import { readPackage } from "./resolveFrom.ts";
import type { Recognised } from "./shapes/index.ts";
import { someOf, type Unfollowed, unfollowedAt } from "./unfollowed.ts";
import { tellWorkerLoaders } from "./workerLoaders.ts";

export interface OwnFiles {
  files: PackedFile[];
  /** One for each list of candidates. */
  entries: string[];
  listens: ReadonlySet<string>;
  unfollowed: Unfollowed[];
}

export interface OwnRequest {
  candidates: string[][];
  /** Of the entries: some name what the build has written. */
  args: string[];
  preloads: string[];
  surroundings: Surroundings | undefined;
  shape: Recognised | undefined;
}

export async function ownFiles(
  project: Project,
  { candidates, args, preloads, surroundings, shape }: OwnRequest,
  hot: HotScan,
  log: BuildLog,
): Promise<OwnFiles> {
  const { folder } = project;
  const build = buildOf(project);
  const isBuilt = build !== undefined;
  const before = noteOutput(folder, candidates.flat());
  const command = isBuilt ? await runBuild(folder, build, surroundings, log) : "";
  const entries = candidates.map((list) =>
    chooseEntry(folder, isBuilt ? freshFirst(folder, list, before) : list),
  );
  if (isBuilt) for (const entry of entries) refuseStale(folder, entry, before, command);
  log.step("Listing files");
  const first = preloads.map((path) => findPreload(folder, path));
  const listing = await listOwn(folder, { entries, args, preloads: first, shape }, log);
  const { files, sources, runs } = listing;
  const isWhole = shape?.onlyOutputs !== true;
  if (isWhole) files.push(...withLinks(folder, files, log));
  const unfollowed = isWhole ? notPacked(folder, sources, files) : [];
  for (const { path, source } of files) {
    if (!/\.[cm]?[jt]s$/.test(path)) continue;
    const code = Buffer.from(readSource(source)).toString("utf8");
    if (mentionsHot(code)) hot.add(code, path, { isRun: runs(path) });
    if (outputFolderOf(path) !== undefined && runs(path)) tellSourceGlobs(folder, path, code, log);
    if (runs(path)) tellWorkerLoaders(project, path, code, log);
  }
  for (const file of shape?.placed?.(folder, entries[0]!) ?? []) files.push(file);
  const listens = new Set(entries.filter((entry) => listensIn(folder, entry)));
  return { files, entries, listens, unfollowed };
}

/** Of a package's command, nobody looks. */
const listensIn = (folder: string, entry: string): boolean =>
  isFile(join(folder, entry)) &&
  reachedFiles(folder, entry).some((path) =>
    mentionsListen(readFileSync(join(folder, path), "utf8")),
  );

/** What own sources name by its place, and what is there, but in no list: .gitignore has it. */
function notPacked(
  folder: string,
  sources: ReadonlySet<string>,
  files: readonly PackedFile[],
): Unfollowed[] {
  const packed = new Set(files.map(({ path }) => path));
  return [...sources]
    .filter((path) => packed.has(path) && outputFolderOf(path) === undefined)
    .flatMap((path) => namedIn(folder, path));
}

function namedIn(folder: string, path: string): Unfollowed[] {
  const id = join(folder, path);
  const code = readFileSync(id, "utf8");
  const ast = parseModule(code, id);
  if (ast === undefined) return [];
  const all = findNeighbours(ast, id, folder, new PathReader(ast, id, folder));
  return [...all.found, ...all.unfollowed].flatMap(({ node, path: named }) =>
    named === undefined ? [] : [unfollowedAt(path, code, node, named)],
  );
}

/**
 * What lies there now: of the project, and what its build has written. `sources`: what the entries
 * reach; `runs`: whether it is code of the application.
 */
export async function listOwn(
  folder: string,
  {
    entries,
    args,
    preloads,
    shape,
  }: Pick<OwnRequest, "args" | "preloads" | "shape"> & { entries: string[] },
  log: BuildLog,
): Promise<{ files: PackedFile[]; sources: Set<string>; runs: (path: string) => boolean }> {
  const sources = new Set<string>();
  const paths = new Set(shape?.onlyOutputs ? [] : await listed(folder));
  const outputs = new Set([...(shape?.outputs ?? []), ...args.flatMap(outputNamedIn)]);
  const own = new Set(paths);
  // Who lists files has left out the others on purpose.
  const hasList = "files" in readPackage(folder);
  for (const entry of [...entries, ...preloads]) {
    const isEntry = entries.includes(entry);
    const reached = isEntry && shape?.onlyOutputs === true ? [] : reachedFiles(folder, entry);
    for (const path of reached) paths.add(path);
    if (isEntry) for (const path of reached) sources.add(path);
    // Generated, and so in .gitignore: what it reads lies beside it (a client's engine, its schema).
    for (const path of hasList ? [] : reached) {
      const place = dirname(path);
      if (own.has(path) || place === "." || outputFolderOf(path) !== undefined) continue;
      for (const beside of filesBelow(join(folder, place), place)) paths.add(beside.path);
    }
    const output = outputFolderOf(entry);
    if (output !== undefined) outputs.add(output);
  }
  for (const output of outputs) {
    if (!existsSync(join(folder, output))) continue;
    const isIdle = (path: string) =>
      OF_COMPILER.test(path) || shape?.isIdle?.(join(output, path)) === true;
    for (const { path } of filesBelow(join(folder, output), output, isIdle)) paths.add(path);
  }
  const code = codeReached(folder, [...entries, ...preloads, ...args]);
  leaveOutDeployFiles(folder, { paths, code, args }, log);
  // Where a package's command starts it by its own rules, nobody sees what of it runs.
  const runs = (path: string) => code.size === 0 || code.has(path);
  return { files: [...paths].map((path) => packedAt(path, join(folder, path))), sources, runs };
}

/** `fastify start dist/app.js`, `serve -s build`, `--config=dist/a.json`. */
const outputNamedIn = (argument: string): string | string[] =>
  outputFolderOf(join(argument.replace(/^--?[\w-]+=/, ""), "x")) ?? [];

/** What `npm pack` would take, but what a release has no use for. */
async function listed(folder: string): Promise<string[]> {
  const hasOld = hasOldBuilds(folder);
  return (await packedFiles(folder)).filter(
    (path) =>
      !isLeftOut(path) && !(hasOld && path.startsWith("rel/")) && existsSync(join(folder, path)),
  );
}

/** npm's own list has none of them: those that lead to what is packed are links in the release, the others are named. */
function withLinks(folder: string, files: readonly PackedFile[], log: BuildLog): PackedFile[] {
  const packed = files.map(({ path }) => path);
  const isThere = new Set(packed);
  const isElsewhere = (path: string) => /(^|\/)(node_modules$|\.[^/]*$)/.test(path);
  const links = filesBelow(folder, ".", isElsewhere)
    .filter(({ source }) => "link" in source)
    .map(({ path }) => path.slice(2))
    .filter((path) => !isThere.has(path));
  const targets = new Map<string, string>();
  for (const path of links) {
    const target = targetIn(folder, path);
    const isPacked = (file: string) => file === target || file.startsWith(`${target}/`);
    if (target !== undefined && packed.some(isPacked)) targets.set(path, target);
  }
  const left = links.filter((path) => !targets.has(path));
  if (left.length > 0) {
    log.note(
      `Links are not packed: ${someOf(left)}. files in tsugi.config.ts takes what they lead to`,
    );
  }
  return [...targets].map(([path, target]) =>
    linkTo(path, relative(join(folder, dirname(path)), join(folder, target))),
  );
}

/** Where a link leads, relative to the project; undefined outside of it, and to nothing. */
function targetIn(folder: string, path: string): string | undefined {
  try {
    const target = relative(realpathSync(folder), realpathSync(join(folder, path)));
    return target === "" || target.startsWith("..") ? undefined : target;
  } catch {
    return undefined;
  }
}

/** Links inside of an output stay links: Nitro's packages are some. */
function packedAt(path: string, file: string): PackedFile {
  return lstatSync(file).isSymbolicLink() ? linkTo(path, readlinkSync(file)) : fileAt(path, file);
}

/** TypeScript's own account of what it has built. */
const OF_COMPILER = /\.tsbuildinfo$/;

/** What `npm pack` would take and a release has no use for. */
const isLeftOut = (path: string): boolean =>
  /^(node_modules|\.tsugi)\//.test(path) ||
  /^\.?tsugi\.config\..*$/.test(path) ||
  /^(\.node-version|\.nvmrc|package-lock\.json|\.npmrc)$/.test(path) ||
  OF_COMPILER.test(path) ||
  path.endsWith(".tgz");
