/**
 * The scripts of package.json, as lines of shell. Google's wireit has `"start": "wireit"` there, and the
 * line that it runs, its variables and what comes first in a section of its own.
 */
import type { PackageJson } from "../../pack/project.ts";

interface Wired {
  command?: string;
  dependencies?: (string | { script?: string })[];
  env?: Record<string, string | { external?: boolean; default?: string }>;
}

type WiredPackage = PackageJson & { wireit?: Record<string, Wired> };

export function scriptsOf(packageJson: PackageJson): Record<string, string> {
  const { scripts = {}, wireit = {} } = packageJson as WiredPackage;
  const lines = Object.entries(scripts).map(([name, line]) => {
    const wired = isWired(line) ? wireit[name] : undefined;
    return [name, wired === undefined ? line : lineOf(wired)];
  });
  return Object.fromEntries(lines);
}

/** Those of the same package that wireit runs before one of its own. */
export function wiredBefore(packageJson: PackageJson, name: string): string[] {
  const { scripts = {}, wireit = {} } = packageJson as WiredPackage;
  const { dependencies = [] } = isWired(scripts[name] ?? "") ? (wireit[name] ?? {}) : {};
  return dependencies
    .map((one) => (typeof one === "string" ? one : (one.script ?? "")))
    .filter((one) => Object.hasOwn(scripts, one));
}

const isWired = (line: string): boolean => /^(npx |yarn )?wireit$/.test(line.trim());

/** One that has no line of its own stands for the others. */
function lineOf({ command, dependencies = [], env = {} }: Wired): string {
  if (command === undefined) {
    const names = dependencies.map((one) => (typeof one === "string" ? one : one.script));
    return names.map((one) => `npm run ${one}`).join(" && ");
  }
  const assigned = Object.entries(env).flatMap(([name, value]) => {
    const known = typeof value === "string" ? value : value.default;
    return known === undefined ? [] : [`${name}=${JSON.stringify(known)}`];
  });
  return [...assigned, command].join(" ");
}
