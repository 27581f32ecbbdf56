/**
 * What an expression says of a path, as far as that can be read: from the module's own place
 * (`import.meta.url`, `__dirname` …) or the working directory, through constants, join, resolve,
 * dirname, URLs, templates and `+`.
 */
import { dirname, join } from "node:path";
import { isIdentifier, isNode, memberName, type Node, stringValue, walk } from "./ast.ts";

/** Stands for a part that is known only when the code runs. */
export const OPEN = "\0";

export interface PathValue {
  /** Absolute; with OPEN where something is not known. */
  path: string;
  from: "module" | "project";
}

const DEEPEST = 12;

export class PathReader {
  readonly #id: string;
  readonly #project: string;
  readonly #constants = new Map<string, Node>();

  constructor(ast: Node, id: string, project: string) {
    this.#id = id;
    this.#project = project;
    walk(ast, (node) => {
      if (node.type !== "VariableDeclaration" || node.kind !== "const") return undefined;
      for (const { id: name, init } of node.declarations as Node[]) {
        if (isIdentifier(name) && isNode(init))
          this.#constants.set((name as Node).name as string, init);
      }
      return undefined;
    });
  }

  /** `const require = createRequire(import.meta.url)` */
  get isOwnRequire(): boolean {
    const init = this.#constants.get("require");
    return init?.type === "CallExpression" && namesCreateRequire(init.callee);
  }

  read(node: unknown, depth = 0): PathValue | undefined {
    if (!isNode(node) || depth > DEEPEST) return undefined;
    const inner = (what: unknown) => this.read(what, depth + 1);
    if (/^TS(As|Satisfies|NonNull)Expression$/.test(node.type)) return inner(node.expression);
    if (node.type === "Identifier") return this.#named(node.name as string, depth);
    if (node.type === "MemberExpression") return this.#member(node, inner);
    if (node.type === "CallExpression") return this.#call(node, inner);
    if (node.type === "NewExpression") return this.#url(node, inner);
    if (node.type === "TemplateLiteral") {
      const [first, ...rest] = node.quasis as { value: { cooked: string } }[];
      const [base, ...more] = node.expressions as Node[];
      if (first?.value.cooked !== "") return undefined;
      const text = rest.map(({ value }, at) => value.cooked + (at < more.length ? OPEN : ""));
      return added(inner(base), text.join(""));
    }
    if (node.type === "BinaryExpression" && node.operator === "+") {
      return added(inner(node.left), textOf(node.right));
    }
    return undefined;
  }

  #named(name: string, depth: number): PathValue | undefined {
    const init = this.#constants.get(name);
    if (init !== undefined) return this.read(init, depth + 1);
    if (name === "__filename") return this.#file;
    return name === "__dirname" ? this.#folder : undefined;
  }

  get #file(): PathValue {
    return { path: this.#id, from: "module" };
  }

  get #folder(): PathValue {
    return { path: dirname(this.#id), from: "module" };
  }

  #member(node: Node, inner: Reading): PathValue | undefined {
    const name = memberName(node);
    if ((node.object as Node).type === "MetaProperty") {
      if (name === "dirname") return this.#folder;
      return name === "url" || name === "filename" ? this.#file : undefined;
    }
    return name === "href" || name === "pathname" ? inner(node.object) : undefined;
  }

  #call(node: Node, inner: Reading): PathValue | undefined {
    const [first, ...rest] = node.arguments as Node[];
    const callee = node.callee as Node;
    const name = isIdentifier(callee) ? (callee.name as string) : memberName(callee);
    if (name === "cwd" && isIdentifier(callee.object, "process")) {
      return { path: this.#project, from: "project" };
    }
    if (name === "fileURLToPath" || name === "pathToFileURL" || name === "normalize")
      return inner(first);
    const base =
      first && ["dirname", "join", "resolve", "toString"].includes(name ?? "") && inner(first);
    if (!base) return name === "toString" ? inner(callee.object) : undefined;
    if (name === "dirname") return { ...base, path: dirname(base.path) };
    return { ...base, path: join(base.path, ...rest.map(textOf)) };
  }

  /** `new URL("./views/", import.meta.url)` */
  #url(node: Node, inner: Reading): PathValue | undefined {
    const [name, against] = node.arguments as Node[];
    const base = isIdentifier(node.callee, "URL") ? inner(against) : undefined;
    if (base === undefined) return undefined;
    const folder = base.path.endsWith("/") ? base.path : dirname(base.path);
    return { ...base, path: join(folder, textOf(name)) };
  }
}

export const namesCreateRequire = (callee: unknown): boolean =>
  isIdentifier(callee, "createRequire") || memberName(callee) === "createRequire";

type Reading = (node: unknown) => PathValue | undefined;

const added = (base: PathValue | undefined, text: string): PathValue | undefined =>
  base && { ...base, path: join(base.path + text) };

/** The text of a literal, a template or a concatenation; OPEN for what is not known of it. */
export function textOf(node: unknown): string {
  const literal = stringValue(node);
  if (literal !== undefined) return literal;
  if (!isNode(node)) return OPEN;
  if (node.type === "TemplateLiteral") {
    const texts = (node.quasis as { value: { cooked: string } }[]).map(({ value }) => value.cooked);
    return texts.join(OPEN);
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    return textOf(node.left) + textOf(node.right);
  }
  return OPEN;
}
