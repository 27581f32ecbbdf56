/**
 * Files that a module names by their place, in the ways people write it:
 * `new URL("./worker.ts", import.meta.url)`, `join(__dirname, "..", "views")`,
 * `${import.meta.dirname}/data.json`, and the same by a constant. They are packed; a source among
 * them is compiled. Of `join(here, "views", name)` the folder is; what can't be known is listed.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { literally } from "../pack/glob.ts";
import { memberName, type Node, stringValue, walk } from "./ast.ts";
import { isTypeScript } from "./entry.ts";
import { filesOfGlob, isGlob } from "./globs.ts";
import { choicesOf, loadedBy } from "./importPatterns.ts";
import { OPEN, type PathReader, type PathValue, textOf } from "./pathValues.ts";
import { resolveRelative } from "./reached.ts";
import { startedBy } from "./workerLoaders.ts";

export interface Neighbour {
  node: Node;
  /** Relative to the project. */
  path: string;
  kind: "source" | "file" | "folder";
  /** A worker, or what may be one: it is compiled where the name is written out, whose ending changes. */
  isEntry?: boolean;
  /** As it is written, where that is how it was found. */
  glob?: string;
}

export interface Neighbours {
  found: Neighbour[];
  /** Expressions whose files are not packed by them; `path`: what is there of it, in the project. */
  unfollowed: { node: Node; path?: string }[];
}

const SOURCE = /\.[cm]?[jt]sx?$/;
const PATHS = new Set(["NewExpression", "CallExpression", "TemplateLiteral", "BinaryExpression"]);

export function findNeighbours(
  ast: Node,
  id: string,
  project: string,
  reader: PathReader,
): Neighbours {
  const all: Neighbours = { found: [], unfollowed: [] };
  walk(ast, (node) => {
    const started = startedBy(node)?.[0];
    if (started !== undefined && lookStarted(started, project, reader, all)) return undefined;
    const text = stringValue(node);
    if (text !== undefined && isGlob(text)) lookByGlob(join(project, text), node, project, all);
    const loaded = loadedBy(node);
    if (loaded !== undefined) {
      const { source, isRequire } = loaded;
      if (isRequire && reader.isOwnRequire)
        return lookByRequire(source, node, { id, project }, all);
      if (choicesOf(source, id, reader) !== undefined) return false;
      const isKnown = stringValue(source) !== undefined || reader.read(source);
      if (!isKnown) all.unfollowed.push({ node });
    }
    const value = PATHS.has(node.type) ? reader.read(node) : undefined;
    if (value === undefined) return undefined;
    if (value.from === "project") lookInProject(value, node, project, all);
    else lookBeside(value, node, { id, project }, all);
    return false;
  });
  return all;
}

/**
 * `fork("./job.ts")`, `new Worker("./a.ts")`: from the working directory, unless it is a URL.
 * @returns whether it is the project's own
 */
function lookStarted(node: Node, project: string, reader: PathReader, all: Neighbours): boolean {
  const text = stringValue(node);
  const value = reader.read(node);
  const path = text === undefined ? value?.from === "project" && value.path : join(project, text);
  const seen = path ? look(path, "", project) : undefined;
  if (seen?.kind !== "source") return false;
  all.found.push({ node, ...seen, isEntry: isTypeScript(seen.path) });
  return true;
}

function lookByGlob(pattern: string, node: Node, project: string, all: Neighbours): void {
  for (const path of filesOfGlob(project, pattern)) {
    const kind = SOURCE.test(path) ? "source" : "file";
    all.found.push({ node, path, kind, glob: relative(project, pattern).replaceAll(OPEN, "*") });
  }
}

/** By createRequire: Node looks for it when the code runs, so it is packed as it lies there. */
function lookByRequire(
  source: Node,
  node: Node,
  at: { id: string; project: string },
  all: Neighbours,
): false | undefined {
  const text = textOf(source);
  if (!/^\.\.?\//.test(text)) {
    if (stringValue(source) === undefined) all.unfollowed.push({ node });
    return undefined;
  }
  const path = join(dirname(at.id), text);
  const found = text.includes(OPEN) ? path : (resolveRelative(path) ?? path);
  lookBeside({ path: found, from: "module" }, node, at, all);
  return false;
}

function lookBeside(
  { path }: PathValue,
  node: Node,
  { id, project }: { id: string; project: string },
  all: Neighbours,
): void {
  if (path.includes("*")) {
    lookByGlob(path, node, project, all);
    return;
  }
  const known = knownPart(path);
  const seen = look(known, id, project);
  if (seen === undefined) {
    if (known !== path) all.unfollowed.push({ node });
    return;
  }
  const isEntry = seen.kind === "source" && (isUrl(node) || isTypeScript(seen.path));
  all.found.push({ node, ...seen, ...(isEntry ? { isEntry } : {}) });
}

/** Beside the working directory lies also what the app writes: none of it is packed for that. */
function lookInProject({ path }: PathValue, node: Node, project: string, all: Neighbours): void {
  if (path.includes("*")) {
    lookByGlob(path, node, project, all);
    return;
  }
  const inside = relative(project, knownPart(path));
  if (inside.startsWith("..")) return;
  if (inside !== "" && existsSync(join(project, inside))) {
    all.unfollowed.push({ node, path: inside });
  } else if (inside === "" && path.includes(OPEN)) all.unfollowed.push({ node });
}

/** Up to the folder in which the name is not known. */
const knownPart = (path: string): string =>
  path.includes(OPEN) ? dirname(`${path.slice(0, path.indexOf(OPEN))}x`) : path;

/** `new URL("./x.js", import.meta.url)` */
const isUrl = ({ type, arguments: parts }: Node): boolean =>
  type === "NewExpression" && memberName((parts as Node[])[1]) === "url";

/** Where the name of a source stands in the code, up to its ending, as far as it is written out there. */
export function writtenName(code: string, { node, path }: Neighbour) {
  const stem = literally(basename(path).replace(SOURCE, ""));
  const written = new RegExp(`${stem}\\.[cm]?[jt]sx?(?=["'\`])`, "g");
  const last = [...code.slice(node.start, node.end).matchAll(written)].at(-1);
  if (last === undefined) return undefined;
  const start = node.start + last.index;
  return { start, end: start + last[0].length };
}

/** As TypeScript has it: `./worker.js` may mean worker.ts. */
function sourceAt(path: string): string | undefined {
  const [, stem, kind] = /^(.*)\.([cm]?)js$/.exec(path) ?? [];
  const paths = stem === undefined ? [path] : [path, `${stem}.${kind}ts`, `${stem}.tsx`];
  return paths.find((one) => existsSync(one));
}

function look(given: string, id: string, project: string): Omit<Neighbour, "node"> | undefined {
  const path = sourceAt(given);
  if (path === undefined) return undefined;
  const inside = relative(project, realpathSync(path));
  const isOutside =
    inside === "" || inside.startsWith("..") || /(^|\/)node_modules(\/|$)/.test(inside);
  // The folder of the module itself, or one above it, is no folder of data.
  if (isOutside || id.startsWith(`${path.replace(/\/$/, "")}/`)) return undefined;
  if (statSync(path).isDirectory()) return { path: inside, kind: "folder" };
  if (path === id) return undefined;
  return { path: inside, kind: SOURCE.test(path) ? "source" : "file" };
}
