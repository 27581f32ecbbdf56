/** The project as it lies there: its package.json and what is around it. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf, TsugiError } from "../contract/errors.ts";
import type { BuildLog } from "./log.ts";

export interface PackageJson {
  name?: string;
  version?: string;
  type?: "module" | "commonjs";
  main?: string;
  exports?: unknown;
  files?: string[];
  scripts?: Record<string, string>;
  engines?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  binary?: unknown;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export interface Project {
  folder: string;
  packageJson: PackageJson;
}

/** @throws TSUGI_PROJECT_INVALID */
export function readProject(folder: string): Project {
  const file = join(folder, "package.json");
  if (!existsSync(file)) {
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem: `there is no ${file}` });
  }
  try {
    return { folder, packageJson: JSON.parse(readFileSync(file, "utf8")) as PackageJson };
  } catch (cause) {
    const problem = `${file} does not parse: ${messageOf(cause)}`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem }, { cause });
  }
}

/** @throws TSUGI_PROJECT_INVALID */
export function releaseName(
  { packageJson, folder }: Project,
  config: { name?: string | undefined },
  log: Pick<BuildLog, "guess">,
): string {
  if (config.name !== undefined) return config.name;
  const name = (packageJson.name ?? "").replace(/^@[^/]+\//, "");
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) {
    const problem = `"name" in ${join(folder, "package.json")} is ${JSON.stringify(packageJson.name)}, which is no file name`;
    throw new TsugiError("TSUGI_PROJECT_INVALID", { problem });
  }
  log.guess("name", name, "package.json");
  return name;
}
