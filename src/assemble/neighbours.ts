/**
 * Files that a module names by their place, in the ways people write it:
 * `new URL("./worker.ts", import.meta.url)`, `join(__dirname, "..", "views")`,
 * `${import.meta.dirname}/data.json`, and the same by a constant. They are packed; a source among
 * them is compiled. Of `join(here, "views", name)` the folder is; what can't be known is listed.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { memberName, type Node, stringValue, walk } from "./ast.ts";
import { choicesOf, loadedBy } from "./importPatterns.ts";
import { OPEN, type PathReader, type PathValue, textOf } from "./pathValues.ts";
import { resolveRelative } from "./reached.ts";

export interface Neighbour {
  node: Node;
  /** Relative to the project. */
  path: string;
  kind: "source" | "file" | "folder";
  /** Of `new URL`: the literal, whose ending changes when the source is compiled. */
  literal?: Node;
}

export interface Neighbours {
  found: Neighbour[];
  /** Expressions whose files are not packed by them; `path`: what is there of it, in the project. */
  unfollowed: { node: Node; path?: string }[];
}

const SOURCE = /\.[cm]?[jt]s$/;
const PATHS = new Set(["NewExpression", "CallExpression", "TemplateLiteral", "BinaryExpression"]);

export function findNeighbours(
  ast: Node,
  id: string,
  project: string,
  reader: PathReader,
): Neighbours {
  const all: Neighbours = { found: [], unfollowed: [] };
  walk(ast, (node) => {
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
  const known = knownPart(path);
  const seen = look(known, id, project);
  if (seen === undefined) {
    if (known !== path) all.unfollowed.push({ node });
    return;
  }
  const neighbour = { node, ...seen };
  const literal = literalOfUrl(node);
  all.found.push(literal && neighbour.kind === "source" ? { ...neighbour, literal } : neighbour);
}

/** Beside the working directory lies also what the app writes: none of it is packed for that. */
function lookInProject({ path }: PathValue, node: Node, project: string, all: Neighbours): void {
  const inside = relative(project, knownPart(path));
  if (inside.startsWith("..")) return;
  if (inside !== "" && existsSync(join(project, inside))) {
    all.unfollowed.push({ node, path: inside });
  } else if (inside === "" && path.includes(OPEN)) all.unfollowed.push({ node });
}

/** Up to the folder in which the name is not known. */
const knownPart = (path: string): string =>
  path.includes(OPEN) ? dirname(`${path.slice(0, path.indexOf(OPEN))}x`) : path;

/** Of `new URL("./x.ts", import.meta.url)`. */
function literalOfUrl({ type, arguments: parts }: Node): Node | undefined {
  const [name, against] = (parts ?? []) as Node[];
  if (type !== "NewExpression" || memberName(against) !== "url") return undefined;
  return stringValue(name) === undefined ? undefined : name;
}

function look(path: string, id: string, project: string): Omit<Neighbour, "node"> | undefined {
  if (!existsSync(path)) return undefined;
  const inside = relative(project, realpathSync(path));
  const isOutside =
    inside === "" || inside.startsWith("..") || /(^|\/)node_modules(\/|$)/.test(inside);
  // The folder of the module itself, or one above it, is no folder of data.
  if (isOutside || id.startsWith(`${path.replace(/\/$/, "")}/`)) return undefined;
  if (statSync(path).isDirectory()) return { path: inside, kind: "folder" };
  if (path === id) return undefined;
  return { path: inside, kind: SOURCE.test(path) ? "source" : "file" };
}
