/** Programs that start another one: what they are given before it. To add one: a row. */
import type { StartScript } from "./script.ts";

export interface Wrapper {
  /** Words of their own: `dotenvx run`. */
  verbs?: readonly string[];
  /** Options with a value. */
  takes?: readonly string[];
  /** Of them, those that name a file of variables, and those that set one. */
  files?: readonly string[];
  sets?: readonly string[];
  /** Options whose value is a whole line of shell. */
  lines?: readonly string[];
  /** It starts another program by such an option only. */
  onlyLines?: true;
}

const SHELL: Wrapper = { lines: ["-c", "-lc", "-ec"], onlyLines: true };
const NPX: Wrapper = { takes: ["-p", "--package", "-w"], lines: ["-c", "--call"] };
const SECRETS: Wrapper = { verbs: ["run"], lines: ["--command"], files: ["--env-file"] };

export const WRAPPERS: Record<string, Wrapper> = {
  exec: {},
  "--": {},
  "cross-env": {},
  "cross-env-shell": {},
  env: { takes: ["-u", "-C"] },
  npx: NPX,
  pnpx: NPX,
  bunx: NPX,
  dotenv: { verbs: ["run"], takes: ["-p", "-c"], files: ["-e", "-f"], sets: ["-v"] },
  dotenvx: { verbs: ["run"], files: ["-f", "--env-file"], sets: ["-e", "--env"] },
  "dotenv-cli": { takes: ["-p", "-c"], files: ["-e"], sets: ["-v"] },
  "dotenv-flow": { takes: ["-p"] },
  "env-cmd": { takes: ["-r", "-e", "--rc-file", "--environments"], files: ["-f", "--file"] },
  doppler: SECRETS,
  infisical: SECRETS,
  op: SECRETS,
  nice: { takes: ["-n"] },
  time: {},
  nohup: {},
  "dumb-init": { takes: ["-r"] },
  tini: { takes: ["-e", "-p"] },
  sh: SHELL,
  bash: SHELL,
  zsh: SHELL,
};

/** Off the front of `words`, up to the program that is started. @returns the line that is, where it is one */
export function takeOptions(
  words: string[],
  { verbs = [], takes = [], files = [], sets = [], lines = [] }: Wrapper,
  around: StartScript,
): string | undefined {
  // All that stands before them is an option, also one that is not known here.
  const hasDashes = words.includes("--");
  for (let word = words[0]; word !== undefined; word = words[0]) {
    const [name = "", ...values] = word.startsWith("--") ? word.split("=") : [word];
    if (!hasDashes && !word.startsWith("-") && !verbs.includes(word)) return undefined;
    words.shift();
    if (word === "--") return undefined;
    const isKnown = [takes, files, sets, lines].some((list) => list.includes(name));
    const value = values.length > 0 ? values.join("=") : isKnown ? words.shift() : undefined;
    if (value === undefined) continue;
    if (lines.includes(name)) return [value, ...words].join(" ");
    if (files.includes(name)) around.envFiles.push(value);
    const [, variable, text] = (sets.includes(name) && /^(\w+)=(.*)$/s.exec(value)) || [];
    if (variable !== undefined) around.env[variable] = text!;
  }
  return undefined;
}
