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

const PLACE = "\0tsugi:place";
const NEEDED = /import\.meta|__dirname|__filename|require\.main/;
const SOURCE = /\.[cm]?[jt]sx?$/;

/** What the bundle's modules share: where the output file lies, and whether it is the entry. */
const PLACE_CODE = `
import { realpathSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
export const pathOf = (relative) => join(import.meta.dirname, relative);
export const urlOf = (relative) => pathToFileURL(pathOf(relative)).href;
export const isMain = () => {
  try {
    return realpathSync(process.argv[1]) === realpathSync(import.meta.filename);
  } catch {
    return false;
  }
};`;

export function placePlugin(entry: string, onModule: (code: string, id: string) => void): Plugin {
  const base = dirname(entry);
  return {
    name: "tsugi-place",
    resolveId: (id) => (id === PLACE || id === "tsugi:place" ? PLACE : null),
    load: (id) => (id === PLACE ? PLACE_CODE : null),
    transform(code, id) {
      if (id.startsWith("\0") || !SOURCE.test(id)) return null;
      onModule(code, id);
      if (!NEEDED.test(code)) return null;
      const ast = parseModule(code, id);
      if (ast === undefined) return null;
      const text = new RolldownMagicString(code);
      const used = rewrite(ast, text, { isEntry: id === entry, path: relative(base, id) });
      if (!used) return null;
      // On the first line, so that the lines of the source map stay.
      text.prepend(
        isCommonJs(ast)
          ? 'const __tsugi_place = require("tsugi:place");'
          : 'import * as __tsugi_place from "tsugi:place";',
      );
      return {
        code: text.toString(),
        map: JSON.stringify(text.generateMap({ hires: "boundary", source: id })),
      };
    },
  };
}

interface Place {
  isEntry: boolean;
  /** Of the module, from the folder of the output. */
  path: string;
}

function rewrite(ast: Node, text: RolldownMagicString, place: Place): boolean {
  const folder = dirname(place.path);
  const pathOf = (path: string) => `__tsugi_place.pathOf(${JSON.stringify(path)})`;
  const main = place.isEntry ? "__tsugi_place.isMain()" : "false";
  const own = declaredNames(ast);
  let used = false;
  const replace = (node: Node, code: string) => {
    text.overwrite(node.start, node.end, code);
    used = true;
    return false;
  };
  walk(ast, (node, parent) => {
    if (node.type === "MemberExpression" && (node.object as Node).type === "MetaProperty") {
      const name = memberName(node);
      if (name === "main") return replace(node, main);
      if (place.isEntry) return undefined;
      if (name === "dirname") return replace(node, pathOf(folder));
      if (name === "filename") return replace(node, pathOf(place.path));
      if (name === "url")
        return replace(node, `__tsugi_place.urlOf(${JSON.stringify(place.path)})`);
    }
    if (isMainComparison(node))
      return replace(node, node.operator === "!==" || node.operator === "!=" ? `!${main}` : main);
    if (node.type !== "Identifier" || isProperty(node, parent) || own.has(node.name as string))
      return undefined;
    const shorthand = parent?.type === "Property" && parent.shorthand ? `${node.name}: ` : "";
    if (node.name === "__dirname") return replace(node, shorthand + pathOf(folder));
    if (node.name === "__filename") return replace(node, shorthand + pathOf(place.path));
    return undefined;
  });
  return used;
}

/** `require.main === module`, either way round. */
function isMainComparison(node: Node): boolean {
  if (node.type !== "BinaryExpression" || !/^[!=]==?$/.test(node.operator as string)) return false;
  const sides = [node.left, node.right];
  const isRequireMain = (side: unknown) =>
    memberName(side) === "main" && isIdentifier((side as Node).object, "require");
  return sides.some(isRequireMain) && sides.some((side) => isIdentifier(side, "module"));
}

const isProperty = (node: Node, parent: Node | undefined): boolean =>
  (parent?.type === "MemberExpression" && parent.property === node && !parent.computed) ||
  (parent?.type === "Property" && parent.key === node && !parent.shorthand);

/** `const __dirname = …` of the module's own: it knows better. */
function declaredNames(ast: Node): Set<string> {
  const names = new Set<string>();
  walk(ast, (node, parent) => {
    const declares =
      parent?.type === "VariableDeclarator"
        ? parent.id === node
        : /^(Import\w*Specifier)$/.test(parent?.type ?? "");
    if (declares && node.type === "Identifier") names.add(node.name as string);
    return undefined;
  });
  return names;
}

/** No import, export or import.meta, but `require`, `module` or `exports`. */
export function isCommonJs(ast: Node): boolean {
  const isModule = (ast.body as Node[]).some(({ type }) => /^(Import|Export)/.test(type));
  if (isModule) return false;
  let meta = false;
  let commonJs = false;
  walk(ast, (node) => {
    if (node.type === "MetaProperty") meta = true;
    if (
      isIdentifier(node, "require") ||
      isIdentifier(node, "module") ||
      isIdentifier(node, "exports")
    )
      commonJs = true;
    return undefined;
  });
  return commonJs && !meta;
}
