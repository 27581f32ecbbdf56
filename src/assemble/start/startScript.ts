/**
 * Reads what a package script would run. Development tools are seen through, and what is not the
 * service itself is kept by name, so that whoever builds can be told of it:
 *
 *   prisma migrate deploy && cross-env PORT=80 node --import ./otel.mjs dist/main.js --fast; echo done
 *   └─ before ──────────┘              └ env ┘ tool └─ nodeArgs ──────┘ └ entry ───┘ └args┘  └ left ──┘
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Project } from "../../pack/project.ts";
import { procfileLines } from "../procfile.ts";
import { assign, readCommand } from "./command.ts";
import { scriptsOf } from "./packageScripts.ts";
import { nothing, type StartScript, withGiven } from "./script.ts";
import { type JoinedCommand, splitCommands, splitWords } from "./shellWords.ts";

export type { StartScript } from "./script.ts";

const DEEPEST = 6;

/** `scripts` are needed to follow `npm run other`. */
export function readCommandLine(
  line: string,
  scripts: Record<string, string>,
  depth = 0,
): StartScript | undefined {
  if (depth > DEEPEST) return undefined;
  const { steps, given } = placed(splitCommands(line));
  const read = steps.map(({ text, folder }) =>
    readCommand(text, {
      scripts,
      folder,
      line: (text) => readCommandLine(text, scripts, depth + 1),
    }),
  );
  const at = serviceAt(steps, read);
  const found = read[at];
  if (found === undefined) return undefined;
  const around = sorted(steps, at);
  const { folder } = steps[at]!;
  return {
    ...withGiven(found, given),
    ...(found.entry === undefined
      ? {}
      : { entry: join(folder, found.entry), ...went(folder, found) }),
    ...(found.tsconfig === undefined ? {} : { tsconfig: join(folder, found.tsconfig) }),
    nodeArgs: [...given.nodeArgs, ...found.nodeArgs.map((word) => inFolder(word, folder))],
    before: [...around.before, ...found.before],
    builds: [...around.builds, ...found.builds],
    left: [...found.left, ...around.left],
  };
}

const went = (folder: string, found: StartScript) =>
  folder === "" || folder === "." ? {} : { folder: join(folder, found.folder ?? "") };

export interface Started {
  script: StartScript;
  /** Who says so, for a sentence. */
  where: string;
}

/** What a project says that starts it, the plainest word for production first. */
export function startedBy({ folder, packageJson }: Project): Started[] {
  const scripts = scriptsOf(packageJson);
  const web = procfileLines(folder).find(([name]) => name === "web")?.[1];
  const lines: [string, string | undefined][] = [
    ["web in the Procfile", web],
    ["the start:prod script", scripts["start:prod"]],
    ["the start script", scripts.start],
  ];
  return lines.flatMap(([where, line]) => {
    const script = line === undefined ? undefined : readCommandLine(line, scripts);
    return script === undefined ? [] : [{ where, script: throughFile(script, folder, scripts) }];
  });
}

/** `./start.sh`, `bash bin/run.sh`: its lines, where they come to a file that node runs. */
function throughFile(
  script: StartScript,
  folder: string,
  scripts: Record<string, string>,
): StartScript {
  const { tool, args, before, builds, left } = script;
  const path = SHELLS.test(tool) ? args.find((word) => !word.startsWith("-")) : tool;
  const file = path === undefined || script.entry !== undefined ? undefined : join(folder, path);
  if (file === undefined || !/\.(ba)?sh$/.test(file) || !existsSync(file)) return script;
  const lines = readFileSync(file, "utf8")
    .replace(/\\\n/g, " ")
    .replace(/^\s*#.*/gm, "")
    .replace(OWN_FOLDER, dirname(path!));
  const found = readCommandLine(lines, scripts);
  if (found?.entry === undefined) return script;
  return {
    ...withGiven(found, script),
    before: [...before, ...found.before],
    builds: [...builds, ...found.builds],
    left: [...found.left, ...left],
  };
}

export const SHELLS = /^(ba|da|z)?sh$/;
/** `$(dirname "$0")`, `${0%/*}` */
const OWN_FOLDER =
  /\$\(\s*dirname\s+(-- )?"?\$\{?(0|BASH_SOURCE(\[0\])?)\}?"?\s*\)|\$\{(0|BASH_SOURCE(\[0\])?)%\/\*\}/g;

/** `cd server && node --import ./first.mjs a.js`: node looks for it from there. */
const inFolder = (word: string, folder: string): string =>
  folder === ""
    ? word
    : word.replace(/^(--[\w-]+=)(\.\.?\/.*)$/, (_, flag, path) => `${flag}./${join(folder, path)}`);

interface Step extends JoinedCommand {
  folder: string;
}

/** Without what only sets the scene for the others: `cd server`, `export PORT=80`, `set PORT=80`. */
function placed(commands: JoinedCommand[]): { steps: Step[]; given: StartScript } {
  let folder = "";
  const given = nothing();
  const steps: Step[] = [];
  for (const { text, joint } of commands) {
    const [verb, ...words] = splitWords(text);
    const variables = words.map((word) => /^([A-Za-z_]\w*)=([^$]*)$/.exec(word));
    if (verb === "cd" && words[0] !== undefined) folder = join(folder, words[0]);
    else if (/^(export|set)$/i.test(verb ?? "") && variables.some((found) => found !== null)) {
      for (const found of variables) if (found) assign(found[1]!, found[2]!, given);
    } else steps.push({ text, joint, folder });
  }
  return { steps, given };
}

/** What stays running: of commands that wait for each other the last, of those that run at once the first server. */
function serviceAt(steps: Step[], read: (StartScript | undefined)[]): number {
  const isSure = (at: number) => read[at]?.entry !== undefined;
  const isService = (at: number) => read[at] !== undefined && !SETS_SCENE.test(steps[at]!.text);
  let found = 0;
  for (let at = 1; at < steps.length; at++) {
    const { joint } = steps[at - 1]!;
    if (joint === "&" && isSure(found)) return found;
    const isAfter = joint === "&&" || (joint === ";" && (isSure(at) || !isSure(found)));
    // `node a.js | pretty`, `node a.js || exit`: the first, unless only the other is one.
    if (isAfter ? isService(at) : isSure(at) && !isSure(found)) found = at;
  }
  return found;
}

const BUILDS =
  /^((npm|pnpm|yarn|bun)\s+(run\s+)?(build|compile|prebuild)\b|((npx|pnpm exec|yarn|bunx)\s+)?(tsc|tsc-alias|tsup|tsdown|esbuild|rollup|rolldown|webpack|swc|babel|ncc|unbuild|pkgroll|parcel build|(vite|nest|next|nuxt|astro|remix|react-router|vinxi) build|node ace build)\b)/;
const SETS_SCENE =
  /^(rimraf|echo|true|exit|clear|mkdir|export|set|unset|shopt|trap|ulimit|umask|if-env|test|\[)(\s|$)/i;

/** What a line of shell does to build the project. */
export const buildsIn = (line: string): string[] =>
  splitCommands(line).flatMap(({ text }) => (BUILDS.test(text) ? [text] : []));

function sorted(steps: Step[], at: number): Pick<StartScript, "before" | "builds" | "left"> {
  const around = { before: [] as string[], builds: [] as string[], left: [] as string[] };
  for (const [index, { text, joint }] of steps.entries()) {
    if (index === at) continue;
    if (index > at) around.left.push(text);
    else if (BUILDS.test(text)) around.builds.push(text);
    else if (!SETS_SCENE.test(text)) (joint === "&" ? around.left : around.before).push(text);
  }
  return around;
}
