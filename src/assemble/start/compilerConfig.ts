/** By which tsconfig, and to where, a project's build script has its sources compiled. */
import { existsSync, statSync } from "node:fs";
import { join, normalize } from "node:path";
import type { Project } from "../../pack/project.ts";
import { scriptsOf } from "./packageScripts.ts";
import { splitCommands, splitWords } from "./shellWords.ts";

export interface CompilerConfig {
  /** Relative to the project; it may stand above it. */
  tsconfig?: string;
  outDir?: string;
}

const COMPILER = /^(tsc|tspc|tsgo|ttsc|vue-tsc)$/;
const CONFIG = /^(-p|--project|-b|--build)$/;

export function compilerConfig({ folder, packageJson }: Project): CompilerConfig {
  const lines = splitCommands(scriptsOf(packageJson).build ?? "");
  for (const { text } of lines) {
    const words = splitWords(text);
    const at = words.findIndex((word) => COMPILER.test(word));
    if (at < 0 || at > 2) continue;
    const found: CompilerConfig = {};
    const after = (test: (word: string) => boolean) => words[words.findIndex(test) + 1];
    const config = words.some((word) => CONFIG.test(word))
      ? after((w) => CONFIG.test(w))
      : undefined;
    const tsconfig =
      config === undefined || config.startsWith("-") ? undefined : file(folder, config);
    if (tsconfig !== undefined) found.tsconfig = tsconfig;
    const outDir = words.includes("--outDir") ? after((word) => word === "--outDir") : undefined;
    if (outDir !== undefined) found.outDir = normalize(outDir);
    if (found.tsconfig !== undefined || found.outDir !== undefined) return found;
  }
  return {};
}

/** A folder means the tsconfig.json in it. */
function file(folder: string, path: string): string | undefined {
  const place = join(folder, path);
  if (!existsSync(place)) return undefined;
  return statSync(place).isDirectory() ? join(path, "tsconfig.json") : normalize(path);
}
