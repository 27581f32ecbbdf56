/**
 * Which imports stay imports. Node's own modules and tsugi always do; packages do, except in a
 * bundle; own sources never, and a workspace's sibling that is TypeScript counts as own.
 *
 * A source that is CommonJS to TypeScript and tsx (no "type": "module") means `require` when it
 * says `import`: its packages are required here too, or else `import { sign } from "jsonwebtoken"`
 * would fail in the ESM output, and `default` would mean another thing.
 */
import { existsSync, realpathSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { dirname, extname, join, relative } from "node:path";
import type { Plugin } from "rolldown";
import { isTypeScript } from "./entry.ts";
import {
  type FoundPackage,
  isInsideModules,
  locatePackage,
  moduleTypeOf,
  readPackage,
  splitSpecifier,
} from "./resolveFrom.ts";

const REQUIRED = "\0tsugi:require:";

export interface ExternalRules {
  /** Those that stay packages, by name or by folder; undefined: every one. */
  packages: { names: ReadonlySet<string>; folders: ReadonlySet<string> } | undefined;
  /** Told of each package that stays one, of each that does not, of each sibling compiled in. */
  onPackage: (name: string, importer: string) => void;
  onInlined: (name: string) => void;
  /** Told of the folder of a package that cannot be inlined. */
  onAsking: (folder: string) => void;
  onSibling: (found: FoundPackage) => void;
  /** Told of a statement that nothing resolves: no `catch` helps, its module can't be loaded. */
  onUnknown: (specifier: string, importer: string) => void;
}

const isTsugi = (specifier: string) => specifier === "tsugi" || specifier.startsWith("tsugi/");

export function externalsPlugin(rules: ExternalRules): Plugin {
  return {
    name: "tsugi-externals",
    resolveId: {
      order: "pre",
      async handler(specifier, importer, { kind }) {
        if (importer === undefined || /^[./\0]/.test(specifier)) return null;
        if (isBuiltin(specifier) || isTsugi(specifier)) return { id: specifier, external: true };
        const named = splitSpecifier(specifier);
        const from = importer.startsWith(REQUIRED)
          ? importer.slice(REQUIRED.length).split("\0")[1]!
          : importer;
        const resolved = await this.resolve(specifier, from, { skipSelf: true, kind });
        const found = named && locatePackage(dirname(from), named.name);
        if (resolved && !resolved.external && isOwn(resolved.id, found)) {
          if (found !== undefined) rules.onSibling(found);
          return resolved;
        }
        if (named === undefined) return null;
        if (rules.packages !== undefined && found !== undefined && hasAddon(found.folder)) {
          rules.onAsking(found.folder);
        } else if (
          rules.packages !== undefined &&
          !staysOutside(rules.packages, named.name, found)
        ) {
          if (resolved === null || resolved.external) return { id: specifier, external: true };
          rules.onInlined(named.name);
          return resolved;
        }
        if (found !== undefined) rules.onPackage(named.name, from);
        else if (kind === "import-statement" && (resolved === null || resolved.external))
          rules.onUnknown(specifier, from);
        const wantsRequire = kind === "import-statement" && moduleTypeOf(from) === "commonjs";
        if (wantsRequire && isRequirable(specifier, from))
          return `${REQUIRED}${specifier}\0${from}`;
        return { id: completed(specifier, named.subpath, found, resolved?.id), external: true };
      },
    },
    load(id) {
      if (!id.startsWith(REQUIRED)) return null;
      const specifier = id.slice(REQUIRED.length).split("\0")[0]!;
      return { code: `module.exports = require(${JSON.stringify(specifier)});`, moduleType: "js" };
    },
  };
}

/** A file of the project, found by a path of tsconfig, `#imports` or a TypeScript sibling. */
function isOwn(file: string, found: FoundPackage | undefined): boolean {
  if (file.startsWith("\0") || isInsideModules(file)) return false;
  if (found === undefined || !file.startsWith(realpathSync(found.folder))) return true;
  return isTypeScript(file);
}

function staysOutside(
  { names, folders }: NonNullable<ExternalRules["packages"]>,
  name: string,
  found: FoundPackage | undefined,
): boolean {
  return names.has(name) || (found !== undefined && folders.has(found.folder));
}

/** A package that loads a compiled addon looks for it beside itself: it cannot be inlined. */
function hasAddon(folder: string): boolean {
  return (
    existsSync(join(folder, "binding.gyp")) ||
    existsSync(join(folder, "prebuilds")) ||
    existsSync(join(folder, "build", "Release")) ||
    readPackage(folder).binary !== undefined
  );
}

function isRequirable(specifier: string, importer: string): boolean {
  try {
    const file = createRequire(importer).resolve(specifier);
    return (
      extname(file) !== ".mjs" && (extname(file) !== ".js" || moduleTypeOf(file) === "commonjs")
    );
  } catch {
    return false;
  }
}

/** `lodash/fp` → `lodash/fp.js`: without `exports`, Node's import asks for a file's whole name. */
function completed(
  specifier: string,
  subpath: string,
  found: FoundPackage | undefined,
  resolved: string | undefined,
): string {
  if (subpath === "" || found === undefined || resolved === undefined) return specifier;
  if (readPackage(found.folder).exports !== undefined) return specifier;
  const inside = relative(realpathSync(found.folder), resolved);
  return inside.startsWith("..") ? specifier : `${specifier.slice(0, -subpath.length)}${inside}`;
}
