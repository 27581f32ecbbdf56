/**
 * Many modules become one file, yet each must go on finding its neighbours: `import.meta.dirname`
 * in src/lib/views.ts says <app>/src/lib in the release too. Rewritten module by module, in the
 * syntax tree: import.meta.{url,dirname,filename,main}, __dirname, __filename, require.main.
 *
 * The output stands where the entry stood, so the entry's own url and dirname need no change.
 */
import { dirname, relative } from "node:path";
import { type Plugin, RolldownMagicString } from "rolldown";
import { isIdentifier, memberName, type Node, parseModule, walk } from "./ast.ts";
import { MENTIONS_GLOB } from "./globs.ts";
import type { HotScan } from "./hotScan.ts";
import { mentionsHot, mentionsListen } from "./hotScan.ts";
import { choiceAround, choicesOf, loadedBy } from "./importPatterns.ts";
import { findNeighbours, type Neighbour, writtenName } from "./neighbours.ts";
import { PathReader } from "./pathValues.ts";
import { PLACE, PLACE_CODE } from "./placeModule.ts";
import { isInsideModules, packageFolderOf } from "./resolveFrom.ts";
import { type Unfollowed, unfollowedAt } from "./unfollowed.ts";
import { loadersOfCompiled } from "./workerLoaders.ts";

const NEEDED = /import\.meta|__dirname|__filename|require\.main/;
/** Of own code also. */
const NAMES_FILES = /\bimport\s*\(|\brequire\b|process\.cwd\b|\bfork\s*\(|\bWorker\s*\(/;
const SOURCE = /\.[cm]?[jt]sx?$/;

export interface PlaceRequest {
  project: string;
  /** Absolute. */
  entry: string;
  hot: HotScan;
  onNeighbour: (neighbour: Neighbour) => void;
  onUnfollowed: (unfollowed: Unfollowed) => void;
  /** Modules that a pattern was found to mean. */
  onImports: (at: string, paths: string[]) => void;
  /** Told of the folder of an inlined package that asks where it lies. */
  onAsking: (folder: string) => void;
}

export const compiledName = (path: string): string => path.replace(/\.[cm]?[jt]sx?$/, ".mjs");

export function placePlugin(request: PlaceRequest): Plugin {
  return {
    name: "tsugi-place",
    resolveId: (id) => (id === PLACE || id === "tsugi:place" ? PLACE : null),
    load: (id) => (id === PLACE ? { code: PLACE_CODE, moduleType: "js" } : null),
    transform(code, id) {
      if (id.startsWith("\0") || !SOURCE.test(id)) return null;
      const isOwn = !isInsideModules(id);
      if (isOwn && mentionsListen(code)) request.hot.listens = true;
      const isNeeded =
        NEEDED.test(code) || (isOwn && (NAMES_FILES.test(code) || MENTIONS_GLOB.test(code)));
      if (!isNeeded && !mentionsHot(code)) return null;
      const ast = parseModule(code, id);
      if (ast === undefined) return null;
      if (!isOwn) {
        if (isNeeded && asksWhereItIs(ast)) request.onAsking(packageFolderOf(id));
        return null;
      }
      request.hot.add(code, id, { ast });
      return isNeeded ? placed(code, id, ast, request) : null;
    },
  };
}

function placed(code: string, id: string, ast: Node, request: PlaceRequest) {
  const text = new RolldownMagicString(code);
  const file = relative(request.project, id);
  const miss = (node: Node, path?: string) =>
    request.onUnfollowed(unfollowedAt(file, code, node, path));
  const reader = new PathReader(ast, id, request.project);
  const { found, unfollowed } = findNeighbours(ast, id, request.project, reader);
  for (const { node, path } of unfollowed) miss(node, path);
  const compiled: Node[] = [];
  for (const neighbour of found) {
    const written = neighbour.isEntry ? writtenName(code, neighbour) : undefined;
    request.onNeighbour({ ...neighbour, isEntry: written !== undefined });
    if (written === undefined) continue;
    const { start, end } = written;
    compiled.push(neighbour.node);
    text.overwrite(start, end, compiledName(code.slice(start, end)));
  }
  for (const { node, code } of loadersOfCompiled(ast, compiled))
    text.overwrite(node.start, node.end, code);
  const { entry } = request;
  const isEntry = id === entry;
  const path = relative(dirname(entry), id);
  const place = isCommonJs(ast) ? 'require("tsugi:place")' : "__tsugi_place";
  const onImports = (node: Node, paths: string[]) =>
    request.onImports(unfollowedAt(file, code, node).at, paths);
  const isUsed = new Rewrite(text, ast, {
    id,
    path,
    isEntry,
    place,
    onImports,
    reader,
    entry,
  }).run();
  // An import counts wherever it stands; at the end it moves no line of the source map.
  if (isUsed && place === "__tsugi_place") text.append(PLACE_IMPORT);
  if (!text.hasChanged()) return null;
  const map = text.generateMap({ hires: "boundary", source: id, includeContent: true });
  return { code: text.toString(), map: map.toString() };
}

const PLACE_IMPORT = '\nimport * as __tsugi_place from "tsugi:place";\n';

interface PlaceOf {
  id: string;
  /** The module that the output stands for. */
  entry: string;
  reader: PathReader;
  /** Of the module, from the folder of the output. */
  path: string;
  isEntry: boolean;
  /** The expression that gives what PLACE_CODE exports. */
  place: string;
  onImports: (node: Node, paths: string[]) => void;
}

class Rewrite {
  readonly #text: RolldownMagicString;
  readonly #ast: Node;
  readonly #at: PlaceOf;
  /** Code for the module's own file, folder, url, and for "is this the entry". */
  readonly #code: { filename: string; dirname: string; url: string; main: string };
  readonly #declared: Set<string>;
  #used = false;

  constructor(text: RolldownMagicString, ast: Node, at: PlaceOf) {
    const { path, isEntry, place } = at;
    const call = (name: string, argument: string) =>
      `${place}.${name}(${JSON.stringify(argument)})`;
    this.#text = text;
    this.#ast = ast;
    this.#at = at;
    this.#declared = declaredNames(ast);
    this.#code = {
      filename: call("pathOf", isEntry ? compiledName(path) : path),
      dirname: call("pathOf", dirname(path)),
      url: call("urlOf", path),
      main: isEntry ? `${place}.isMain()` : "false",
    };
  }

  run(): boolean {
    walk(this.#ast, (node, parent) => this.#visit(node, parent));
    return this.#used;
  }

  #visit(node: Node, parent: Node | undefined): false | undefined {
    if (node.type === "MemberExpression" && (node.object as Node).type === "MetaProperty") {
      return this.#meta(node, memberName(node));
    }
    if (isMainComparison(node)) {
      const isNot = (node.operator as string).startsWith("!");
      return this.#replace(node, isNot ? `!${this.#code.main}` : this.#code.main);
    }
    const loaded = loadedBy(node);
    // A `require` of its own, by createRequire, asks Node itself.
    if (loaded && !(loaded.isRequire && this.#declared.has("require")))
      return this.#load(node, loaded);
    if (node.type === "Identifier") this.#identifier(node, parent);
    return undefined;
  }

  #load(node: Node, { source, isRequire }: { source: Node; isRequire: boolean }): undefined {
    const { id, place, onImports, reader, entry } = this.#at;
    const choices = choicesOf(source, id, reader);
    if (choices === undefined) return undefined;
    onImports(node, [...new Set(choices.map(({ specifier }) => specifier))]);
    const fileOf = (path: string) =>
      `${place}.pathOf(${JSON.stringify(relative(dirname(entry), path))})`;
    // What is asked for stays, and may have places of its own to rewrite.
    const [before, after] = choiceAround(choices, { isRequire, place, fileOf });
    this.#text.overwrite(node.start, source.start, before);
    this.#text.overwrite(source.end, node.end, after);
    this.#used = true;
    return undefined;
  }

  #meta(node: Node, name: string | undefined): false | undefined {
    if (name === "main") return this.#replace(node, this.#code.main);
    if (this.#at.isEntry) return undefined;
    if (name === "dirname" || name === "filename" || name === "url") {
      return this.#replace(node, this.#code[name]);
    }
    return undefined;
  }

  #identifier(node: Node, parent: Node | undefined): void {
    const name = node.name as string;
    if ((name !== "__dirname" && name !== "__filename") || this.#declared.has(name)) return;
    if (isPropertyName(node, parent)) return;
    const isShorthand = parent?.type === "Property" && parent.shorthand === true;
    const code = name === "__dirname" ? this.#code.dirname : this.#code.filename;
    this.#replace(node, isShorthand ? `${name}: ${code}` : code);
  }

  #replace(node: Node, code: string): false {
    this.#text.overwrite(node.start, node.end, code);
    this.#used = true;
    return false;
  }
}

/** Whether the code uses its own place: what an inlined package must not do. */
function asksWhereItIs(ast: Node): boolean {
  const declared = declaredNames(ast);
  let asks = false;
  walk(ast, (node, parent) => {
    if (node.type === "MemberExpression" && (node.object as Node).type === "MetaProperty") {
      if (/^(url|dirname|filename)$/.test(memberName(node) ?? "")) asks = true;
    }
    if (node.type === "Identifier" && /^__(dirname|filename)$/.test(node.name as string)) {
      if (!declared.has(node.name as string) && !isPropertyName(node, parent)) asks = true;
    }
    return undefined;
  });
  return asks;
}

/** `require.main === module`, either way round. */
function isMainComparison(node: Node): boolean {
  if (node.type !== "BinaryExpression" || !/^[!=]==?$/.test(node.operator as string)) return false;
  const sides = [node.left, node.right];
  const isRequireMain = (side: unknown) =>
    memberName(side) === "main" && isIdentifier((side as Node).object, "require");
  return sides.some(isRequireMain) && sides.some((side) => isIdentifier(side, "module"));
}

const isPropertyName = (node: Node, parent: Node | undefined): boolean =>
  (parent?.type === "MemberExpression" && parent.property === node && !parent.computed) ||
  (parent?.type === "Property" && parent.key === node && !parent.shorthand) ||
  (parent?.type === "PropertyDefinition" && parent.key === node);

/** `const __dirname = …` of the module's own: it knows better. */
function declaredNames(ast: Node): Set<string> {
  const names = new Set<string>();
  walk(ast, (node, parent) => {
    const declares =
      (parent?.type === "VariableDeclarator" && parent.id === node) ||
      /^Import\w*Specifier$/.test(parent?.type ?? "");
    if (declares && node.type === "Identifier") names.add(node.name as string);
    return undefined;
  });
  return names;
}

/** No import, export or import.meta, but `require`, `module` or `exports`. */
function isCommonJs(ast: Node): boolean {
  if ((ast.body as Node[]).some(({ type }) => /^(Import|Export)/.test(type))) return false;
  let usesMeta = false;
  let usesCommonJs = false;
  walk(ast, (node) => {
    if (node.type === "MetaProperty") usesMeta = true;
    if (["require", "module", "exports"].some((name) => isIdentifier(node, name)))
      usesCommonJs = true;
    return undefined;
  });
  return usesCommonJs && !usesMeta;
}
