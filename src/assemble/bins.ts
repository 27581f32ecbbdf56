/** Servers that a package brings: `next start`, `y-websocket-server`, `strapi start`. */
import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { locatePackage, readPackage } from "./resolveFrom.ts";
import { RUNNERS } from "./start/runners.ts";

export interface Bin {
  /** `node_modules/<package>/<file>`, as it will be in the release. */
  path: string;
  packageName: string;
  isDevelopment: boolean;
}

/** Of frameworks: their own server is for development, or the output of the build has a better one. */
const OF_FRAMEWORKS = new Set([
  ...["nest", "vite", "nuxt", "nuxi", "nitro", "nitropack", "vinxi", "astro", "svelte-kit"],
  ...["ng", "react-scripts", "vue-cli-service", "webpack-dev-server"],
]);
/** Commands that build, watch or start others: no service by themselves. */
const NO_SERVICE = new Set([
  ...["webpack", "tsc", "tsup", "tsdown", "rollup", "parcel", "electron", "wait-on"],
  ...["turbo", "nx", "lerna", "sh", "bash"],
]);

export const isOfFramework = (tool: string): boolean => OF_FRAMEWORKS.has(tool);

/** @throws TSUGI_SHAPE_UNFIT where it is a command, but no program for Node */
export function binOf({ folder, packageJson }: Project, tool: string): Bin | undefined {
  if (NO_SERVICE.has(tool) || OF_FRAMEWORKS.has(tool) || Object.hasOwn(RUNNERS, tool))
    return undefined;
  const { dependencies = {}, optionalDependencies = {}, devDependencies = {} } = packageJson;
  const production = Object.keys({ ...dependencies, ...optionalDependencies });
  const development = Object.keys(devDependencies).filter((name) => !production.includes(name));
  for (const packageName of [...production, ...development]) {
    const found = locatePackage(folder, packageName);
    if (found === undefined) continue;
    const file = binIn(found.folder, packageName, tool);
    if (file === undefined) continue;
    refuseForeign(join(found.folder, file), tool);
    const isDevelopment = development.includes(packageName);
    return { path: join("node_modules", packageName, file), packageName, isDevelopment };
  }
  return undefined;
}

function binIn(folder: string, packageName: string, tool: string): string | undefined {
  const { bin } = readPackage(folder) as { bin?: string | Record<string, string> };
  if (typeof bin === "string") {
    return packageName.replace(/^@[^/]+\//, "") === tool ? normalize(bin) : undefined;
  }
  return bin?.[tool] === undefined ? undefined : normalize(bin[tool]);
}

function refuseForeign(file: string, tool: string): void {
  if (!existsSync(file)) return;
  const head = Buffer.alloc(120);
  const descriptor = openSync(file, "r");
  readSync(descriptor, head, 0, head.length, 0);
  closeSync(descriptor);
  const line = head.toString("latin1").split("\n")[0]!;
  if (!line.startsWith("\x7fELF") && (!line.startsWith("#!") || /\bnode\b/.test(line))) return;
  throw new TsugiError("TSUGI_SHAPE_UNFIT", {
    shape: tool,
    problem: "it is a command, and no program that Node runs",
    todo: "Name the file that it starts: entry in tsugi.config.ts",
  });
}

/** Where `node_modules/<package>/<file>` lies here: a workspace has it further up. */
export function inPackage(folder: string, path: string): string {
  const [, name, file] = /^node_modules\/((?:@[^/]+\/)?[^/]+)\/(.+)$/.exec(path) ?? [];
  const found = name === undefined ? undefined : locatePackage(folder, name);
  return found === undefined ? join(folder, path) : join(found.folder, file!);
}
