/**
 * `tsugi exec`: which words are ours, and which the command's on the hosts.
 *
 *   [options] [environment] [options] -- command …   all before the `--` is ours, all after it is not
 *   [options] [environment] [options] command …      from the command on nothing is ours
 *
 * What is ours is moved to the front, for commander to read; then come `--`, the environment, `--` and
 * the command.
 */
import { resolve } from "node:path";
import { loadConfig } from "../config/load.ts";
import { optionsOf } from "../contract/commands/define.ts";
import { TOOL_COMMANDS } from "../contract/commands/tool.ts";

/** @param words what follows `tsugi exec` */
export async function arrangeExec(words: string[]): Promise<string[]> {
  const [own, [first, ...rest]] = ownFirst(words);
  if (first === undefined) return own;
  // Not one of ours: commander says so.
  if (first.startsWith("-") && first !== "--") return words;
  if (first === "--") return [...own, "--", "--", ...rest];
  const [more, [next, ...command]] = ownFirst(rest);
  if (next === "--") return [...own, ...more, "--", first, "--", ...command];
  // Without a `--` only the configuration says whether the first word names an environment.
  const { config } = await loadConfig(resolve("."), configOf(own));
  if (!Object.hasOwn(config.environments ?? {}, first)) return [...own, "--", "--", first, ...rest];
  const left = next === undefined ? [] : [next, ...command];
  // Ours, and misspelt: no command begins like that.
  if (next?.startsWith("-")) return [...own, ...more, next, "--", first, "--", ...command];
  return [...own, ...more, "--", first, "--", ...left];
}

/** Flags, and whether a value follows. */
const FLAGS = new Map<string, boolean>(
  [...optionsOf(TOOL_COMMANDS.exec).map(({ flags }) => flags), "-h, --help"].flatMap((flags) => {
    const takesValue = flags.includes("<");
    return flags.split(/[ ,]+/).map((flag) => [flag, takesValue] as const);
  }),
);

/** The options of ours that it begins with, and the rest. */
function ownFirst(words: string[]): [own: string[], rest: string[]] {
  let at = 0;
  while (at < words.length) {
    const [flag, value] = words[at]!.split("=", 2) as [string, string?];
    if (!FLAGS.has(flag)) break;
    at += FLAGS.get(flag) && value === undefined ? 2 : 1;
  }
  return [words.slice(0, at), words.slice(at)];
}

function configOf(own: string[]): string | undefined {
  const at = own.findLastIndex((word) => /^--config(=|$)/.test(word));
  if (at === -1) return undefined;
  return own[at] === "--config" ? own[at + 1] : own[at]!.slice("--config=".length);
}
