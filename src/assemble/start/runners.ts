/** Development tools that run a file, seen through. To add one: a row. */
import { defined } from "../../contract/checks.ts";
import { type NodeOptions, nodeOptions, withoutPaths } from "./node.ts";
import { nothing, plainArgs, type Reading, type StartScript, withGiven } from "./script.ts";

interface Runner {
  /** Words of its own before the file. */
  verbs?: readonly string[];
  /** Options with a value, beside Node's. */
  takes?: readonly string[];
  /** Options whose value is a line of shell. */
  lines?: readonly string[];
  /** What follows the file is its own, up to a `--`. */
  hasMore?: true;
  /** It runs what Node does not: TypeScript, JSX. */
  transpiles?: true;
}

const TS_NODE: Runner = {
  takes: ["-P", "--project", "-O", "--compiler-options", "-C", "--compiler", "-I", "-D", "--cwd"],
  transpiles: true,
};
const TS_NODE_DEV: Runner = {
  takes: [...TS_NODE.takes!, "--ignore", "--ignore-watch", "--interval", "--debounce"],
  transpiles: true,
};
const PM2: Runner = {
  verbs: ["start"],
  hasMore: true,
  takes: ["-i", "--instances", "-n", "--name", "--max-memory-restart", "--node-args", "--env"],
};

export const RUNNERS: Record<string, Runner> = {
  tsx: { verbs: ["watch"], takes: ["--tsconfig", "--ignore", "--include"], transpiles: true },
  "ts-node": TS_NODE,
  "ts-node-esm": TS_NODE,
  "ts-node-dev": TS_NODE_DEV,
  tsnd: TS_NODE_DEV,
  "swc-node": { transpiles: true },
  oxnode: { transpiles: true },
  esno: { transpiles: true },
  jiti: { transpiles: true },
  "vite-node": { takes: ["-c", "--config", "-m", "--mode", "-r", "--root"], transpiles: true },
  "babel-node": {
    takes: ["--presets", "--plugins", "-x", "--extensions", "--config-file"],
    transpiles: true,
  },
  bun: { verbs: ["run"], takes: ["--preload", "--config", "-c"], transpiles: true },
  nodemon: {
    takes: ["-w", "--watch", "-e", "--ext", "-i", "--ignore", "-d", "--delay", "--config", "-s"],
    lines: ["-x", "--exec"],
  },
  "node-dev": { takes: ["--ignore", "--path"] },
  supervisor: { takes: ["-w", "--watch", "-e", "--extensions", "-i", "--ignore", "-x"] },
  pm2: PM2,
  "pm2-runtime": PM2,
  forever: {
    verbs: ["start"],
    hasMore: true,
    takes: ["-c", "-l", "-o", "-e", "-m", "--uid", "--minUptime"],
  },
};

export const transpiles = (tool: string): boolean =>
  RUNNERS[tool]?.transpiles === true ||
  /^(@swc-node|@oxc-node|@babel|esbuild-register)$/.test(tool);

export function readRunner(
  tool: string,
  given: string[],
  reading: Reading,
): StartScript | undefined {
  const { verbs = [], takes = [], lines = [], hasMore } = RUNNERS[tool]!;
  const words = given.filter((word, at) => !(verbs.includes(word) && at === firstWord(given)));
  const at = words.findIndex((word) => lines.includes(word.split("=")[0]!));
  if (at >= 0) return byLine(tool, words, at, { takes, reading });
  const { rest, ...options } = nodeOptions(words, takes);
  const tsconfig = valueIn(words.slice(0, words.length - rest.length), takes.filter(isTsconfig));
  const [entry, ...after] = rest;
  if (hasMore && STARTS_NOTHING.test(entry ?? "")) return undefined;
  const dashes = after.indexOf("--");
  const args = !hasMore ? after : dashes < 0 ? [] : after.slice(dashes + 1);
  // Its own files of settings are no program.
  const isFile = entry !== undefined && !/\.json$|^(\.\/)?ecosystem\.config\./.test(entry);
  const said = { ...around(options), ...defined({ tsconfig }) };
  const found = { ...said, tool, args: plainArgs(isFile ? args : rest) };
  return isFile ? { ...found, entry } : found;
}

const isTsconfig = (option: string) => /^(-P|--project|--tsconfig)$/.test(option);

/** `-P a.json`, `--project=a.json` */
function valueIn(words: string[], options: readonly string[]): string | undefined {
  const at = words.findIndex((word) => options.includes(word.split("=")[0]!));
  return at < 0 ? undefined : (words[at]!.split("=")[1] ?? words[at + 1]);
}

/** Of pm2 and forever, beside a service that another command starts. */
const STARTS_NOTHING =
  /^(logs?|list|ls|status|monit|save|flush|startup|delete|stop|kill|restart|reload)$/;

const firstWord = (words: string[]) => words.findIndex((word) => !word.startsWith("-"));

const around = ({ nodeArgs, envFiles }: Pick<NodeOptions, "nodeArgs" | "envFiles">) => ({
  ...nothing(),
  // What is no option of Node's is the tool's own.
  nodeArgs: withoutPaths(nodeArgs).filter((word) =>
    /^--(import|require|loader|experimental-loader)=/.test(word),
  ),
  envFiles,
});

/** `nodemon -x "tsx --env-file .env" src/a.ts`: the line, and behind it what is left of the words. */
function byLine(
  tool: string,
  words: string[],
  at: number,
  { takes, reading }: { takes: readonly string[]; reading: Reading },
): StartScript | undefined {
  const [, ...values] = words[at]!.split("=");
  const line = values.length > 0 ? values.join("=") : (words[at + 1] ?? "");
  const others = words.toSpliced(at, values.length > 0 ? 1 : 2);
  const { rest, ...options } = nodeOptions(others, takes);
  const quoted = rest.map((word) => JSON.stringify(word));
  const found = reading.line([line, ...quoted].join(" "));
  return (
    found && {
      ...withGiven(found, around(options)),
      tool: found.tool === "node" ? tool : found.tool,
    }
  );
}
