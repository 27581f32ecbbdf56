/** Finding packages the way Node does: from a folder upward. */
import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import type { PackageJson } from "../pack/project.ts";

/** A package as it lies on disk. */
export interface FoundPackage {
  /** Where it was looked up: …/node_modules/<name>; may be a link. */
  location: string;
  /** Where it really is. */
  folder: string;
  /** The location itself is a link: pnpm's, or a workspace's. */
  isLink: boolean;
}

export function locatePackage(from: string, name: string): FoundPackage | undefined {
  for (let at = from; ; at = dirname(at)) {
    if (basename(at) !== "node_modules") {
      const location = join(at, "node_modules", name);
      if (existsSync(join(location, "package.json"))) {
        const isLink = lstatSync(location).isSymbolicLink();
        return { location, folder: realpathSync(location), isLink };
      }
    }
    if (dirname(at) === at) return undefined;
  }
}

export const isInsideModules = (path: string): boolean => path.includes(`${sep}node_modules${sep}`);

/** A package and all that it needs, as folders: what stays outside a bundle stays there together. */
export function closureOf(folder: string, found = new Set<string>()): Set<string> {
  if (found.has(folder)) return found;
  found.add(folder);
  const { dependencies, optionalDependencies, peerDependencies } = readPackage(folder);
  for (const name of Object.keys({
    ...dependencies,
    ...optionalDependencies,
    ...peerDependencies,
  })) {
    const next = locatePackage(folder, name);
    if (next !== undefined) closureOf(next.folder, found);
  }
  return found;
}

/** `…/node_modules/@org/name/lib/a.js` → `…/node_modules/@org/name`. */
export function packageFolderOf(file: string): string {
  const at = file.lastIndexOf(`${sep}node_modules${sep}`) + `${sep}node_modules${sep}`.length;
  const [first, second] = file.slice(at).split(sep);
  return file.slice(0, at) + (first?.startsWith("@") ? `${first}${sep}${second}` : first);
}

export function readPackage(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageJson;
}

/** `@org/name/sub/path` → `@org/name`, `sub/path`. Undefined for what is no package. */
export function splitSpecifier(specifier: string): { name: string; subpath: string } | undefined {
  const match = /^((?:@[a-z0-9~_.-]+\/)?[a-z0-9~_-][a-z0-9~_.-]*)(?:\/(.*))?$/i.exec(specifier);
  return match ? { name: match[1]!, subpath: match[2] ?? "" } : undefined;
}

/** The `type` of the nearest package.json above a file. */
export function moduleTypeOf(file: string): "module" | "commonjs" {
  if (/\.m[jt]s$/.test(file)) return "module";
  if (/\.c[jt]s$/.test(file)) return "commonjs";
  for (let at = dirname(file); ; at = dirname(at)) {
    if (existsSync(join(at, "package.json"))) {
      return readPackage(at).type === "module" ? "module" : "commonjs";
    }
    if (dirname(at) === at) return "commonjs";
  }
}
