/** Tools that run several scripts: as the line of shell that does the same. */
import { literally } from "../../pack/glob.ts";
import type { Reading } from "./script.ts";

type Runs = (words: string[], reading: Reading) => string;

const TAKES = /^(-n|--names|-c|--prefix-colors|-p|--prefix|-t|-l|--restart-tries|--success)$/;
const PARALLEL = /^(-p|--parallel)$/;

const scriptsLine = (patterns: string[], { scripts }: Reading, joint: string): string =>
  patterns
    .filter((word) => !word.startsWith("-"))
    .flatMap((pattern) => named(pattern, scripts))
    .map((name) => `npm run ${name}`)
    .join(joint);

const SEVERAL: Record<string, Runs> = {
  "run-p": (words, reading) => scriptsLine(words, reading, " & "),
  "run-s": (words, reading) => scriptsLine(words, reading, " && "),
  "npm-run-all": (words, reading) => {
    const joint = words.some((word) => PARALLEL.test(word)) ? " & " : " && ";
    return scriptsLine(words, reading, joint);
  },
  concurrently: (words, { scripts }) => {
    const lines = words.filter(
      (word, at) => !word.startsWith("-") && !TAKES.test(words[at - 1] ?? ""),
    );
    const commands = lines.flatMap((line) => {
      const [, manager, pattern] = /^(npm|pnpm|yarn|bun):(\S+)$/.exec(line) ?? [];
      if (manager === undefined) return [line];
      return named(pattern!, scripts).map((name) => `${manager} run ${name}`);
    });
    return commands.join(" & ");
  },
};
SEVERAL["npm-run-all2"] = SEVERAL["npm-run-all"]!;

/** `start:*` */
function named(pattern: string, scripts: Record<string, string>): string[] {
  if (!pattern.includes("*")) return [pattern];
  const means = new RegExp(`^${pattern.split("*").map(literally).join("[^:]*")}$`);
  return Object.keys(scripts).filter((name) => means.test(name));
}

/** Of a workspace: `turbo start --filter=web`, `nx serve api`, `lerna run start --scope=api`. */
const WORKSPACES = /^(turbo|nx|lerna)$/;

export function severalAsLine(
  tool: string,
  words: string[],
  reading: Reading,
): { line?: string; elsewhere?: string } | undefined {
  if (WORKSPACES.test(tool)) {
    const filter = /(?:--filter|-F|--scope|--projects?)[= ](\S+)/.exec(words.join(" "))?.[1];
    const project =
      tool === "nx" ? words.find((word) => !/^(-|run$|serve$|start$)/.test(word)) : undefined;
    return { elsewhere: filter ?? project ?? "*" };
  }
  const runs = Object.hasOwn(SEVERAL, tool) ? SEVERAL[tool] : undefined;
  return runs && { line: runs(words, reading) };
}
