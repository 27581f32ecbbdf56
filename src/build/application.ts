/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { APPUP_MODULE, type Appup } from "../release/appup.ts";
import { type AppupDecision, placeAppup } from "./appup.ts";
import { appupPlugin } from "./appupModule.ts";
import type { Surroundings } from "./commands.ts";
import { type Code, compileAll, compilePart } from "./compileAll.ts";
import type { BuildMode } from "./entry.ts";
import { fileAt, type PackedFile } from "./fileSet.ts";
import { type HotFacts, HotScan } from "./hotScan.ts";
import { ownFiles } from "./own.ts";
import { ALL_DEPENDENCIES, type NeededPackages } from "./packages.ts";
import type { Project } from "./project.ts";
import type { BuildReport } from "./report.ts";
import { staticFiles } from "./staticFiles.ts";

export interface ProcessDecision {
  name: string;
  /** Of these, the first that is there once the build script has run. */
  candidates: string[];
  workers: number | "max";
  overlap: boolean;
}

export interface ApplicationRequest {
  project: Project;
  mode: BuildMode;
  processes: ProcessDecision[];
  /** Own files that node preloads. */
  preloads: string[];
  /** Globs; undefined: guessed. */
  files: string[] | undefined;
  /** With bundle: what stays a package. */
  external: string[];
  /** Of a clean build: how the build script is run. */
  surroundings?: Surroundings | undefined;
  appup?: AppupDecision | undefined;
  /** Of tsugi.config.*, relative to the project; where there is one. */
  configFile?: string | undefined;
}

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
  }[];
  hot: HotFacts;
  appup?: Appup;
  needed: NeededPackages;
  /** Where an own preload ended up. */
  placed: (path: string) => string;
}

export async function buildApplication(
  request: ApplicationRequest,
  report: BuildReport,
): Promise<Application> {
  const { project, mode } = request;
  const code = mode === "own" ? await takeOwn(request, report) : await compileAll(request, report);
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
  const list = [...files.values()];
  return { files: list, isStatic, processes, needed, placed, hot: hot.facts(), ...appup };
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

async function takeOwn(
  { project, processes, preloads, surroundings, appup }: ApplicationRequest,
  report: BuildReport,
): Promise<Code> {
  const hot = new HotScan();
  const candidates = processes.map((process) => process.candidates);
  const { files, entries } = await ownFiles(
    project,
    { candidates, preloads: [...preloads, ...(appup?.sources ?? [])], surroundings },
    hot,
    report,
  );
  const placed = (path: string) => path;
  const swaps = new Map<string, string>();
  return { files, entries, swaps, needed: ALL_DEPENDENCIES, placed, hot };
}
