/** `#lib/a` by the `imports` of the project's package.json, as Node reads them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { readPackage } from "./resolveFrom.ts";

const CONDITIONS = ["node", "import", "module-sync", "require", "default"];

/** @returns paths relative to the folder; what leads to a package is none. `import` and `require` may differ. */
export function importedFiles(folder: string, specifier: string): string[] {
  if (!specifier.startsWith("#") || !existsSync(join(folder, "package.json"))) return [];
  const { imports = {} } = readPackage(folder) as { imports?: Record<string, unknown> };
  const exact = imports[specifier];
  if (exact !== undefined && !specifier.includes("*")) return targetsOf(exact, "");
  // The longest that fits comes first.
  const patterns = Object.keys(imports).filter((key) => key.includes("*"));
  for (const key of patterns.sort((a, b) => b.indexOf("*") - a.indexOf("*"))) {
    const [before = "", after = ""] = key.split("*");
    const fits = specifier.startsWith(before) && specifier.endsWith(after);
    if (!fits || specifier.length < key.length) continue;
    const part = specifier.slice(before.length, specifier.length - after.length);
    return targetsOf(imports[key], part);
  }
  return [];
}

function targetsOf(target: unknown, part: string): string[] {
  if (typeof target === "string") {
    return target.startsWith("./") ? [target.slice(2).replaceAll("*", part)] : [];
  }
  if (Array.isArray(target)) return targetsOf(target[0], part);
  if (target === null || typeof target !== "object") return [];
  const chosen = Object.entries(target).filter(([name]) => CONDITIONS.includes(name));
  return [...new Set(chosen.flatMap(([, inner]) => targetsOf(inner, part)))];
}
