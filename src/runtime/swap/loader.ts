/**
 * Runs an application from its swappable form (src/assemble/swapPlugin.ts): a function, so that it can
 * be collected when it is gone. Packages and Node's own modules are imported natively and shared by
 * all generations; `tsugi/hot` is this generation's own.
 */
import { realpathSync } from "node:fs";
import type Module from "node:module";
import { pathToFileURL } from "node:url";
import type { Hot } from "../../hot/types.ts";
import { compileCommonJs } from "../node/modules.ts";
import type { Timers } from "./timers.ts";

type Load = (specifier: unknown, options?: ImportCallOptions) => Promise<Record<string, unknown>>;

interface SwapModule extends Module {
  exports: { load: Load; bind: (timers: Timers) => Run };
  paths: string[];
}

interface ImportedNames {
  importedNames?: string[];
}

type Run = (
  this: undefined,
  load: (specifier: string, metadata?: ImportedNames) => Promise<unknown>,
  loadDynamically: Load,
  exported: object,
  exportAll: (from: Record<string, unknown>) => void,
  meta: ImportMeta,
) => Promise<void>;

/** What a generation sees as its own. `hot: undefined`: whatever `tsugi/hot` is here. */
export interface Bindings {
  hot: Hot | undefined;
  timers: Timers;
}

/** Holds the code: as long as it is reachable, stack traces are mapped. */
export interface Loaded {
  /** As stack frames name it. */
  path: string;
  module: object;
  exported: object;
}

const metas = new Map<string, ImportMeta>();

/** Each start file (`server.mjs`) gives its `import.meta` when Node loads it. */
export function noteMeta(meta: ImportMeta): void {
  metas.set(meta.url, meta);
}

/** The `import.meta` of a start file, which is imported once for it. */
export async function metaOf(entry: string): Promise<ImportMeta> {
  const url = pathToFileURL(realpathSync(entry)).href;
  if (!metas.has(url)) await import(url);
  const meta = metas.get(url);
  if (meta === undefined) throw new Error(`${entry} was not built to be swapped`);
  return meta;
}

export const swapPath = (filename: string): string => filename.replace(/\.mjs$/, ".swap.cjs");

/** Resolves when the code has settled, top-level await included. */
export async function runApplication(meta: ImportMeta, bindings: Bindings): Promise<Loaded> {
  const path = swapPath(meta.filename);
  const module = compileCommonJs(path) as SwapModule;
  const { load, bind } = module.exports;
  const exported = Object.create(null, { [Symbol.toStringTag]: { value: "Module" } });
  const importOne: Load = (specifier, options) => {
    const { hot } = bindings;
    if (specifier === "tsugi/hot" && hot !== undefined) return Promise.resolve({ hot });
    return load(specifier, options);
  };
  const importStatically = async (specifier: string, metadata?: ImportedNames) => {
    const isJson = specifier.endsWith(".json");
    const found = await importOne(specifier, isJson ? { with: { type: "json" } } : undefined);
    for (const name of metadata?.importedNames ?? []) {
      // What linking would have refused.
      if (!(name in found)) throw new SyntaxError(missingExport(specifier, name));
    }
    return found;
  };
  const exportAll = (from: Record<string, unknown>) => {
    for (const name of Object.keys(from)) {
      if (name === "default" || name in exported) continue;
      Object.defineProperty(exported, name, { enumerable: true, get: () => from[name] });
    }
  };
  const run = bind(bindings.timers);
  await run.call(undefined, importStatically, importOne, exported, exportAll, metaFor(meta));
  return { path, module, exported };
}

/** The start file's, but each generation's own object. */
const metaFor = (meta: ImportMeta): ImportMeta =>
  Object.assign(Object.create(null), meta, { main: process.argv[1] === meta.filename });

const missingExport = (specifier: string, name: string): string =>
  `The requested module '${specifier}' does not provide an export named '${name}'`;
