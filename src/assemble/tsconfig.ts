/**
 * Which files a project's tsconfig takes into its own build: without `include`, all that lie below it.
 * tsc would write such a file into its output, or move the output by it (`dist/src/main.js`), or fail
 * at `rootDir`.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { compileGlob } from "../pack/glob.ts";

/** What of it decides; patterns are absolute. */
interface Taken {
  files?: string[];
  include?: string[];
  exclude?: string[];
  allowJs?: boolean;
}

/** Whether one of its configurations takes that file, which may not be there yet. */
export const isTakenByTsConfig = (folder: string, path: string): boolean =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .filter((name) => /^tsconfig(\..+)?\.json$/.test(name))
    .some((name) => takes(readTsConfig(join(folder, name)), folder, path));

function takes({ files, include, exclude = [], allowJs }: Taken, folder: string, path: string) {
  if (/\.[cm]?js$/.test(path) && allowJs !== true) return false;
  const isIn = (pattern: string) => {
    const isFolder = statSync(pattern, { throwIfNoEntry: false })?.isDirectory();
    const glob = relative(folder, isFolder ? join(pattern, "**", "*") : pattern);
    return compileGlob(glob)(path);
  };
  const all = include ?? (files === undefined ? [folder] : []);
  return all.some(isIn) && !exclude.some(isIn);
}

function readTsConfig(file: string, deeper: readonly string[] = []): Taken {
  if (!existsSync(file) || deeper.includes(file)) return {};
  const { extends: bases = [], compilerOptions, ...lists } = parse(readFileSync(file, "utf8"));
  const taken: Taken = {};
  for (const base of [bases].flat().filter((path) => /^\.\.?\//.test(path))) {
    const path = join(dirname(file), base.endsWith(".json") ? base : `${base}.json`);
    Object.assign(taken, readTsConfig(path, [...deeper, file]));
  }
  // What is checked is taken, unless it says otherwise.
  const allowJs = compilerOptions?.allowJs ?? (compilerOptions?.checkJs || undefined);
  if (allowJs !== undefined) taken.allowJs = allowJs;
  const own = dirname(file);
  const configured = dirname(deeper[0] ?? file);
  for (const key of ["files", "include", "exclude"] as const) {
    const list = lists[key];
    if (list === undefined) continue;
    taken[key] = list.map((pattern) => {
      const inFolder = pattern.replace(CONFIG_DIR, "");
      return join(inFolder === pattern ? own : configured, inFolder);
    });
  }
  return taken;
}

interface TsConfig extends Omit<Taken, "allowJs"> {
  extends?: string | string[];
  compilerOptions?: Pick<Taken, "allowJs"> & { checkJs?: boolean };
}

/** The folder of the configuration that extends all others. */
const CONFIG_DIR = /^\$\{configDir\}/;

const STRING = /"(?:[^"\\]|\\.)*"/.source;
const NO_JSON = [
  new RegExp(`${STRING}|//.*|/\\*[\\s\\S]*?\\*/`, "g"),
  new RegExp(`${STRING}|,(?=\\s*[\\]}])`, "g"),
];

/** JSON with comments, and with commas before a closing bracket. */
function parse(text: string): TsConfig {
  const bare = NO_JSON.reduce(
    (left, pattern) => left.replace(pattern, (token) => (token.startsWith('"') ? token : "")),
    text,
  );
  try {
    return JSON.parse(bare) as TsConfig;
  } catch {
    return {};
  }
}
