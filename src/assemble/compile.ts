/**
 * compile and bundle: own sources to one ESM file that stands where the entry stood, with a source
 * map. compile leaves packages as packages; bundle takes them in.
 */
import { join } from "node:path";
import { type OutputAsset, type OutputChunk, type Plugin, rolldown } from "rolldown";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { type PackedFile, textFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { type ExternalRules, externalsPlugin } from "./externals.ts";
import { HotScan } from "./hotScan.ts";
import type { Neighbour } from "./neighbours.ts";
import { compiledName, placePlugin } from "./placePlugin.ts";
import { isInsideModules, moduleTypeOf } from "./resolveFrom.ts";
import { startFile, swapName, swapPlugin } from "./swapPlugin.ts";
import type { Unfollowed } from "./unfollowed.ts";

export interface CompileRequest {
  /** The project's folder, without links. */
  folder: string;
  /** Of the project; undefined: the nearest of each source. */
  tsconfig?: string;
  rules: ExternalRules;
  hot: HotScan;
  onNeighbour: (neighbour: Neighbour) => void;
  onUnfollowed: (unfollowed: Unfollowed) => void;
  /** Only what it exports and that reaches is wanted, under this name. */
  part?: { name: string; plugin: Plugin };
}

export interface Compiled {
  files: PackedFile[];
  /** The form that can be swapped in place, where the code calls `hot.accept()`. */
  swap?: string;
  listens: boolean;
}

/**
 * `entry` is relative to the project, and so are the paths of the result. `swappable`: it is a
 * process of the release, not one of its threads or preloads.
 * @throws TSUGI_BUILD_FAILED
 */
export async function compileEntry(
  entry: string,
  swappable: boolean,
  request: CompileRequest,
  log: BuildLog,
): Promise<Compiled> {
  const { folder, tsconfig, rules, onNeighbour, onUnfollowed, part } = request;
  const hot = new HotScan(request.hot);
  const { onAsking } = rules;
  let isCyclic = false;
  try {
    const build = await rolldown({
      input: join(folder, entry),
      cwd: folder,
      platform: "node",
      tsconfig: tsconfig === undefined ? true : join(folder, tsconfig),
      // Compilers of JavaScript take JSX in it, whatever its ending.
      moduleTypes: { ".js": "jsx", ".mjs": "jsx", ".cjs": "jsx" },
      // Own code stays as written: a stack trace names the right line. In a bundle, size counts.
      treeshake: part ? PART_ONLY : rules.packages !== undefined,
      checks: { circularDependency: true },
      onLog: (level, { code = "", message, ids = [] }) => {
        if (code === "CIRCULAR_DEPENDENCY") isCyclic ||= !ids.some(isInsideModules);
        else if (level === "warn" && !QUIET.has(code)) log.warn(message.trim());
      },
      plugins: [
        part?.plugin,
        externalsPlugin(rules),
        placePlugin({
          ...{ project: folder, entry: join(folder, entry), hot },
          ...{ onNeighbour, onUnfollowed, onAsking },
          onImports: (at, paths) => log.guess("import", paths.join(", "), at),
        }),
      ],
    });
    try {
      const plain = {
        format: "esm",
        sourcemap: true,
        minify: false,
        // Two classes of one name: an ORM names its tables by them.
        keepNames: true,
        codeSplitting: false,
        // Nothing is written there: it makes the source map's paths relative to the output.
        dir: folder,
      } as const;
      const entryFileNames = part?.name ?? compiledName(entry);
      const first = await build.generate({ ...plain, entryFileNames });
      // In a circle of CommonJS modules what is not there yet is undefined, and no error: entities that
      // name each other, whose decorators ask for the other's type.
      const isUndefined = isCyclic && moduleTypeOf(join(folder, entry)) === "commonjs";
      const options = { ...plain, strictExecutionOrder: isUndefined };
      const { output } = isUndefined ? await build.generate({ ...options, entryFileNames }) : first;
      const { listens } = hot;
      if (!swappable || !hot.accepts) return { files: output.map(textOf), listens };
      const swap = swapName(entry);
      const plugins = [swapPlugin()];
      const again = await build.generate({ ...options, entryFileNames: swap, plugins });
      return { files: [startFile(entry), ...again.output.map(textOf)], swap, listens };
    } finally {
      await build.close();
    }
  } catch (cause) {
    throw new TsugiError(
      "TSUGI_BUILD_FAILED",
      { what: entry, problem: messageOf(cause) },
      { cause },
    );
  }
}

const textOf = (output: OutputChunk | OutputAsset): PackedFile =>
  textFile(output.fileName, output.type === "chunk" ? output.code : output.source);

/** A package that only the rest of the module imports is not wanted either. */
const PART_ONLY = { moduleSideEffects: "no-external", propertyReadSideEffects: false } as const;

/** Warnings about what is no fault of the project's. */
const QUIET = new Set([
  "EVAL",
  "PLUGIN_TIMINGS",
  "COMMONJS_VARIABLE_IN_ESM",
  "INEFFECTIVE_DYNAMIC_IMPORT",
]);
