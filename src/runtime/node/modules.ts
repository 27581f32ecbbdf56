/** Node's own module loader, where it has no documented hook. */
import { readFileSync } from "node:fs";
import Module from "node:module";

/** Node's own compiler of CommonJS: what it makes is freed when unused, and mapped until then. */
export function compileCommonJs(path: string): Module {
  const module = new Module(path) as Module & {
    _compile(code: string, path: string, format: "commonjs"): void;
  };
  module.filename = path;
  module._compile(readFileSync(path, "utf8"), path, "commonjs");
  return module;
}

type ResolveFilename = (request: string, ...rest: unknown[]) => string;

/** For `require`: another path for a specifier, or undefined for Node's own answer. */
export function interceptRequire(pathOf: (specifier: string) => string | undefined): void {
  const loader = Module as unknown as { _resolveFilename: ResolveFilename };
  const original = loader._resolveFilename;
  loader._resolveFilename = function (request, ...rest) {
    return pathOf(request) ?? original.call(this, request, ...rest);
  };
}

/** It will not fire any more. */
export const isTimerOver = (timer: NodeJS.Timeout): boolean =>
  (timer as unknown as { _destroyed?: boolean })._destroyed === true;
