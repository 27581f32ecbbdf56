/**
 * `releases/<vsn>/node.args`, one argument a line. A preload (`--import x`, `-r x`) is looked up by
 * Node from the working directory, the application's folder; but what was compiled has another
 * ending there, and a package may be none of its own: so each becomes a small file in that folder,
 * from where its packages resolve, and the argument names that file.
 */
import { type PackedFile, textFile } from "../pack/fileSet.ts";

export interface Preload {
  flag: string;
  /** As given: a package or a path. */
  target: string;
}

export interface NodeArgs {
  /** Without the preloads, as they are. */
  plain: string[];
  preloads: Preload[];
}

const ALIASES: Record<string, string> = { "-r": "--require", "--experimental-loader": "--loader" };
const PRELOADS: Record<string, { ending: string; load: (specifier: string) => string }> = {
  "--import": { ending: "mjs", load: (specifier) => `import ${specifier}` },
  "--require": { ending: "cjs", load: (specifier) => `require(${specifier})` },
  "--loader": { ending: "mjs", load: (specifier) => `export * from ${specifier}` },
};

/** Takes `--import x` and `--import=x` alike. */
export function readNodeArgs(args: readonly string[]): NodeArgs {
  const result: NodeArgs = { plain: [], preloads: [] };
  for (let at = 0; at < args.length; at++) {
    const [name, ...value] = args[at]!.split("=");
    const flag = ALIASES[name!] ?? name!;
    if (!Object.hasOwn(PRELOADS, flag)) result.plain.push(args[at]!);
    else {
      const target = value.length > 0 ? value.join("=") : (args[++at] ?? "");
      result.preloads.push({ flag, target });
    }
  }
  return result;
}

/** A preload of the project's own, relative to it; undefined for a package. */
export const ownPreload = ({ target }: Preload): string | undefined =>
  target.startsWith("./") || target.startsWith("../") ? target.replace(/^\.\//, "") : undefined;

export const ownPreloads = ({ preloads }: NodeArgs): string[] =>
  preloads.map(ownPreload).filter((path) => path !== undefined);

/** `placed`: where the project's own preloads ended up (compiled: another ending). */
export function placeNodeArgs(
  { plain, preloads }: NodeArgs,
  placed: (path: string) => string,
): { lines: string[]; files: PackedFile[] } {
  const lines = [...plain];
  const files: PackedFile[] = [];
  for (const [index, preload] of preloads.entries()) {
    const own = ownPreload(preload);
    const specifier = JSON.stringify(own === undefined ? preload.target : `./${placed(own)}`);
    const { ending, load } = PRELOADS[preload.flag]!;
    const name = `tsugi-preload-${index}.${ending}`;
    files.push(textFile(name, `${load(specifier)};\n`));
    lines.push(`${preload.flag}=./${name}`);
  }
  return { lines, files };
}
