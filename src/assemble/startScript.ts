/**
 * Reads what a package script would run, so that development tools are seen through:
 * `NODE_ENV=production node --import ./otel.mjs dist/main.js` → entry, node's arguments.
 */

export interface StartScript {
  /** What is run: `node`, `tsx`, `nest` … */
  tool: string;
  entry?: string;
  nodeArgs: string[];
}

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
const PASSED_THROUGH = new Set([
  "exec",
  "cross-env",
  "cross-env-shell",
  "env",
  "npx",
  "dotenv",
  "--",
]);
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
/** Flags of development that no release wants. */
const DEVELOPMENT = /^--(watch|inspect|env-file|test)/;

/** `scripts` are needed to follow `npm run other`. */
export function readStartScript(
  name: string,
  scripts: Record<string, string>,
  depth = 0,
): StartScript | undefined {
  const script = scripts[name];
  if (script === undefined || depth > 3) return undefined;
  // Of `a && b`, the last is what stays running.
  const words = splitWords(script.split("&&").at(-1)!.trim());
  const nodeOptions: string[] = [];
  while (words.length > 0) {
    const word = words[0]!;
    const assignment = /^(\w+)=(.*)$/.exec(word);
    if (assignment?.[1] === "NODE_OPTIONS") nodeOptions.push(...splitWords(assignment[2]!));
    if (!assignment && !PASSED_THROUGH.has(word)) break;
    words.shift();
  }
  const tool = words.shift();
  if (tool === undefined) return undefined;
  if (["npm", "pnpm", "yarn"].includes(tool)) {
    const other = words.find((word) => word !== "run" && !word.startsWith("-"));
    return other === undefined ? undefined : readStartScript(other, scripts, depth + 1);
  }
  if (tool === "node") return { ...readNodeWords(words, nodeOptions), tool };
  if (!RUNNERS.has(tool)) return { tool, nodeArgs: nodeOptions };
  const entry = words.find((word) => /\.[cm]?[jt]sx?$/.test(word));
  return { tool, nodeArgs: nodeOptions, ...(entry === undefined ? {} : { entry }) };
}

function readNodeWords(words: string[], nodeOptions: string[]): Omit<StartScript, "tool"> {
  const nodeArgs = [...nodeOptions];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    if (!word.startsWith("-")) return { entry: word, nodeArgs };
    if (DEVELOPMENT.test(word)) continue;
    if (TAKES_VALUE.has(word) && words[at + 1] !== undefined) {
      nodeArgs.push(`${word === "-r" ? "--require" : word}=${words[++at]}`);
    } else if (word !== "--enable-source-maps") nodeArgs.push(word);
  }
  return { nodeArgs };
}

/** Words as a shell splits them, single and double quotes included; nothing is expanded. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const match of text.matchAll(/(?:[^\s"']+|"(?:[^"\\]|\\.)*"|'[^']*')+/g)) {
    words.push(match[0].replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, a, b) => a ?? b));
  }
  return words;
}
