/**
 * Files that a module names by a path relative to itself, in the ways people write it:
 * `new URL("./worker.ts", import.meta.url)`, `join(__dirname, "..", "views")`,
 * `${import.meta.dirname}/data.json`. They are packed; a source among them is compiled.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isIdentifier, memberName, type Node, stringValue, walk } from "./ast.ts";

export interface Neighbour {
  /** Relative to the project. */
  path: string;
  kind: "source" | "file" | "folder";
  /** Of `new URL`: the literal, whose ending changes when the source is compiled. */
  literal?: Node;
}

const SOURCE = /\.[cm]?[jt]s$/;

export function findNeighbours(ast: Node, id: string, project: string): Neighbour[] {
  const found: Neighbour[] = [];
  const add = (path: string | undefined, literal?: Node) => {
    const neighbour = path === undefined ? undefined : look(join(dirname(id), path), id, project);
    if (neighbour === undefined) return;
    found.push(literal && neighbour.kind === "source" ? { ...neighbour, literal } : neighbour);
  };
  walk(ast, (node) => {
    const parts = node.arguments as Node[] | undefined;
    if (
      node.type === "NewExpression" &&
      isIdentifier(node.callee, "URL") &&
      isMeta(parts?.[1], "url")
    ) {
      add(stringValue(parts![0]), parts![0]);
    }
    if (node.type === "CallExpression" && isFolder(parts?.[0])) {
      const rest = parts!.slice(1).map(stringValue);
      if (isJoin(node.callee) && rest.every((part) => part !== undefined)) add(rest.join("/"));
    }
    if (node.type === "TemplateLiteral" && isFolder((node.expressions as Node[])[0])) {
      const [first, second] = node.quasis as { value: { cooked: string } }[];
      if ((node.quasis as Node[]).length === 2 && first?.value.cooked === "")
        add(second?.value.cooked);
    }
    if (node.type === "BinaryExpression" && node.operator === "+" && isFolder(node.left)) {
      add(stringValue(node.right));
    }
    return undefined;
  });
  return found;
}

const isMeta = (node: unknown, name: string): boolean =>
  memberName(node) === name && ((node as Node).object as Node).type === "MetaProperty";

const isFolder = (node: unknown): boolean =>
  isMeta(node, "dirname") || isIdentifier(node, "__dirname");

const isJoin = (callee: unknown): boolean =>
  ["join", "resolve"].includes(memberName(callee) ?? "") ||
  isIdentifier(callee, "join") ||
  isIdentifier(callee, "resolve");

function look(path: string, id: string, project: string): Neighbour | undefined {
  if (!existsSync(path)) return undefined;
  const inside = relative(project, realpathSync(path));
  const isOutside =
    inside === "" || inside.startsWith("..") || /(^|\/)node_modules(\/|$)/.test(inside);
  // The folder of the module itself, or one above it, is no folder of data.
  if (isOutside || id.startsWith(`${path}/`) || dirname(id) === path.replace(/\/$/, ""))
    return undefined;
  if (statSync(path).isDirectory()) return { path: inside, kind: "folder" };
  return { path: inside, kind: SOURCE.test(path) ? "source" : "file" };
}
