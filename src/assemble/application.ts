/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { fileAt, type PackedFile } from "../pack/fileSet.ts";
import type { BuildReport } from "../pack/report.ts";
import { APPUP_MODULE, type Appup } from "../release/appup.ts";
import { placeAppup } from "./appup.ts";
import { appupPlugin } from "./appupModule.ts";
import { type Code, compileAll, compilePart } from "./compileAll.ts";
import { type BuildMode, isTypeScript, outputFolderOf } from "./entry.ts";
import { type HotFacts, HotScan } from "./hotScan.ts";
import { ownFiles } from "./own.ts";
import { ALL_DEPENDENCIES, type NeededPackages } from "./packages.ts";
import type { ApplicationRequest } from "./request.ts";
import { linkShared } from "./shared.ts";
import { staticFiles } from "./staticFiles.ts";
import { tellUnfollowed } from "./unfollowed.ts";

export interface Application {
  /** Paths relative to the application's folder. */
  files: PackedFile[];
  /** Of them, those that are no code. */
  isStatic: (path: string) => boolean;
  processes: {
    name: string;
    entry: string;
    swap?: string;
    workers: number | "max";
    overlap: boolean;
    args?: string[];
    env?: Record<string, string>;
  }[];
  hot: HotFacts;
  appup?: Appup;
  needed: NeededPackages;
  mode: BuildMode;
  /** Where an own preload ended up. */
  placed: (path: string) => string;
}

export async function buildApplication(
  request: ApplicationRequest,
  report: BuildReport,
): Promise<Application> {
  const { project } = request;
  const { mode, ...code } = await takeCode(request, report);
  const files = new Map(code.files.map((file) => [file.path, file]));
  for (const file of await staticFiles(project, request.files, mode, files, report)) {
    files.set(file.path, file);
  }
  const packageJson = join(project.folder, "package.json");
  files.set("package.json", fileAt("package.json", packageJson));
  const processes = request.processes.map(({ candidates: _, ...rest }, index) => {
    const entry = code.entries[index]!;
    const swap = code.swaps.get(entry);
    return { ...rest, entry: code.placed(entry), ...(swap === undefined ? {} : { swap }) };
  });
  const { placed, hot } = code;
  const { appup, needed } = await addAppup(request, code, files, report);
  const isCode = new Set(code.files.map(({ path }) => path).filter((path) => CODE.test(path)));
  for (const path of [APPUP_MODULE, `${APPUP_MODULE}.map`]) isCode.add(path);
  const isStatic = (path: string) => !isCode.has(path);
  linkShared(project.folder, request.shared, files, report);
  tellUnfollowed(code.unfollowed, files, report);
  const list = [...files.values()];
  return { files: list, isStatic, mode, processes, needed, placed, hot: hot.facts(), ...appup };
}

const CODE = /\.([cm]?[jt]sx?|json|node|wasm)(\.map)?$/;

/** What its commands and functions need goes into `files` and among the packages. */
async function addAppup(
  request: ApplicationRequest,
  { needed, placed }: Code,
  files: Map<string, PackedFile>,
  report: BuildReport,
): Promise<{ appup?: { appup: Appup }; needed: NeededPackages }> {
  const { appup, configFile, project } = request;
  if (appup === undefined) return { needed };
  const imported = [...needed.imported, ...appup.packages];
  for (const file of appup.files) files.set(file.path, file);
  if (appup.hasFunctions && configFile !== undefined) {
    const plugin = appupPlugin(realpathSync(project.folder), configFile);
    const part = { name: APPUP_MODULE, plugin };
    const compiled = await compilePart(request, configFile, part, report);
    for (const file of compiled.files) files.set(file.path, file);
    imported.push(...compiled.imported);
  }
  return {
    appup: { appup: placeAppup(appup.appup, placed) },
    needed: { ...needed, imported },
  };
}

/**
 * A build script may be of a front end alone, while the server is started from its source: that is
 * compiled then, and what the build has written goes beside it.
 */
async function takeCode(
  request: ApplicationRequest,
  report: BuildReport,
): Promise<Code & { mode: BuildMode }> {
  const { mode, isGuessed, processes } = request;
  if (mode !== "own") return { ...(await compileAll(request, report)), mode };
  const own = await takeOwn(request, report);
  const sources = own.entries.filter(isTypeScript);
  if (sources.length === 0) return { ...own, mode };
  if (!isGuessed) {
    for (const entry of sources) {
      report.warn(`${entry} is TypeScript: Node strips its types. To compile it: build: "compile"`);
    }
    return { ...own, mode };
  }
  report.guess("build", "compile", `${sources.join(", ")} is what is started`);
  const chosen = processes.map((process, at) => ({ ...process, candidates: [own.entries[at]!] }));
  const code = await compileAll({ ...request, mode: "compile", processes: chosen }, report);
  const output = own.files.filter(({ path }) => outputFolderOf(path) !== undefined);
  return { ...code, files: [...output, ...code.files], mode: "compile" };
}

async function takeOwn(
  { project, processes, preloads, surroundings, appup, shape }: ApplicationRequest,
  report: BuildReport,
): Promise<Code> {
  const hot = new HotScan();
  const candidates = processes.map((process) => process.candidates);
  const { files, entries } = await ownFiles(
    project,
    { candidates, preloads: [...preloads, ...(appup?.sources ?? [])], surroundings, shape },
    hot,
    report,
  );
  const placed = (path: string) => path;
  const swaps = new Map<string, string>();
  return { files, entries, swaps, needed: ALL_DEPENDENCIES, placed, hot, unfollowed: [] };
}
