/** Node's own command line, and NODE_OPTIONS. */
import { nothing, plainArgs, type Reading, type StartScript } from "./script.ts";

/** Preloads that let Node run TypeScript as it is: a release has it compiled. */
const LOADERS =
  /^(tsx(\/(esm|cjs))?|ts-node(\/(esm|register|transpile-only).*)?|@swc-node\/register.*|@oxc-node\/core\/register.*|esbuild-register.*|jiti\/register|@babel\/register)$/;
/** Finds `@/lib/a` when it runs: where tsc alone built it, nothing else does. */
const PATHS = "--require=tsconfig-paths/register";
const PRELOADS = new Set(["--import", "--require", "-r", "--loader", "--experimental-loader"]);
/** Options of Node whose value may be a word of its own; V8's want a `=`. */
const TAKES_VALUE = new Set([
  ...["--conditions", "-C", "--title", "--disable-warning", "--unhandled-rejections"],
  ...["--dns-result-order", "--icu-data-dir", "--input-type", "--openssl-config"],
  ...["--max-http-header-size", "--redirect-warnings", "--tls-cipher-list", "--tls-keylog"],
  ...["--report-dir", "--report-directory", "--report-filename", "--report-signal"],
  ...["--diagnostic-dir", "--heapsnapshot-signal", "--localstorage-file", "--secure-heap"],
  ...["--experimental-specifier-resolution", "--es-module-specifier-resolution"],
]);
/** Flags of development that no release wants, and those that compiled code has no use for. */
const DEVELOPMENT =
  /^--(watch|inspect|test|enable-source-maps$|experimental-(strip|transform)-types)/;
const ENV_FILE = /^--env-file(?:-if-exists)?(?:=(.*))?$/;

export interface NodeOptions {
  nodeArgs: string[];
  envFiles: string[];
  /** The loader among the preloads. */
  loader?: string;
  /** What follows the options. */
  rest: string[];
  /** A script of package.json. */
  script?: string;
  /** No file is run: `node -e …`. */
  isCode: boolean;
}

/** `takes`: further options with a value, of who hands the others on to Node. */
export function nodeOptions(words: string[], takes: readonly string[] = []): NodeOptions {
  const found: NodeOptions = { nodeArgs: [], envFiles: [], rest: [], isCode: false };
  let at = 0;
  for (; at < words.length && words[at]!.startsWith("-"); at++) {
    const word = words[at]!;
    if (word === "--") {
      at++;
      break;
    }
    const [name = "", ...values] = word.split("=");
    const isApart = values.length === 0 && words[at + 1] !== undefined;
    const file = ENV_FILE.exec(word);
    if (takes.includes(name)) at += isApart ? 1 : 0;
    else if (file) found.envFiles.push(file[1] ?? words[++at] ?? "");
    else if (PRELOADS.has(name)) preload(name, isApart ? words[++at]! : values.join("="), found);
    else if (/^(-e|-p|-pe|--eval|--print)$/.test(name)) found.isCode = true;
    else if (name === "--run") found.script = isApart ? words[++at]! : values.join("=");
    else if (DEVELOPMENT.test(word)) at += word === "--watch-path" ? 1 : 0;
    else if (TAKES_VALUE.has(name) && isApart) found.nodeArgs.push(`${word}=${words[++at]}`);
    else found.nodeArgs.push(word);
  }
  found.rest = words.slice(at);
  return found;
}

function preload(name: string, target: string, found: NodeOptions): void {
  if (LOADERS.test(target)) found.loader = target.replace(/\/.*/, "");
  else found.nodeArgs.push(`${name === "-r" ? "--require" : name}=${target}`);
}

export function readNode(words: string[], reading: Reading): StartScript | undefined {
  const { nodeArgs, envFiles, loader, rest, script, isCode } = nodeOptions(words);
  const own = { ...nothing(), tool: loader ?? "node", nodeArgs, envFiles };
  if (script !== undefined) {
    const line = reading.scripts[script];
    return line === undefined ? own : reading.line(line);
  }
  const [entry, ...args] = rest;
  if (isCode || entry === undefined) return own;
  // The link to a package's command: the command itself says more.
  if (entry.includes("node_modules/.bin/")) return reading.words(rest);
  const isCompiled = loader !== undefined || /\.[cm]?tsx?$/.test(entry);
  const found = { ...own, entry, args: plainArgs(args) };
  return isCompiled ? { ...found, nodeArgs: withoutPaths(nodeArgs) } : found;
}

/** What tsugi compiles has its paths resolved. */
export const withoutPaths = (nodeArgs: string[]): string[] =>
  nodeArgs.filter((word) => word !== PATHS);
