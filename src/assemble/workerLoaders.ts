/**
 * `new Worker(new URL("./job.ts", import.meta.url), { execArgv: ["--import", "tsx"] })`: the worker is
 * compiled with the rest, and its loader, which needs only sources, is among no release's packages.
 */
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import {
  isIdentifier,
  isNode,
  memberName,
  type Node,
  parseModule,
  stringValue,
  walk,
} from "./ast.ts";
import { nodeOptions } from "./start/node.ts";

/** `new Worker(…)` or `fork(…)`; its arguments. */
export function startedBy({ type, callee, arguments: parts }: Node): Node[] | undefined {
  const name = isIdentifier(callee) ? (callee as Node).name : memberName(callee);
  const isStart =
    type === "NewExpression" ? name === "Worker" : type === "CallExpression" && name === "fork";
  return isStart ? (parts as Node[]) : undefined;
}

interface LoaderList {
  /** What `execArgv` is set to. */
  node: Node;
  loader: string;
  /** The same without the loader. */
  code: string;
}

/** `compiled`: where the module names what is compiled. */
export function loadersOfCompiled(ast: Node, compiled: readonly Node[]): LoaderList[] {
  const isIn = (outer: Node) =>
    compiled.some(({ start, end }) => outer.start <= start && end <= outer.end);
  // Of a constant, what it was set to stands elsewhere.
  return loaderLists(ast, (file) => isIn(file) || (isIdentifier(file) && compiled.length > 0));
}

/** Of code that is packed as it is: only who has written it can say what it is to start. */
export function tellWorkerLoaders(
  { packageJson: { dependencies = {} } }: Project,
  path: string,
  code: string,
  log: BuildLog,
): void {
  const ast = code.includes("execArgv") ? parseModule(code, path) : undefined;
  const isPacked = (loader: string) =>
    Object.keys(dependencies).some((name) => name.split("/")[0] === loader);
  for (const { node, loader } of ast === undefined ? [] : loaderLists(ast, () => true)) {
    const line = code.slice(0, node.start).split("\n").length;
    if (isPacked(loader)) continue;
    log.warn(
      `${path}:${line} starts code with ${loader}, which is not among the dependencies, and so in no release. What is compiled needs none: leave it out of execArgv there, or move it to dependencies`,
    );
  }
}

function loaderLists(ast: Node, isMeant: (file: Node) => boolean): LoaderList[] {
  const found: LoaderList[] = [];
  walk(ast, (node) => {
    const [file, ...options] = startedBy(node) ?? [];
    if (file === undefined || !isMeant(file)) return undefined;
    for (const list of options.flatMap(execArgvOf)) {
      const words = (list.elements as unknown[]).map(stringValue);
      if (!words.every((word) => word !== undefined)) continue;
      const { loader, nodeArgs } = nodeOptions(words);
      if (loader !== undefined) found.push({ node: list, loader, code: JSON.stringify(nodeArgs) });
    }
    return undefined;
  });
  return found;
}

function execArgvOf({ type, properties }: Node): Node[] {
  if (type !== "ObjectExpression") return [];
  return (properties as Node[]).flatMap(({ key, value }) => {
    const isList = isNode(value) && value.type === "ArrayExpression";
    const isIt = isIdentifier(key, "execArgv") || stringValue(key) === "execArgv";
    return isIt && isList ? [value as Node] : [];
  });
}
