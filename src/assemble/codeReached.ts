/**
 * The project's own code that runs when a release does: what its entries reach by imports, and what
 * those name by its place (a worker, a folder of routes).
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { filesBelow } from "../pack/fileSet.ts";
import { parseModule } from "./ast.ts";
import { findNeighbours } from "./neighbours.ts";
import { PathReader } from "./pathValues.ts";
import { reachedFiles } from "./reached.ts";

const CODE = /\.[cm]?[jt]s$/;

/** `starts`: entries, preloads and arguments, some of which are no files of the project. */
export function codeReached(project: string, starts: readonly string[]): Set<string> {
  const folder = realpathSync(project);
  const isOwnFile = (path: string) =>
    existsSync(join(folder, path)) && statSync(join(folder, path)).isFile();
  const seen = new Set<string>();
  const open = starts.filter(isOwnFile);
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    for (const found of reachedFiles(folder, path, seen)) {
      if (CODE.test(found)) open.push(...namedByPlace(folder, found));
    }
  }
  return seen;
}

function namedByPlace(folder: string, path: string): string[] {
  const id = join(folder, path);
  const ast = parseModule(readFileSync(id, "utf8"), id);
  if (ast === undefined) return [];
  const { found } = findNeighbours(ast, id, folder, new PathReader(ast, id, folder));
  const isHidden = (name: string) => /(^|\/)node_modules$/.test(name);
  return found
    .flatMap(({ path: named, kind }) =>
      kind === "folder"
        ? filesBelow(join(folder, named), named, isHidden)
            .filter(({ source }) => !("link" in source))
            .map((file) => file.path)
        : [named],
    )
    .filter((named) => CODE.test(named));
}
