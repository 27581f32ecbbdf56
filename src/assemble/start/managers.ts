/** Package managers, as what starts a script or a package's command. */
import { nothing, plainArgs, type Reading, type StartScript } from "./script.ts";

const MANAGERS = ["npm", "pnpm", "yarn", "bun"];

export const isManager = (tool: string): boolean => MANAGERS.includes(tool);

/** "none": it is no work for a package manager, but a file that bun runs. */
export function readManager(
  tool: string,
  given: string[],
  reading: Reading,
): StartScript | undefined | "none" {
  const { words, workspace } = withoutWorkspace(tool, given);
  const name = scriptOf(tool, words);
  if (workspace !== undefined) return { ...nothing(), tool, elsewhere: workspace };
  if (reading.folder !== "" && name !== undefined)
    return { ...nothing(), tool, elsewhere: reading.folder };
  const line = name === undefined ? undefined : reading.scripts[name];
  if (line !== undefined) {
    const found = reading.line(line);
    const args = forwardedTo(tool, words.slice(words.indexOf(name!) + 1));
    return found && { ...found, args: [...found.args, ...args] };
  }
  if (tool === "bun" && words.some((word) => /\.[cm]?[jt]sx?$/.test(word))) return "none";
  return execOf(tool, words, reading);
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

/** `npm exec -- next start`, `pnpm next start`, `yarn run -T node a.js`, `bun --bun run next start`. */
function execOf(tool: string, words: string[], reading: Reading): StartScript | undefined {
  const at = words.findIndex((word) => !word.startsWith("-"));
  const verb = words[at];
  if (tool === "npm" && !/^(exec|x)$/.test(verb ?? "")) return undefined;
  const isVerb = /^(exec|x|dlx|run)$/.test(verb ?? "");
  const rest = words.slice(isVerb ? at + 1 : Math.max(at, 0));
  // A script that is not there is none.
  if (rest.length < (/^(exec|x|dlx)$/.test(verb ?? "") ? 1 : 2)) return undefined;
  return reading.words(["npx", ...rest]);
}

const PLACES: Record<string, RegExp> = {
  npm: /^(?:--prefix|-C|--workspace|-w)(?:=(.*))?$/,
  pnpm: /^(?:--dir|-C|--filter|-F|--prefix)(?:=(.*))?$/,
  yarn: /^(?:--cwd)(?:=(.*))?$/,
  bun: /^(?:--cwd|--filter|-F)(?:=(.*))?$/,
  turbo: /^(?:--cwd|--filter|-F)(?:=(.*))?$/,
};
const ALL = /^(-r|-ws|--recursive|--workspaces|--parallel)$/;

/** `pnpm --filter web start`, `npm --prefix apps/web start`, `yarn workspace web start`. */
export function withoutWorkspace(
  manager: string,
  args: string[],
): { words: string[]; workspace?: string } {
  const words: string[] = [];
  let workspace: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at]!;
    // The rest is the script's: of npm behind `--`, of the others behind its name.
    const isNamed = !/^(npm|turbo)$/.test(manager) && words.some((one) => !/^(-|run$)/.test(one));
    if (word === "--" || isNamed) {
      return { words: [...words, ...args.slice(at)], ...found(workspace) };
    }
    const place = PLACES[manager]?.exec(word);
    if (place) workspace = place[1] ?? args[++at];
    else if (word === "workspace" && words.length === 0) workspace = args[++at];
    else if (manager !== "turbo" && ALL.test(word)) workspace ??= "*";
    else words.push(word);
  }
  return { words, ...found(workspace) };
}

const found = (workspace: string | undefined) =>
  workspace === undefined ? {} : { workspace: workspace.replace(/^\{|\}$|\.\.\.$/g, "") };
