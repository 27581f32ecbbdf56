/** TypeScript that goes along as it is: Node strips its types, and refuses what types alone are not. */
import { readFileSync } from "node:fs";
import type { PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { type Node, parseModule, walk } from "./ast.ts";
import { someOf } from "./unfollowed.ts";

const MAKES_CODE: Record<string, string> = {
  Decorator: "decorators",
  TSEnumDeclaration: "an enum",
  TSParameterProperty: "parameter properties",
  TSImportEqualsDeclaration: "import … = require(…)",
  TSExportAssignment: "export =",
};

export function tellUnstrippable(sources: readonly PackedFile[], log: BuildLog): void {
  const found = sources.flatMap(({ path, source }) => {
    const what = "file" in source ? makesCode(readFileSync(source.file, "utf8"), path) : undefined;
    return what === undefined ? [] : [`${path} (${what})`];
  });
  if (found.length === 0) return;
  log.warn(
    `Loaded by their names when it runs, and more than types to Node, which won't take them: ${someOf(found)}. Give the project a build script (tsc), and start what that writes`,
  );
}

function makesCode(code: string, path: string): string | undefined {
  let found: string | undefined;
  walk(parseModule(code, path), (node: Node) => {
    if (node.declare !== true) found ??= MAKES_CODE[node.type];
    return found === undefined ? undefined : false;
  });
  return found;
}
