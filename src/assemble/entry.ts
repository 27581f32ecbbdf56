/** A path of the project as an entry: its endings, its output folder, how it is built. */
import { existsSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { inPackage } from "./bins.ts";
import { hasBuildScript } from "./projectBuild.ts";

export type BuildMode = "compile" | "own" | "bundle";

const OUTPUT_FOLDERS = new Set(["dist", "build", "lib", "out", "output", ".output"]);

export const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path);

/** The output folder that a path lies in (`dist` of `dist/src/main.js`), else undefined. */
export function outputFolderOf(path: string): string | undefined {
  const [first, ...rest] = normalize(path).split("/");
  return rest.length > 0 && OUTPUT_FOLDERS.has(first!) ? first : undefined;
}

export function chooseEntry(folder: string, candidates: string[]): string {
  const present = candidates.find(
    (path) => isFile(join(folder, path)) || isFile(inPackage(folder, path)),
  );
  if (present !== undefined) return present;
  throw new TsugiError("TSUGI_ENTRY_MISSING", { looked: candidates.join(", "), folder });
}

export const guessMode = (project: Project, entry: string, isTranspiled = false): BuildMode =>
  (isTypeScript(entry) || isTranspiled) && !hasBuildScript(project) ? "compile" : "own";

export const tidy = (path: string) =>
  normalize(path)
    .replace(/^\.\//, "")
    .replace(/(.)\/$/, "$1");

/** As Node's `require` finds it: `dist/main` is `dist/main.js`. `isTranspiled`: and as tsx does. */
export function withEndings(path: string, isTranspiled = false): string[] {
  if (/\.[cm]?[jt]sx?$/.test(path)) return [path];
  const endings = ["js", "mjs", "cjs", ...(isTranspiled ? ["ts", "mts", "cts", "tsx", "jsx"] : [])];
  const files = path === "." ? [] : endings.map((ending) => `${path}.${ending}`);
  return [path, ...files, ...endings.map((ending) => tidy(`${path}/index.${ending}`))];
}

export const isFile = (path: string) => existsSync(path) && statSync(path).isFile();
