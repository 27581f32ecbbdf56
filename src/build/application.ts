/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { join } from "node:path";
import type { Surroundings } from "./commands.ts";
import { type Code, compileAll } from "./compileAll.ts";
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
}

export interface Application {
  /** Paths relative to the application's folder. */
  files: PackedFile[];
  processes: {
    name: string;
    entry: string;
    swap?: string;
    workers: number | "max";
    overlap: boolean;
  }[];
  hot: HotFacts;
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
  const { needed, placed, hot } = code;
  return { files: [...files.values()], processes, needed, placed, hot: hot.facts() };
}

async function takeOwn(
  { project, processes, preloads, surroundings }: ApplicationRequest,
  report: BuildReport,
): Promise<Code> {
  const hot = new HotScan();
  const candidates = processes.map((process) => process.candidates);
  const { files, entries } = await ownFiles(
    project,
    { candidates, preloads, surroundings },
    hot,
    report,
  );
  const placed = (path: string) => path;
  const swaps = new Map<string, string>();
  return { files, entries, swaps, needed: ALL_DEPENDENCIES, placed, hot };
}
