/** The files beside the code: what `files` names, else the folders that are called so everywhere. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { fileAt, filesBelow, type PackedFile } from "../pack/fileSet.ts";
import { compileGlob } from "../pack/glob.ts";
import type { Project } from "../pack/project.ts";
import type { BuildReport } from "../pack/report.ts";
import type { BuildMode } from "./entry.ts";

const CONVENTIONAL = [
  "public",
  "views",
  "static",
  "templates",
  "assets",
  "migrations",
  "locales",
  "prisma",
  "drizzle",
];
const NEVER = /(^|\/)(node_modules|\.git|\.DS_Store)(\/|$)|^\.tsugi(\/|$)/;

/** `known`: what is packed already, by path. @throws TSUGI_FILES_MISSING where a glob matches nothing */
export async function staticFiles(
  { folder }: Project,
  globs: string[] | undefined,
  mode: BuildMode,
  known: ReadonlyMap<string, unknown>,
  report: BuildReport,
): Promise<PackedFile[]> {
  if (globs === undefined) return mode === "own" ? [] : conventionalFiles(folder, known, report);
  const all = filesBelow(folder, ".", (name) => NEVER.test(name)).map(({ path }) => path.slice(2));
  const chosen = new Set<string>();
  const left = globs
    .filter((glob) => glob.startsWith("!"))
    .map((glob) => compileGlob(glob.slice(1)));
  for (const glob of globs.filter((glob) => !glob.startsWith("!"))) {
    const isFolder = existsSync(join(folder, glob)) && statSync(join(folder, glob)).isDirectory();
    const matches = compileGlob(isFolder ? `${glob.replace(/\/$/, "")}/**` : glob);
    const found = all.filter(matches);
    if (found.length === 0) throw new TsugiError("TSUGI_FILES_MISSING", { glob, folder });
    for (const path of found) if (!left.some((matches) => matches(path))) chosen.add(path);
  }
  return [...chosen].map((path) => fileAt(path, join(folder, path)));
}

function conventionalFiles(
  folder: string,
  known: ReadonlyMap<string, unknown>,
  report: BuildReport,
): PackedFile[] {
  const found: PackedFile[] = [];
  const names: string[] = [];
  for (const name of CONVENTIONAL) {
    const place = join(folder, name);
    if (!existsSync(place) || !statSync(place).isDirectory()) continue;
    const files = filesBelow(place, name, (path) => NEVER.test(path));
    if (files.every(({ path }) => known.has(path))) continue;
    names.push(`${name}/**`);
    found.push(...files);
  }
  if (names.length > 0) report.guess("files", names.join(", "), "folders of that name");
  return found;
}
