/**
 * compile and bundle: own sources to one ESM file that stands where the entry stood, with a source
 * map. compile leaves packages as packages; bundle takes them in.
 */
import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { rolldown } from "rolldown";
import { messageOf, TsugiError } from "../errors.ts";
import { type PackedFile, textFile } from "./fileSet.ts";
import type { HotScan } from "./hotScan.ts";
import { placePlugin } from "./placePlugin.ts";
import type { BuildReport } from "./report.ts";

export interface Compiled {
  /** Relative to the application's folder. */
  entry: string;
  files: PackedFile[];
}

export interface CompileRequest {
  /** The project's folder. */
  folder: string;
  /** Relative to it. */
  entry: string;
  /** Whether an import by that specifier stays an import. */
  isExternal: (specifier: string, importer: string | undefined) => boolean;
  hot: HotScan;
}

/** @throws TSUGI_BUILD_FAILED */
export async function compileEntry(
  request: CompileRequest,
  report: BuildReport,
): Promise<Compiled> {
  const folder = realpathSync(request.folder);
  const entry = join(folder, request.entry);
  const output = request.entry.replace(/\.[cm]?[jt]sx?$/, ".mjs");
  try {
    const build = await rolldown({
      input: entry,
      cwd: folder,
      platform: "node",
      tsconfig: true,
      logLevel: "warn",
      checks: { pluginTimings: false },
      onLog: (_level, log) => {
        if (log.code !== "EVAL") report.warn(log.message);
      },
      external: (id, importer) => request.isExternal(id, importer),
      plugins: [placePlugin(entry, (code, id) => request.hot.add(code, id))],
    });
    try {
      const { output: chunks } = await build.generate({
        format: "esm",
        sourcemap: true,
        codeSplitting: false,
        // Never written there: it makes the paths in the source map relative to the output.
        dir: folder,
        entryFileNames: output,
      });
      const files = chunks.map((chunk) =>
        textFile(chunk.fileName, chunk.type === "chunk" ? chunk.code : chunk.source),
      );
      return { entry: relative(folder, join(folder, output)), files };
    } finally {
      await build.close();
    }
  } catch (cause) {
    throw new TsugiError(
      "TSUGI_BUILD_FAILED",
      { what: request.entry, problem: messageOf(cause) },
      { cause },
    );
  }
}
