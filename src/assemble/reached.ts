/** The project's own files that an entry reaches by relative imports and requires, and by `#` of its package.json. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { isIdentifier, type Node, parseModule, stringValue, walk } from "./ast.ts";
import { choicesOf, loadedBy } from "./importPatterns.ts";
import { importedFiles } from "./importsMap.ts";
import { namesCreateRequire, PathReader } from "./pathValues.ts";

const ENDINGS = [
  "",
  ".js",
  ".mjs",
  ".cjs",
  ".ts",
  ".json",
  ".node",
  "/index.js",
  "/index.mjs",
  "/index.cjs",
];

/** `seen`: what was gone through before is not again, and not in the result. */
export function reachedFiles(folder: string, entry: string, seen = new Set<string>()): string[] {
  const found: string[] = [];
  const open = [entry];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path) || path.startsWith("..") || path.includes("node_modules/")) continue;
    seen.add(path);
    found.push(path);
    if (!/\.[cm]?[jt]s$/.test(path)) continue;
    const code = readFileSync(join(folder, path), "utf8");
    for (const specifier of ownSpecifiers(code, join(folder, path), folder)) {
      const places = specifier.startsWith("#")
        ? importedFiles(folder, specifier)
        : [join(dirname(path), specifier)];
      for (const place of places) {
        const file = resolveRelative(join(folder, place));
        if (file !== undefined) open.push(relative(folder, file));
      }
    }
  }
  return found.sort();
}

function ownSpecifiers(code: string, file: string, folder: string): string[] {
  const ast = parseModule(code, file);
  if (ast === undefined) return [];
  const reader = new PathReader(ast, file, folder);
  const found: string[] = [];
  const add = (node: unknown) => {
    const value = stringValue(node);
    if (value !== undefined && OWN.test(value)) found.push(value);
  };
  walk(ast, (node) => {
    const loaded = loadedBy(node);
    const choices = loaded && choicesOf(loaded.source, file, reader);
    if (choices !== undefined) found.push(...choices.map(({ specifier }) => specifier));
    if (/^(Import|ExportNamed|ExportAll)(Declaration|Expression)$/.test(node.type))
      add(node.source);
    if (node.type === "CallExpression" && isRequire(node.callee))
      add((node.arguments as Node[])[0]);
    return undefined;
  });
  return found;
}

/** `./a`, `..`, and `#a` by package.json. */
const OWN = /^(\.\.?(\/|$)|#)/;

const isRequire = (callee: unknown): boolean =>
  isIdentifier(callee, "require") ||
  // A bundler has put it where it is called: `createRequire(import.meta.url)("#a")`.
  ((callee as Node).type === "CallExpression" && namesCreateRequire((callee as Node).callee)) ||
  ((callee as Node).type === "MemberExpression" &&
    isIdentifier((callee as Node).object, "require"));

export function resolveRelative(path: string): string | undefined {
  return ENDINGS.map((ending) => path + ending).find(
    (candidate) => existsSync(candidate) && statSync(candidate).isFile(),
  );
}
