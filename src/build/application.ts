/** lib/<app>-<vsn>: the application's own code, by build mode, and its static files. */
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { type CompileRequest, compileEntry } from "./compile.ts";
import { type BuildMode, chooseEntry } from "./entry.ts";
import { fileAt, filesBelow, type PackedFile } from "./fileSet.ts";
import { type HotFacts, HotScan } from "./hotScan.ts";
import type { Neighbour } from "./neighbours.ts";
import { ownFiles } from "./own.ts";
import { compiledName } from "./placePlugin.ts";
import type { Project } from "./project.ts";
import { reachedFiles } from "./reached.ts";
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
}

export interface Application {
  /** Paths relative to the application's folder. */
  files: PackedFile[];
  processes: { name: string; entry: string; workers: number | "max"; overlap: boolean }[];
  hot: HotFacts;
  /** Packages that the code needs as packages; undefined: all dependencies. */
  packages: Set<string> | undefined;
  /** Folders of workspace siblings that were compiled in: what they depend on is needed too. */
  siblings: Set<string>;
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
  for (const file of await staticFiles(project, request.files, mode, report)) {
    files.set(file.path, file);
  }
  const packageJson = join(project.folder, "package.json");
  files.set("package.json", fileAt("package.json", packageJson));
  const processes = request.processes.map(({ candidates: _, ...rest }, index) => ({
    ...rest,
    entry: code.placed(code.entries[index]!),
  }));
  const { packages, siblings, placed, hot } = code;
  return { files: [...files.values()], processes, packages, siblings, placed, hot: hot.facts() };
}

/** A source named by a path that stays as it is (`join(__dirname, "transport.mjs")`) goes as it is. */
function filesOfNeighbour(folder: string, { path, kind }: Neighbour): PackedFile[] {
  if (kind === "folder") return filesBelow(join(folder, path), path);
  const paths = kind === "source" ? reachedFiles(folder, path) : [path];
  return paths.map((found) => fileAt(found, join(folder, found)));
}

interface Code {
  files: PackedFile[];
  entries: string[];
  packages: Set<string> | undefined;
  siblings: Set<string>;
  placed: (path: string) => string;
  hot: HotScan;
}

async function takeOwn(
  { project, processes, preloads }: ApplicationRequest,
  report: BuildReport,
): Promise<Code> {
  const hot = new HotScan();
  const candidates = processes.map((process) => process.candidates);
  const { files, entries } = await ownFiles(project, { candidates, preloads }, hot, report);
  const placed = (path: string) => path;
  return { files, entries, packages: undefined, siblings: new Set(), placed, hot };
}

async function compileAll(request: ApplicationRequest, report: BuildReport): Promise<Code> {
  const { project, mode, processes, preloads, external } = request;
  const folder = realpathSync(project.folder);
  const entries = processes.map(({ candidates }) => chooseEntry(folder, candidates));
  const open = [...new Set([...entries, ...preloads.map((path) => chooseEntry(folder, [path]))])];
  const files = new Map<string, PackedFile>();
  const packages = new Set<string>();
  const siblings = new Set<string>();
  const hot = new HotScan();
  const compile: CompileRequest = {
    folder,
    hot,
    rules: {
      packages: mode === "bundle" ? new Set(external) : undefined,
      onPackage: (name) => packages.add(name),
      onSibling: ({ folder: sibling }) => siblings.add(sibling),
    },
    onNeighbour: (neighbour) => {
      const { path, kind, literal } = neighbour;
      if (kind === "source" && literal !== undefined) {
        if (!open.includes(path)) open.push(path);
        return;
      }
      const found = filesOfNeighbour(folder, neighbour);
      if (path !== "package.json" && !files.has(found[0]?.path ?? ""))
        report.guess("files", path, "the code names it");
      for (const file of found) files.set(file.path, file);
    },
  };
  // Workers that the code names join the list while it is gone through.
  for (let at = 0; at < open.length; at++) {
    report.step(`Compiling ${open[at]}`);
    for (const file of await compileEntry(open[at]!, compile, report)) files.set(file.path, file);
  }
  return {
    files: [...files.values()],
    entries,
    packages: mode === "bundle" ? packages : undefined,
    siblings,
    placed: (path) => (existsSync(join(folder, path)) ? compiledName(path) : path),
    hot,
  };
}
