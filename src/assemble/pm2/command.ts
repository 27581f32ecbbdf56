/** What PM2 would run for an app, as one command line. Pure. */
import { withoutWorkspace } from "../start/managers.ts";
import { RUNNERS } from "../start/runners.ts";
import { splitWords } from "../start/shellWords.ts";
import type { Pm2App } from "./ecosystem.ts";

export interface Pm2Command {
  /** The program, and what it is given. */
  words: string[];
  /** It starts a script of a package.json. */
  isManager: boolean;
  /** Of a workspace's package, by its name or folder, that the package manager is told to go to. */
  workspace?: string;
}

/** Why an app is nothing that Node runs. */
export interface Foreign {
  foreign: string;
}

const MANAGER =
  /(?:^|[\\/])(npm|pnpm|yarn|bun|npx|pnpx|bunx|turbo)(?:-cli)?(?:\.(?:c?js|cmd|exe|ps1))?$/;
const FOREIGN_ENDING = /\.(py|sh|bash|rb|php|pl|go|exe|jar|lua)$/;

/** `isFile`: of a path that the script names, in the app's working directory. */
export function commandOf(
  app: Pm2App,
  isFile: (path: string) => boolean,
): Pm2Command | Foreign | undefined {
  const said = String(app.script ?? "").trim();
  if (said === "") return undefined;
  // PM2 gives a script with spaces to a shell.
  const isLine = /\s/.test(said) && !isFile(said) && !/^[A-Za-z]:\\/.test(said);
  const [script = "", ...own] = isLine ? splitWords(said) : [said];
  const args = [...own, ...wordsOf(app.args)];
  if (/^(\/.*\/)?(ba|da|z)?sh$/.test(script) && args[0] === "-c" && args[1] !== undefined) {
    return commandOf({ ...app, script: args[1], args: [] }, isFile);
  }
  const nodeArgs = nodeArgsOf(app);
  const isOwnFile = isFile(script) && !/(^|[\\/])node_modules[\\/]/.test(script);
  const manager = isOwnFile ? undefined : MANAGER.exec(script)?.[1];
  if (manager !== undefined) {
    const { words, workspace } = withoutWorkspace(manager, args);
    if (manager === "turbo") return turboCommand(words, workspace);
    const isManager = !/^(npx|pnpx|bunx)$/.test(manager);
    return { words: [manager, ...words], isManager, ...(workspace ? { workspace } : {}) };
  }
  const runner = runnerOf(app);
  if (runner !== undefined && !runsScripts(runner)) return { foreign: `it by ${runner}` };
  const ending = FOREIGN_ENDING.exec(script)?.[1];
  if (ending !== undefined) return { foreign: `a .${ending} file` };
  const isProgram =
    /(^|[\\/])node_modules[\\/]\.bin[\\/]/.test(script) ||
    (runner === undefined && !isCode(script, isFile));
  if (isProgram) return { words: [script, ...args], isManager: false };
  return { words: [runner ?? "node", ...nodeArgs, script, ...args], isManager: false };
}

/** Of one package it is what a package manager would do there. */
function turboCommand(words: string[], workspace: string | undefined): Pm2Command {
  if (workspace === undefined) return { words: ["turbo", ...words], isManager: false };
  const name = words.find((word) => !/^(-|run$)/.test(word)) ?? "start";
  const forwarded = words.includes("--") ? words.slice(words.indexOf("--")) : [];
  return { words: ["npm", "run", name, ...forwarded], isManager: true, workspace };
}

const runsScripts = (interpreter: string): boolean =>
  /^node(js)?$/.test(interpreter) || Object.hasOwn(RUNNERS, interpreter);

const isCode = (script: string, isFile: (path: string) => boolean): boolean =>
  /[\\/]|\.[cm]?[jt]sx?$/.test(script) || isFile(script);

function runnerOf({ interpreter, exec_interpreter }: Pm2App): string | undefined {
  const named = String(interpreter ?? exec_interpreter ?? "none");
  const name = named.replace(/^.*[\\/]/, "").replace(/\.(exe|cmd)$/, "");
  // `node@22`: PM2 asks nvm for it.
  return name === "none" || name === "" ? undefined : name.replace(/^node@.*/, "node");
}

export const nodeArgsOf = ({ node_args, interpreter_args }: Pm2App): string[] =>
  [node_args ?? interpreter_args ?? []].flat().flatMap((text) => splitWords(String(text)));

const wordsOf = (args: unknown): string[] =>
  Array.isArray(args) ? args.map(String) : typeof args === "string" ? splitWords(args) : [];
