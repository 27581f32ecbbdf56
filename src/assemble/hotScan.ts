/**
 * What the sources say about `tsugi/hot`, found without running them: the states with their
 * versions and migrations, and whether the app accepts to be swapped. For `plan`; the running
 * process has the last word.
 */
import type { ManifestState } from "../release/manifest.ts";
import {
  isIdentifier,
  isNode,
  memberName,
  type Node,
  parseModule,
  stringValue,
  walk,
} from "./ast.ts";

export interface HotFacts {
  usesHot: boolean;
  accepts: boolean;
  states: ManifestState[];
  /** It has workers of its own, by node:cluster: their connections can't be carried. */
  forks?: boolean;
}

/** Not each text of that name: `exec_mode: "cluster"` forks nothing. */
const IMPORTS_CLUSTER =
  /(?:\bfrom|\bimport|(?:import|require|getBuiltinModule|\))\s*\()\s*["'`](?:node:)?cluster["'`]/;

/** Worth parsing: it uses `hot`, or forks workers of its own. */
export const mentionsHot = (code: string): boolean =>
  /tsugi\/hot|\bhot\b/.test(code) || IMPORTS_CLUSTER.test(code);

/** Of own code: in a bundle with its packages, anybody's. */
export const mentionsListen = (code: string): boolean =>
  /\.listen\s*\(|\bserve\s*\(/.test(code) && !code.includes("node_modules/");

export class HotScan {
  /** Of an entry: it or what it imports listens. */
  listens = false;
  usesHot = false;
  accepts = false;
  forks = false;
  readonly #states = new Map<string, ManifestState>();
  /** Told everything too: one scan for an entry, one for the whole release. */
  readonly #whole: HotScan | undefined;

  constructor(whole?: HotScan) {
    this.#whole = whole;
  }

  /** `ast` where the caller has it already. `isRun`: it is code of the application, not only beside it. */
  add(
    code: string,
    file: string,
    { ast: parsed, isRun = true }: { ast?: Node; isRun?: boolean } = {},
  ) {
    const ast = parsed ?? (mentionsHot(code) ? parseModule(code, file) : undefined);
    if (isRun && IMPORTS_CLUSTER.test(code)) this.forks = true;
    this.#whole?.add(code, file, { ...(ast && { ast }), isRun });
    if (ast === undefined) return;
    if (/["'`]tsugi\/hot["'`]/.test(code)) this.usesHot = true;
    const names = localNames(ast);
    walk(ast, (node) => {
      if (node.type === "CallExpression") this.#call(node, names);
      return undefined;
    });
  }

  facts(): HotFacts {
    const states = [...this.#states.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    const forks = this.forks ? { forks: true } : {};
    if (!this.usesHot) return { usesHot: false, accepts: false, states: [], ...forks };
    return { usesHot: true, accepts: this.accepts, states, ...forks };
  }

  #call(node: Node, names: ReadonlySet<string>): void {
    const callee = node.callee as Node;
    const method = memberName(callee);
    if ((method !== "state" && method !== "accept") || !isHot(callee.object, names)) return;
    if (method === "accept") this.accepts = true;
    else this.#state(node.arguments as Node[]);
  }

  #state([nameNode, options]: Node[]): void {
    const name = stringValue(nameNode);
    if (name === undefined) return;
    this.#states.set(name, readState(name, options));
  }
}

/** `hot`, `tsugi.hot`, and what compilers make of an import: `hot_1.hot`, `(0, hot_1.hot)`. */
function isHot(node: unknown, names: ReadonlySet<string>): boolean {
  if (!isNode(node)) return false;
  if (node.type === "SequenceExpression") {
    return isHot((node.expressions as Node[]).at(-1), names);
  }
  return node.type === "Identifier" ? names.has(node.name as string) : memberName(node) === "hot";
}

/** `import { hot as live } from "tsugi/hot"`: `hot` goes by that name too. */
function localNames(ast: Node): Set<string> {
  const names = new Set(["hot"]);
  walk(ast, (node) => {
    if (node.type === "ImportSpecifier" && isIdentifier(node.imported, "hot")) {
      names.add((node.local as Node).name as string);
    }
    return undefined;
  });
  return names;
}

/** `{ … } satisfies Options`, `{ … } as const`. */
function withoutTypes(node: Node): Node {
  return /^TS(As|Satisfies|NonNull)Expression$/.test(node.type)
    ? withoutTypes(node.expression as Node)
    : node;
}

function readState(name: string, given: Node | undefined): ManifestState {
  const state: ManifestState = { name, version: 1, upgradesFrom: [], downgradesFrom: [] };
  if (given === undefined) return state;
  const options = withoutTypes(given);
  if (options.type !== "ObjectExpression") return { ...state, dynamic: true };
  for (const property of options.properties as Node[]) {
    if (property.type !== "Property" || property.computed) {
      state.dynamic = true;
      continue;
    }
    const key = keyOf(property);
    const value = withoutTypes(property.value as Node);
    if (key === "version") {
      if (value.type === "Literal" && typeof value.value === "number") state.version = value.value;
      else state.dynamic = true;
    } else if (key === "upgrade" || key === "downgrade") {
      const versions = versionsOf(value);
      if (versions === undefined) state.dynamic = true;
      else state[key === "upgrade" ? "upgradesFrom" : "downgradesFrom"] = versions;
    }
  }
  return state;
}

function versionsOf(value: Node): number[] | undefined {
  if (value.type !== "ObjectExpression") return undefined;
  const keys = (value.properties as Node[]).map((property) =>
    property.type === "Property" && !property.computed ? Number(keyOf(property)) : Number.NaN,
  );
  return keys.some(Number.isNaN) ? undefined : keys.sort((a, b) => a - b);
}

const keyOf = ({ key }: Node): string =>
  isNode(key) ? String(key.type === "Identifier" ? key.name : key.value) : "";
