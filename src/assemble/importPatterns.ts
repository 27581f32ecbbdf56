/**
 * `import(`./plugins/${name}.ts`)`, `require(join(__dirname, "routes", file))`: what a pattern may mean
 * is compiled in, all of it, and chosen from when it runs. A name that no file had at the build is the
 * error that Node has for it.
 */

import { existsSync, readdirSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { literally } from "../pack/glob.ts";
import { isIdentifier, type Node, stringValue } from "./ast.ts";
import { OPEN, type PathReader, textOf } from "./pathValues.ts";

export interface Choice {
  /** What the pattern may come to: a specifier, or the absolute path of a file. */
  asked: string;
  isFile: boolean;
  /** The module that is meant, as the importing one calls it. */
  specifier: string;
}

/** What a module is loaded by; undefined: it is no such expression. */
export function loadedBy(node: Node): { source: Node; isRequire: boolean } | undefined {
  if (node.type === "ImportExpression") return { source: node.source as Node, isRequire: false };
  if (node.type !== "CallExpression" || !isIdentifier(node.callee, "require")) return undefined;
  const [source] = node.arguments as Node[];
  return source && { source, isRequire: true };
}

/** Undefined: it is no pattern of files, or means none. */
export function choicesOf(source: Node, id: string, reader: PathReader): Choice[] | undefined {
  if (stringValue(source) !== undefined) return undefined;
  const text = textOf(source);
  const value = reader.read(source);
  const here = dirname(id);
  const isFile = value?.from === "module";
  if (!isFile && !/^\.\.?\//.test(text)) return undefined;
  // A pattern of specifiers stays as it is written: what it comes to is compared with that.
  const pattern = isFile ? value.path : text;
  if (!pattern.includes(OPEN)) return undefined;
  const before = pattern.slice(0, pattern.indexOf(OPEN));
  const top = before.slice(0, before.lastIndexOf("/") + 1);
  const means = new RegExp(`^${pattern.split(OPEN).map(literally).join("[^/]+")}$`);
  const folder = isFile ? top : join(here, top);
  const found = new Map<string, Choice>();
  for (const path of filesIn(folder, pattern.slice(top.length).split("/").length)) {
    const file = join(folder, path);
    if (file === id) continue;
    const specifier = isFile ? relativeTo(here, file) : `${top}${path}`;
    for (const asked of spellings(isFile ? file : specifier)) {
      if (means.test(asked) && !found.has(asked)) found.set(asked, { asked, isFile, specifier });
    }
  }
  return found.size === 0 ? undefined : [...found.values()];
}

interface ChoiceCode {
  isRequire: boolean;
  /** The expression that gives what PLACE_CODE exports. */
  place: string;
  /** Code for the path of a file. */
  fileOf(path: string): string;
}

/** Code around what is asked for: `pick(` … `, { "./plugins/a.ts": () => import("./plugins/a.ts") })`. */
export function choiceAround(
  choices: readonly Choice[],
  { isRequire, place, fileOf }: ChoiceCode,
): [before: string, after: string] {
  const load = isRequire ? "require" : "import";
  const ways = choices.map(({ asked, isFile, specifier }) => {
    const key = isFile ? `[${fileOf(asked)}]` : JSON.stringify(asked);
    return `${key}: () => ${load}(${JSON.stringify(specifier)})`;
  });
  return [`${place}.${isRequire ? "pickNow" : "pick"}(`, `, { ${ways.join(", ")} })`];
}

const MODULE = /\.([cm]?)([jt])sx?$/;
const NO_MODULE = /\.(d|test|spec)\.[cm]?[jt]sx?$/;

/** As it is called, as TypeScript would have it called, and without an ending. */
const spellings = (path: string): string[] => [
  path,
  path.replace(MODULE, ".$1js"),
  path.replace(MODULE, ""),
];

function relativeTo(here: string, file: string): string {
  const path = relative(here, file);
  return path.startsWith("../") ? path : `./${path}`;
}

function filesIn(folder: string, depth: number): string[] {
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.name === "node_modules") return [];
      if (!entry.isDirectory()) return isModule(entry.name) ? [entry.name] : [];
      return filesIn(join(folder, entry.name), depth - 1).map((path) => `${entry.name}/${path}`);
    })
    .sort();
}

const isModule = (name: string) =>
  (MODULE.test(name) && !NO_MODULE.test(name)) || name.endsWith(".json");
