/** The files beside the code: what `files` names, else the folders that are called so everywhere. */
import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { fileAt, filesBelow, type PackedFile } from "../pack/fileSet.ts";
import { compileGlob } from "../pack/glob.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
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

/**
 * `known`: what is packed already, by path.
 * @throws TSUGI_FILES_MISSING where a glob matches nothing, TSUGI_FILES_LINK
 */
export async function staticFiles(
  { folder }: Project,
  globs: string[] | undefined,
  mode: BuildMode,
  known: ReadonlyMap<string, unknown>,
  log: BuildLog,
): Promise<PackedFile[]> {
  if (globs === undefined) return mode === "own" ? [] : conventionalFiles(folder, known, log);
  const all = filesBelow(folder, ".", (name) => NEVER.test(name)).map(({ path }) => path.slice(2));
  const chosen = new Set<string>();
  const left = globs
    .filter((glob) => glob.startsWith("!"))
    .map((glob) => compileGlob(glob.slice(1)));
  for (const glob of globs.filter((glob) => !glob.startsWith("!"))) {
    const isFolder = existsSync(join(folder, glob)) && statSync(join(folder, glob)).isDirectory();
    const matches = compileGlob(isFolder ? `${glob.replace(/\/$/, "")}/**` : glob);
    const found = all.filter(matches);
    if (found.length === 0) refuseLinkOnTheWay(folder, glob);
    if (found.length === 0) throw new TsugiError("TSUGI_FILES_MISSING", { glob, folder });
    for (const path of found) if (!left.some((matches) => matches(path))) chosen.add(path);
  }
  return [...chosen].map((path) => followed(folder, path));
}

/** What node-gyp has made of a binding.gyp: .gitignore has it as a rule, and `bindings("fast")` names no file. */
export function ownAddons(folder: string, log: BuildLog): PackedFile[] {
  const release = "build/Release";
  const isMade = existsSync(join(folder, "binding.gyp")) && existsSync(join(folder, release));
  const found = (isMade ? readdirSync(join(folder, release)) : [])
    .filter((name) => name.endsWith(".node"))
    .map((name) => fileAt(`${release}/${name}`, join(folder, release, name)));
  if (found.length > 0) log.guess("files", found.map(({ path }) => path).join(", "), "binding.gyp");
  return found;
}

/** Links are followed to files of the project: what others have on this machine is in no release by accident. */
function followed(folder: string, path: string): PackedFile {
  const file = join(folder, path);
  if (lstatSync(file).isSymbolicLink()) {
    const problem = whyNotFollowed(folder, file);
    if (problem !== undefined) throw new TsugiError("TSUGI_FILES_LINK", { path, problem });
  }
  return fileAt(path, file);
}

function whyNotFollowed(folder: string, file: string): string | undefined {
  const target = realpathIfThere(file);
  if (target === undefined) return "that leads nowhere";
  if (!isWithin(folder, target)) return outOfProject(target);
  if (statSync(target).isDirectory()) return "to a folder";
  return statSync(target).isFile() ? undefined : "to what is no file";
}

const isWithin = (folder: string, target: string): boolean =>
  target.startsWith(`${realpathSync(folder)}${sep}`);

const outOfProject = (target: string): string => `that leaves the project, to ${target}`;

function realpathIfThere(file: string): string | undefined {
  try {
    return realpathSync(file);
  } catch {
    return undefined;
  }
}

/** Of folders that nobody has named: their links stay links, as far as there is something to lead to. */
function refuseLinksOut(folder: string, paths: string[]): void {
  for (const path of paths) {
    const target = realpathIfThere(join(folder, path));
    if (target !== undefined && !isWithin(folder, target))
      throw new TsugiError("TSUGI_FILES_LINK", { path, problem: outOfProject(target) });
  }
}

/** `data/**`, where `data` is a link: what lies behind it was not looked at. */
function refuseLinkOnTheWay(folder: string, glob: string): void {
  const parts = glob.split("/");
  for (let count = 1; count <= parts.length; count += 1) {
    const path = parts.slice(0, count).join("/");
    const found = lstatSync(join(folder, path), { throwIfNoEntry: false });
    if (found === undefined) return;
    if (!found.isSymbolicLink()) continue;
    const problem = whyNotFollowed(folder, join(folder, path)) ?? "to a file";
    throw new TsugiError("TSUGI_FILES_LINK", { path, problem });
  }
}

function conventionalFiles(
  folder: string,
  known: ReadonlyMap<string, unknown>,
  log: BuildLog,
): PackedFile[] {
  const found: PackedFile[] = [];
  const names: string[] = [];
  for (const name of CONVENTIONAL) {
    const place = join(folder, name);
    if (!existsSync(place) || !statSync(place).isDirectory()) continue;
    refuseLinksOut(folder, [name]);
    const files = filesBelow(place, name, (path) => NEVER.test(path));
    refuseLinksOut(
      folder,
      files.filter(({ source }) => "link" in source).map(({ path }) => path),
    );
    if (files.every(({ path }) => known.has(path))) continue;
    names.push(`${name}/**`);
    found.push(...files);
  }
  if (names.length > 0) log.guess("files", names.join(", "), "folders of that name");
  return found;
}
