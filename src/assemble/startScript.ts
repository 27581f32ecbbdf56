/**
 * Reads what a package script would run. Development tools are seen through, and what is not the
 * service itself is kept by name, so that whoever builds can be told of it:
 *
 *   prisma migrate deploy && cross-env PORT=80 node --import ./otel.mjs dist/main.js --fast; echo done
 *   └─ before ──────────┘              └ env ┘ tool └─ nodeArgs ──────┘ └ entry ───┘ └args┘  └ left ──┘
 */
import { basename, join } from "node:path";
import { splitCommands, splitWords } from "./shellWords.ts";

export { splitWords } from "./shellWords.ts";

export interface StartScript {
  /** What is run: `node`, `tsx`, `nest`, `next` … */
  tool: string;
  entry?: string;
  nodeArgs: string[];
  /** Of the entry; of any other tool, all that follows it. */
  args: string[];
  env: Record<string, string>;
  /** Commands that have to succeed before it. */
  before: string[];
  /** Commands after it, or beside it, which no release runs. */
  left: string[];
  /** Files that node reads variables from. */
  envFiles: string[];
}

/** These run TypeScript as it is: a release has it compiled. */
const RUNNERS = new Set([
  "tsx",
  "ts-node",
  "ts-node-dev",
  "tsnd",
  "ts-node-esm",
  "nodemon",
  "swc-node",
  "esno",
  "jiti",
  "bun",
]);
/** The same as a preload of node's. */
const LOADERS =
  /^(tsx(\/(esm|cjs))?|ts-node(\/(esm|register|transpile-only).*)?|@swc-node\/register.*|esbuild-register.*|@babel\/register|tsconfig-paths\/register)$/;
/** What they are given runs in their place. */
const PASSED_THROUGH = new Set([
  "exec",
  "cross-env",
  "cross-env-shell",
  "env",
  "npx",
  "pnpx",
  "bunx",
  "dotenv",
  "dotenvx",
  "env-cmd",
  "nice",
  "time",
  "--",
]);
/** Their own words before the command: `dotenvx run --`, `doppler run --`. */
const UP_TO_DASHES = new Set(["dotenv", "dotenvx", "doppler", "infisical", "op", "env-cmd"]);
const MANAGERS = new Set(["npm", "pnpm", "yarn", "bun"]);
const TAKES_VALUE = new Set([
  "--import",
  "--require",
  "-r",
  "--loader",
  "--experimental-loader",
  "--conditions",
  "-C",
  "--title",
]);
/** Flags of development that no release wants; some of them take a value. */
const DEVELOPMENT = /^--(watch|inspect|test)/;
const ENV_FILE = /^--env-file(-if-exists)?(=(.*))?$/;

/** `scripts` are needed to follow `npm run other`. */
export function readStartScript(
  name: string,
  scripts: Record<string, string>,
  depth = 0,
): StartScript | undefined {
  const script = scripts[name];
  return script === undefined || depth > 3 ? undefined : readCommandLine(script, scripts, depth);
}

export function readCommandLine(
  line: string,
  scripts: Record<string, string>,
  depth = 0,
): StartScript | undefined {
  const commands = splitCommands(line);
  const read = commands.map(({ text }) => readCommand(text, scripts, depth));
  // What stays running: the first that is a server for sure, else the last that others wait for.
  const lastOfChain = commands.findIndex(({ joint }) => joint !== "&&");
  const sure = read.findIndex((found) => found?.entry !== undefined);
  const at = sure >= 0 ? sure : lastOfChain;
  const found = read[at];
  if (found === undefined) return undefined;
  const before: string[] = [];
  let folder = "";
  for (const { text } of commands.slice(0, at)) {
    const [verb, place] = splitWords(text);
    if (verb === "cd" && place !== undefined) folder = join(folder, place);
    else if (!isHarmless(text)) before.push(text);
  }
  const left = commands.slice(at + 1).map(({ text }) => text);
  const entry = found.entry === undefined ? undefined : join(folder, found.entry);
  return {
    ...found,
    ...(entry === undefined ? {} : { entry: found.entry === "." && folder === "" ? "." : entry }),
    before: [...before, ...found.before],
    left: [...found.left, ...left],
  };
}

/** The project's own build, which a release has done already. */
const isHarmless = (text: string): boolean =>
  /^(npm|pnpm|yarn|bun)\s+(run\s+)?(build|compile|prebuild)\b/.test(text) ||
  /^(tsc|nest build|rimraf|echo|true|clear|mkdir|export)\b/.test(text);

function readCommand(
  text: string,
  scripts: Record<string, string>,
  depth: number,
): StartScript | undefined {
  const words = splitWords(text);
  const given: StartScript = {
    tool: "",
    nodeArgs: [],
    args: [],
    env: {},
    before: [],
    left: [],
    envFiles: [],
  };
  dropWrappers(words, given);
  const first = words.shift();
  if (first === undefined) return undefined;
  const tool = first.includes("node_modules/.bin/") ? basename(first) : first;
  if (MANAGERS.has(tool)) {
    const other = scriptOf(tool, words);
    if (other !== undefined && scripts[other] !== undefined) {
      const found = readStartScript(other, scripts, depth + 1);
      const args = forwardedTo(tool, words.slice(words.indexOf(other) + 1));
      return found && withGiven({ ...found, args: [...found.args, ...args] }, given);
    }
    if (tool !== "bun") return execOf(words, scripts, given, depth);
  }
  if (tool === "node" || tool === "nodejs") return readNode(words, given);
  const nodeArgs = [...given.nodeArgs];
  if (!RUNNERS.has(tool)) return { ...given, tool, nodeArgs, args: plainArgs(words) };
  const at = words.findIndex((word) => /\.[cm]?[jt]sx?$/.test(word));
  if (at < 0) return { ...given, tool, nodeArgs };
  return { ...given, tool, nodeArgs, entry: words[at]!, args: plainArgs(words.slice(at + 1)) };
}

/** Assignments and the programs that only set the scene, off the front. */
function dropWrappers(words: string[], given: StartScript): void {
  while (words.length > 0) {
    const word = words[0]!;
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
    if (assignment) {
      const [, name, value] = assignment as unknown as [string, string, string];
      if (name === "NODE_OPTIONS") given.nodeArgs.push(...splitWords(value));
      // It is production unless the host says otherwise, and a value of the shell's is not known here.
      else if (!value.includes("$") && !(name === "NODE_ENV" && value === "production"))
        given.env[name] = value;
    } else if (UP_TO_DASHES.has(word) && words.includes("--")) {
      words.splice(0, words.indexOf("--"));
      continue;
    } else if (!PASSED_THROUGH.has(word)) return;
    words.shift();
  }
}

/** The script that `npm run x`, `yarn x` or `npm start` means. */
function scriptOf(tool: string, words: string[]): string | undefined {
  const [verb, ...rest] = words.filter((word) => !word.startsWith("-"));
  if (verb === "run" || verb === "run-script") return rest[0];
  if (verb === "exec" || verb === "dlx" || verb === "x") return undefined;
  return tool === "bun" && /\.[cm]?[jt]sx?$/.test(verb ?? "") ? undefined : verb;
}

/** npm hands a script what stands behind `--`, the others all that follows its name. */
function forwardedTo(tool: string, words: string[]): string[] {
  const at = words.indexOf("--");
  return plainArgs(at >= 0 ? words.slice(at + 1) : tool === "npm" ? [] : words);
}

/** `npm exec -- next start`, `pnpm next start`, `yarn exec next start`. */
function execOf(
  words: string[],
  scripts: Record<string, string>,
  given: StartScript,
  depth: number,
): StartScript | undefined {
  const rest = words.filter((word) => !/^(exec|dlx|--)$/.test(word));
  if (rest.length === 0 || rest[0] === "run" || depth > 3) return undefined;
  const found = readCommand(rest.map((word) => JSON.stringify(word)).join(" "), scripts, depth + 1);
  // A script that is not there is none.
  return found?.entry === undefined && words[0] !== "exec" && rest.length === 1
    ? undefined
    : found && withGiven(found, given);
}

const withGiven = (found: StartScript, given: StartScript): StartScript => ({
  ...found,
  nodeArgs: [...given.nodeArgs, ...found.nodeArgs],
  env: { ...given.env, ...found.env },
});

function readNode(words: string[], given: StartScript): StartScript {
  const { nodeArgs, envFiles } = given;
  let tool = "node";
  const loads = (value: string | undefined) => {
    if (value === undefined || !LOADERS.test(value)) return false;
    tool = value.split("/")[0] === "tsconfig-paths" ? tool : value.replace(/\/.*/, "");
    return true;
  };
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-")) {
      return { ...given, tool, entry: word, args: plainArgs(words.slice(at + 1)) };
    }
    const file = ENV_FILE.exec(word);
    if (file) envFiles.push(file[2] === undefined ? (words[++at] ?? "") : file[3]!);
    else if (DEVELOPMENT.test(word)) {
      // `--watch-path ./src` with a space has a value that is no entry.
      if (word === "--watch-path") at++;
    } else if (TAKES_VALUE.has(word) && words[at + 1] !== undefined) {
      const value = words[++at]!;
      if (!loads(value)) nodeArgs.push(`${word === "-r" ? "--require" : word}=${value}`);
    } else if (/^--(import|require|loader|experimental-loader)=/.test(word)) {
      if (!loads(word.slice(word.indexOf("=") + 1))) nodeArgs.push(word);
    } else if (word !== "--enable-source-maps") nodeArgs.push(word);
  }
  return { ...given, tool };
}

/** Without what only a shell can fill in: `-p $PORT` is what the service reads by itself. */
function plainArgs(words: string[]): string[] {
  const args: string[] = [];
  for (const word of words) {
    if (!word.includes("$")) args.push(word);
    else if (args.at(-1)?.startsWith("-") && !word.startsWith("-")) args.pop();
  }
  return args;
}
