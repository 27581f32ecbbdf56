/**
 * The form of an entry that a running process can take in and let go of again: not a module, which
 * Node keeps for ever, but a function. Imports, exports and `import.meta` become calls, as Vite's
 * module runner has them, so that top-level await, live bindings and `import()` are what they were.
 *
 *   server.mjs       argv[1]; a few lines that ask the worker to start what lies beside it
 *   server.swap.cjs  the code: loaded by src/runtime/swap/loader.ts, which gives each name a meaning
 *
 * As CommonJS, because of all that Node compiles only that is both freed when it is no longer used
 * and mapped by --enable-source-maps.
 */
import type { Plugin } from "rolldown";
import { moduleRunnerTransform } from "rolldown/experimental";
import { type PackedFile, textFile } from "../pack/fileSet.ts";
import { compiledName } from "./placePlugin.ts";

export const swapName = (entry: string): string =>
  compiledName(entry).replace(/\.mjs$/, ".swap.cjs");

const TIMERS = "setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate";
/** What CommonJS has and ES modules have not. */
const ABSENT = "require, module, exports, __filename, __dirname";
const NAMES = ["import", "dynamic_import", "exports", "exportAll", "import_meta"]
  .map((name) => `__vite_ssr_${name}__`)
  .join(", ");

/** On one line: it moves the source map by exactly that. */
const HEAD =
  `exports.load = (specifier, options) => import(specifier, options); ` +
  `exports.bind = ({ ${TIMERS} }, ${ABSENT}) => async function (${NAMES}) { "use strict";`;

export function swapPlugin(): Plugin {
  return { name: "tsugi-swap", renderChunk: (code) => swapForm(code) as never };
}

/** Of one ES module. The map's sources are `entry.mjs`, what it is a map of. */
export async function swapForm(code: string): Promise<{ code: string; map: object }> {
  const result = await moduleRunnerTransform("entry.mjs", code, { sourcemap: true });
  if (result.errors.length > 0) throw new Error(result.errors[0]!.message);
  const map = result.map as { mappings: string };
  return {
    code: `${HEAD}\n${result.code}\n};\n`,
    map: { ...map, mappings: `;${map.mappings}` },
  };
}

export const START = `// The application is in the file beside this one: it can be replaced while it runs.
const start = globalThis[Symbol.for("tsugi.swap.start")];
if (start === undefined) throw new Error("This is a part of a release: bin/<app> starts it.");
await start(import.meta);
`;

/** What stands where the entry stood. */
export const startFile = (entry: string): PackedFile => textFile(compiledName(entry), START);
