/**
 * What node is told to load before the application (`--import ./otel.mjs`, `-r dotenv/config`): it is
 * needed whatever the rest is made of, also where an output carries all that it needs itself.
 */
import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { parseModule, stringValue, walk } from "./ast.ts";
import { isFile, withEndings } from "./entry.ts";
import { ownPreload, type Preload } from "./nodeArgs.ts";
import { installCommandOf } from "./packageManager.ts";
import { reachedFiles } from "./reached.ts";
import { locatePackage, splitSpecifier } from "./resolveFrom.ts";

/** Once the build script has run: it may have made it. @throws TSUGI_PRELOAD_MISSING */
export function findPreload(folder: string, path: string): string {
  const inside = normalize(path);
  const found = withEndings(inside, true).find((name) => isFile(join(folder, name)));
  if (found !== undefined && !found.startsWith("../")) return found;
  const problem = found === undefined ? "is not there" : "lies outside of the project";
  throw new TsugiError("TSUGI_PRELOAD_MISSING", { path, problem, folder });
}

/** Those that are packages, by name. @throws TSUGI_PACKAGES_MISSING */
export function preloadedPackages(folder: string, preloads: readonly Preload[]): string[] {
  const names = preloads.flatMap((preload) =>
    ownPreload(preload) === undefined ? packageIn(preload.target) : [],
  );
  const missing = names.filter((name) => locatePackage(folder, name) === undefined);
  if (missing.length === 0) return names;
  const details = { packages: missing.join(", "), install: installCommandOf(folder) };
  throw new TsugiError("TSUGI_PACKAGES_MISSING", details);
}

/** What the project's own preloads import, or name as `register("a/hook.mjs", …)` does. */
export function packagesOfPreloads(
  { folder, packageJson }: Project,
  preloads: readonly string[],
): string[] {
  const { dependencies = {}, optionalDependencies = {} } = packageJson;
  const declared = { ...dependencies, ...optionalDependencies };
  const found = new Set<string>();
  const seen = new Set<string>();
  const files = preloads.flatMap((path) => reachedFiles(folder, findPreload(folder, path), seen));
  for (const path of files) {
    const ast = parseModule(readFileSync(join(folder, path), "utf8"), path);
    walk(ast, (node, parent) => {
      const [name] = packageIn(stringValue(node) ?? "");
      const isImport = /^(Import|Export)/.test(parent?.type ?? "");
      if (name !== undefined && (isImport || name in declared)) found.add(name);
      return undefined;
    });
  }
  return [...found];
}

function packageIn(specifier: string): string[] {
  const name = isBuiltin(specifier) ? undefined : splitSpecifier(specifier)?.name;
  return name === undefined ? [] : [name];
}
