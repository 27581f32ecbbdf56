/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { defined } from "../contract/checks.ts";
import { fileAt, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { APPUP_MODULE, type Appup } from "../release/appup.ts";
import { isSafePath, type ManifestProcess } from "../release/manifest.ts";
import { placeAppup } from "./appup.ts";
import { appupPlugin } from "./appupModule.ts";
import { type Code, compileAll, compilePart } from "./compileAll.ts";
import { type BuildMode, isTypeScript, outputFolderOf } from "./entry.ts";
import { type HotFacts, HotScan } from "./hotScan.ts";
import { ownFiles } from "./own.ts";
import { ALL_DEPENDENCIES, type NeededPackages } from "./packages.ts";
import type { ApplicationRequest } from "./request.ts";
import { locatePackage } from "./resolveFrom.ts";
import { linkShared } from "./shared.ts";
import { ownAddons, staticFiles } from "./staticFiles.ts";
import { tellUnstrippable } from "./stripping.ts";
import { tellEmptyFolders, tellUnfollowed } from "./unfollowed.ts";
import { wordFiles } from "./wordFiles.ts";

export interface Application {
  /** Paths relative to the application's folder. */
  files: PackedFile[];
  /** Of them, those that are no code. */
  isStatic: (path: string) => boolean;
  processes: ManifestProcess[];
  hot: HotFacts;
  appup?: Appup;
  needed: NeededPackages;
  mode: BuildMode;
  /** A package that goes along, to compile sources as it goes. */
  loader?: string;
  /** Where an own preload ended up. */
  placed: (path: string) => string;
}

export async function buildApplication(
  request: ApplicationRequest,
  log: BuildLog,
): Promise<Application> {
  const { project } = request;
  const { mode, loader, ...code } = await takeCode(request, log);
  const files = new Map(code.files.map((file) => [file.path, file]));
  for (const file of await staticFiles(project, request.files, mode, files, log)) {
    files.set(file.path, file);
  }
  const words = { processes: request.processes, shared: request.shared, known: files };
  for (const file of await wordFiles(project, words, log)) files.set(file.path, file);
  for (const file of ownAddons(project.folder, log)) files.set(file.path, file);
  const packageJson = join(project.folder, "package.json");
  files.set("package.json", fileAt("package.json", packageJson));
  const processes = request.processes.map(({ candidates: _, ...rest }, index) => {
    const entry = code.entries[index]!;
    const swap = code.swaps.get(entry);
    const isServer = request.shape?.start?.candidates.includes(entry) || code.listens.has(entry);
    // Those of node:cluster listen in other processes.
    const listens = isServer && !code.hot.forks ? ({ listens: true } as const) : {};
    return { ...rest, entry: code.placed(entry), ...defined({ swap }), ...listens };
  });
  const { placed, hot } = code;
  const { appup, needed } = await addAppup(request, code, files, log);
  const isCode = new Set(code.files.map(({ path }) => path).filter((path) => CODE.test(path)));
  for (const path of [APPUP_MODULE, `${APPUP_MODULE}.map`]) isCode.add(path);
  const isStatic = (path: string) => !isCode.has(path);
  leaveOutUnsafe(files, log);
  linkShared(project.folder, request.shared, files, log);
  tellUnfollowed(code.unfollowed, files, log);
  if (request.shape?.onlyOutputs !== true) tellEmptyFolders(project.folder, files, log);
  const list = [...files.values()];
  const facts = { hot: hot.facts(), ...appup, ...defined({ loader }) };
  return { files: list, isStatic, mode, processes, needed, placed, ...facts };
}

/** What no archive may hold, since not every system reads it alike: a backslash, say. */
function leaveOutUnsafe(files: Map<string, PackedFile>, log: BuildLog): void {
  const unsafe = [...files.keys()].filter((path) => !isSafePath(path));
  for (const path of unsafe) files.delete(path);
  if (unsafe.length > 0) {
    const names = unsafe.map((path) => JSON.stringify(path)).join(", ");
    log.warn(`Not packed, for their names: ${names}. Give them others, or take them out.`);
  }
}

const CODE = /\.([cm]?[jt]sx?|json|node|wasm)(\.map)?$/;

/** What its commands and functions need goes into `files` and among the packages. */
async function addAppup(
  request: ApplicationRequest,
  { needed, placed }: Code,
  files: Map<string, PackedFile>,
  log: BuildLog,
): Promise<{ appup?: { appup: Appup }; needed: NeededPackages }> {
  const { appup, configFile, project } = request;
  if (appup === undefined) return { needed };
  const imported = [...needed.imported, ...appup.packages];
  for (const file of appup.files) files.set(file.path, file);
  if (appup.hasFunctions && configFile !== undefined) {
    const plugin = appupPlugin(realpathSync(project.folder), configFile);
    const part = { name: APPUP_MODULE, plugin };
    const compiled = await compilePart(request, configFile, part, log);
    for (const file of compiled.files) files.set(file.path, file);
    imported.push(...compiled.imported);
  }
  return {
    appup: { appup: placeAppup(appup.appup, placed) },
    needed: { ...needed, imported },
  };
}

type TakenCode = Code & { mode: BuildMode; loader?: string };

/**
 * A build script may be of a front end alone, while the server is started from its source: that is
 * compiled then, and what the build has written goes beside it.
 */
async function takeCode(request: ApplicationRequest, log: BuildLog): Promise<TakenCode> {
  const { mode, isGuessed, processes } = request;
  if (mode !== "own") return takeCompiled(request, log);
  const own = await takeOwn(request, log);
  const sources = own.entries.filter(isTypeScript);
  if (sources.length === 0) return { ...own, mode };
  if (!isGuessed) {
    for (const entry of sources) {
      log.warn(`${entry} is TypeScript: Node strips its types. To compile it: build: "compile"`);
    }
    return { ...own, mode };
  }
  log.guess("build", "compile", `${sources.join(", ")} is what is started`);
  const chosen = processes.map((process, at) => ({ ...process, candidates: [own.entries[at]!] }));
  const code = await compileAll({ ...request, mode: "compile", processes: chosen }, log);
  const output = own.files.filter(({ path }) => outputFolderOf(path) !== undefined);
  return { ...code, files: [...output, ...code.files], mode: "compile" };
}

/**
 * Folders of sources that are loaded by their names (routes, plugins, commands) go as they are. Where
 * tsx loads them in the project, it does so in the release: compiled, the rest would be there twice.
 */
async function takeCompiled(request: ApplicationRequest, log: BuildLog): Promise<TakenCode> {
  const { mode, isGuessed, loader, project } = request;
  const code = await compileAll(request, log);
  const loaded = code.files.filter(({ path, source }) => "file" in source && isSource(path));
  const [first] = loaded;
  const isFree = isGuessed && code.swaps.size === 0 && first !== undefined;
  if (!isFree || !loader || locatePackage(project.folder, loader) === undefined) {
    tellUnstrippable(loaded, log);
    return { ...code, mode };
  }
  log.guess("build", "own", `${first.path} is loaded when it runs; ${loader} goes along`);
  return { ...(await takeOwn(request, log)), mode: "own", loader };
}

const isSource = (path: string) => isTypeScript(path) && !/\.d\.[cm]?ts$/.test(path);

async function takeOwn(
  { project, processes, preloads, surroundings, appup, shape }: ApplicationRequest,
  log: BuildLog,
): Promise<Code> {
  const hot = new HotScan();
  const candidates = processes.map((process) => process.candidates);
  const args = processes.flatMap((process) => process.args ?? []);
  const { files, entries, listens, unfollowed } = await ownFiles(
    project,
    { candidates, args, preloads: [...preloads, ...(appup?.sources ?? [])], surroundings, shape },
    hot,
    log,
  );
  const placed = (path: string) => path;
  const swaps = new Map<string, string>();
  return { files, entries, swaps, listens, needed: ALL_DEPENDENCIES, placed, hot, unfollowed };
}
