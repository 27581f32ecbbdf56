/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { compileEntry } from "./compile.ts";
import { type BuildMode, chooseEntry } from "./entry.ts";
import { fileAt, type PackedFile } from "./fileSet.ts";
import { type HotFacts, HotScan } from "./hotScan.ts";
import { ownFiles } from "./own.ts";
import type { Project } from "./project.ts";
import type { BuildReport } from "./report.ts";
import { staticFiles } from "./staticFiles.ts";

export interface ProcessPlan {
  name: string;
  entry: string;
  workers: number | "max";
  overlap: boolean;
}

export interface ApplicationRequest {
  project: Project;
  mode: BuildMode;
  processes: { name: string; candidates: string[]; workers: number | "max"; overlap: boolean }[];
  files: string[] | undefined;
  external: string[];
}

export interface Application {
  /** Paths relative to the application's folder. */
  files: PackedFile[];
  processes: ProcessPlan[];
  hot: HotFacts;
}

export async function buildApplication(
  request: ApplicationRequest,
  report: BuildReport,
): Promise<Application> {
  const { project, mode } = request;
  const hot = new HotScan();
  const chosen = request.processes.map(({ candidates, ...rest }) => ({
    ...rest,
    entry: mode === "own" ? "" : chooseEntry(project.folder, candidates),
    candidates,
  }));
  const files = new Map<string, PackedFile>();
  const add = (found: PackedFile[]) => {
    for (const file of found) files.set(file.path, file);
  };
  const processes: ProcessPlan[] = [];
  if (mode === "own") {
    const own = await ownFiles(
      project,
      request.processes.map(({ candidates }) => candidates),
      hot,
      report,
    );
    add(own.files);
    for (const [index, { candidates: _, ...rest }] of chosen.entries()) {
      processes.push({ ...rest, entry: own.entries[index]! });
    }
  } else {
    for (const { candidates: _, ...rest } of chosen) {
      report.step(`Compiling ${rest.entry}`);
      const isExternal = externalFor(mode, request.external);
      const compiled = await compileEntry(
        { folder: project.folder, entry: rest.entry, isExternal, hot },
        report,
      );
      add(compiled.files);
      processes.push({ ...rest, entry: compiled.entry });
    }
  }
  add(await staticFiles(project, request.files, mode, report));
  files.set("package.json", fileAt("package.json", join(project.folder, "package.json")));
  return { files: [...files.values()], processes, hot: hot.facts() };
}

const isPackage = (specifier: string) => /^(@[^/]+\/)?[^./\0@:][^:]*$/.test(specifier);

function externalFor(mode: BuildMode, external: string[]) {
  return (specifier: string): boolean => {
    if (isBuiltin(specifier) || specifier === "tsugi" || specifier.startsWith("tsugi/"))
      return true;
    if (!isPackage(specifier)) return false;
    if (mode === "bundle")
      return external.some((name) => specifier === name || specifier.startsWith(`${name}/`));
    return true;
  };
}
