/** A minimal walk over the ESTree that rolldown's parser gives. */
import { parseAst } from "rolldown/parseAst";

export interface Node {
  type: string;
  start: number;
  end: number;
  [key: string]: unknown;
}

const LANGUAGES = { ts: "ts", mts: "ts", cts: "ts", tsx: "tsx" } as const;

/** Undefined where the code does not parse: the bundler or Node will say so better. */
export function parseModule(code: string, file: string): Node | undefined {
  const ending = file.slice(file.lastIndexOf(".") + 1) as keyof typeof LANGUAGES;
  // JSX is in files of any ending.
  const lang = LANGUAGES[ending] ?? "jsx";
  for (const sourceType of ["module", "commonjs"] as const) {
    try {
      return parseAst(code, { lang, sourceType, preserveParens: false }, file) as unknown as Node;
    } catch {}
  }
  return undefined;
}

/** Visits every node, parents first. A visitor that returns false keeps the walk out of it. */
export function walk(
  node: unknown,
  visit: (node: Node, parent: Node | undefined) => boolean | undefined,
  parent?: Node,
): void {
  if (Array.isArray(node)) {
    for (const item of node) walk(item, visit, parent);
    return;
  }
  if (!isNode(node)) return;
  if (visit(node, parent) === false) return;
  for (const key in node) {
    const value = node[key];
    if (value !== null && typeof value === "object") walk(value, visit, node);
  }
}

export const isNode = (value: unknown): value is Node =>
  value !== null && typeof value === "object" && typeof (value as Node).type === "string";

export const isIdentifier = (value: unknown, name?: string): boolean =>
  isNode(value) && value.type === "Identifier" && (name === undefined || value.name === name);

/** The property name of `x.name` or `x["name"]`. */
export function memberName(node: unknown): string | undefined {
  if (!isNode(node) || node.type !== "MemberExpression") return undefined;
  return node.computed ? stringValue(node.property) : ((node.property as Node).name as string);
}

export function stringValue(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type === "Literal" && typeof node.value === "string") return node.value;
  if (node.type === "TemplateLiteral" && (node.quasis as Node[]).length === 1) {
    return ((node.quasis as Node[])[0]!.value as { cooked?: string }).cooked;
  }
  return undefined;
}
