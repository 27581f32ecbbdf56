/**
 * What `npm pack` would take, by npm's own rules but without npm: its `--dry-run` compresses all of
 * it, whatever lies there included.
 */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { readPackage } from "./resolveFrom.ts";

interface PackageTree {
  path: string;
  package: object;
  isProjectRoot: boolean;
  edgesOut: Map<string, unknown>;
}
type PackList = (
  tree: PackageTree,
  options?: { prefix: string; workspaces: string[] },
) => Promise<string[]>;

/** @throws TSUGI_BUILD_FAILED */
export async function packedFiles(folder: string): Promise<string[]> {
  try {
    // @ts-expect-error It has no types of its own.
    const { default: packList } = (await import("npm-packlist")) as { default: PackList };
    const root = workspaceRootOf(folder);
    // Of a package in a workspace the ignore files above it count as well.
    const options = root === undefined ? undefined : { prefix: root, workspaces: [folder] };
    return await packList(treeOf(folder), options);
  } catch (cause) {
    const details = { what: "listing the files of the package", problem: messageOf(cause) };
    throw new TsugiError("TSUGI_BUILD_FAILED", details, { cause });
  }
}

function treeOf(folder: string): PackageTree {
  const read = readPackage(folder) as Record<string, unknown>;
  const { bundleDependencies: _bundle, bundledDependencies: _bundled, ...packageJson } = read;
  const { name, bin } = packageJson;
  if (typeof bin === "string") packageJson.bin = { [String(name)]: bin };
  return { path: folder, package: packageJson, isProjectRoot: true, edgesOut: new Map() };
}

export function workspaceRootOf(folder: string): string | undefined {
  for (let at = dirname(folder); at !== dirname(at); at = dirname(at)) {
    if (existsSync(join(at, "pnpm-workspace.yaml")) || declaresWorkspaces(at)) return at;
  }
  return undefined;
}

function declaresWorkspaces(folder: string): boolean {
  try {
    return "workspaces" in readPackage(folder);
  } catch {
    return false;
  }
}
