/**
 * What an app of PM2's starts, found in the project as it lies there: its folder, its entry and what
 * that is given, by the same reading that a build has for start scripts. Nothing is run.
 */
import { dirname, isAbsolute, join, normalize, relative } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import type { Project } from "../../pack/project.ts";
import { binOf, inPackage, isOfFramework } from "../bins.ts";
import { isFile, withEndings } from "../entry.ts";
import { type EntryGuess, guessEntry } from "../guessEntry.ts";
import { hasBuildScript } from "../projectBuild.ts";
import { locatePackage, readPackage } from "../resolveFrom.ts";
import { recogniseShape } from "../shapes/index.ts";
import { scriptsOf } from "../start/packageScripts.ts";
import { readCommandLine, type StartScript } from "../start/startScript.ts";
import { commandOf, type Pm2Command } from "./command.ts";
import type { Pm2App } from "./ecosystem.ts";
import { ownPath, placeOf, projectAt, workspaceAt } from "./places.ts";

export interface Pm2Start {
  /** Of its package.json, relative to where the ecosystem file is read; "." for that itself. */
  folder: string;
  project: Project;
  /** Where PM2 ran it, if that was elsewhere; relative too. */
  ranIn?: string;
  /** Undefined: it is what a build finds by itself. */
  entry?: string;
  args: string[];
  env: Record<string, string>;
  nodeArgs: string[];
  /** What was read, for what else it says. */
  script: StartScript;
  /** Its interpreter is Bun. */
  isBun: boolean;
}

export interface NoStart {
  why: string;
  todo: string;
}

/** `base`: where the ecosystem file is read. */
export function findStart(base: string, given: Pm2App): Pm2Start | NoStart {
  const { cwd, ...app } = intoFolder(given, placeOf(base, given.cwd));
  const isFileHere = (path: string) => isFile(join(base, cwd, ownPath(base, cwd, path)));
  const command = commandOf(app, isFileHere);
  if (command === undefined) return no("it names no script", "script: what it is to start");
  if ("foreign" in command) {
    const why = `a release carries Node and nothing else, and PM2 starts ${command.foreign}`;
    return no(why, "port it to Node, or leave that app with PM2");
  }
  if (app.script === "serve" || app.env?.PM2_SERVE_PATH !== undefined) {
    return no("pm2 serve gives out files, and is no program", "let any web server give them out");
  }
  try {
    return command.isManager || isProgram(command)
      ? byCommand(base, cwd, command)
      : byFile(base, cwd, command);
  } catch (error) {
    if (!(error instanceof TsugiError)) throw error;
    return no(error.message.replace(/\.$/, ""), error.hint ?? "tsugi.config.ts by hand: entry");
  }
}

const no = (why: string, todo: string): NoStart => ({ why, todo });

const quoted = (words: string[]) => words.map((word) => JSON.stringify(word)).join(" ");

/** Nothing that names a file: `next`, `./node_modules/.bin/next`, `npx next`. */
const isProgram = ({ words }: Pm2Command) =>
  readCommandLine(quoted(words), {})?.entry === undefined;

const NO_PACKAGE = (folder: string) =>
  no(
    `there is no package.json in ${folder}, nor above it`,
    "npx tsugi init --from … in the folder of the project",
  );

/** `cd apps/web && npm start` is that in its folder. */
function intoFolder(app: Pm2App, cwd: string): Pm2App & { cwd: string } {
  const [, folder, script] = /^\s*cd\s+([^\s&;]+)\s*&&\s*(.+)$/s.exec(String(app.script)) ?? [];
  return folder === undefined
    ? { ...app, cwd }
    : { ...app, script: script!, cwd: join(cwd, folder) };
}

/** Of the root's script that goes to another package: what it runs there. */
function onward(base: string, folder: string, { words }: Pm2Command, scripts: Scripts) {
  const script = scripts[words.slice(1).find((word) => !/^(-|run$)/.test(word)) ?? ""];
  const { cwd, ...app } = intoFolder({ script: script ?? "" }, folder);
  const command = commandOf(app, (path) => isFile(join(base, cwd, path)));
  if (command === undefined || "foreign" in command || !command.isManager) return undefined;
  return command.workspace === undefined && cwd === folder ? undefined : { cwd, command };
}

type Scripts = Record<string, string>;

/** A package's script, or a package's command. */
function byCommand(base: string, cwd: string, command: Pm2Command): Pm2Start | NoStart {
  const place = command.workspace === undefined ? cwd : workspaceAt(base, cwd, command.workspace);
  if (place === undefined) {
    return no(`there is no ${command.workspace} in the workspace`, "cwd: its folder");
  }
  const found = projectAt(base, place);
  if (found === undefined) return NO_PACKAGE(place);
  const { project, folder } = found;
  const { packageJson } = project;
  const scripts = scriptsOf(packageJson);
  const next = command.isManager ? onward(base, folder, command, scripts) : undefined;
  if (next !== undefined) return byCommand(base, next.cwd, next.command);
  const read = readCommandLine(quoted(asTool(project, command.words)), scripts);
  const line = command.words.join(" ");
  if (read === undefined) {
    return no(
      `"${line}" is none of the scripts of ${join(folder, "package.json")}`,
      'a start script there: "start": "node dist/main.js"',
    );
  }
  // `npm run dev`: a release is for production.
  const isDevelopment =
    command.isManager &&
    /^(run )?(dev|develop|start:dev|watch)$/.test(command.words.slice(1, 3).join(" "));
  const own = ownGuess(project);
  const guess = isDevelopment ? own : guessOf(project, read);
  if (guess === undefined) {
    return no(
      `"${line}" starts ${read.tool}, and that is no server that a dependency brings`,
      `what it starts in the end: entry in ${join(folder, "tsugi.config.ts")}; without node_modules: install the packages first`,
    );
  }
  const { args, nodeArgs, script = read } = guess;
  const start = {
    folder,
    project,
    args,
    nodeArgs,
    script,
    env: script.env,
    isBun: read.tool === "bun",
  };
  const ranIn = place === folder ? {} : { ranIn: place };
  if (isSame(guess, own)) return { ...start, ...ranIn, args: [], env: {} };
  const entry = presentOf(project, guess.candidates);
  if (entry !== undefined) return { ...start, ...ranIn, entry };
  // Which of them its build writes, the build sees.
  if (own?.candidates.join() === guess.candidates.join()) return { ...start, ...ranIn };
  return hasBuildScript(project)
    ? { ...start, ...ranIn, entry: guess.candidates[0]! }
    : notThere(project, guess.candidates[0]!);
}

/** `node_modules/next/dist/bin/next` is `next`. */
function asTool({ folder }: Project, [program = "", ...rest]: string[]): string[] {
  const path = program === "node" ? (rest[0] ?? "") : program;
  const [, name, file] = /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/.][^/]*)\/(.+)$/.exec(path) ?? [];
  const found = name === undefined ? undefined : locatePackage(folder, name);
  if (found === undefined) return [program, ...rest];
  const { bin } = readPackage(found.folder) as { bin?: string | Record<string, string> };
  const bins = typeof bin === "string" ? { [name!.replace(/^@[^/]+\//, "")]: bin } : (bin ?? {});
  const tool = Object.keys(bins).find((one) => normalize(bins[one]!) === normalize(file!));
  return tool === undefined
    ? [program, ...rest]
    : [tool, ...rest.slice(program === "node" ? 1 : 0)];
}

/** Undefined where nothing is sure: what a tool starts by itself can't be told. */
function guessOf(project: Project, script: StartScript): EntryGuess | undefined {
  const { tool, entry, args } = script;
  const isKnown = entry !== undefined || isOfFramework(tool) || binOf(project, tool);
  if (!isKnown) return undefined;
  const shape = recogniseShape(project, script);
  const guess = guessEntry(project, shape, { where: "PM2", script });
  if (entry !== undefined || guess.bin !== undefined || tool === "nest")
    return { ...guess, script };
  if (!shape?.start?.candidates.includes(guess.candidates[0]!)) return undefined;
  // The server of its output knows no arguments, and a port by the variable.
  const port = portIn(args);
  return { ...guess, script: port === undefined ? script : withPort(script, port) };
}

function portIn(args: string[]): string | undefined {
  const at = args.findIndex((arg) => /^(-p|--port)(=|$)/.test(arg));
  const port = at < 0 ? undefined : (args[at]!.split("=")[1] ?? args[at + 1]);
  return port?.includes("$") ? undefined : port;
}

const withPort = (script: StartScript, port: string): StartScript => ({
  ...script,
  env: { PORT: port, ...script.env },
});

function ownGuess(project: Project): EntryGuess | undefined {
  try {
    return guessEntry(project);
  } catch (error) {
    if (error instanceof TsugiError) return undefined;
    throw error;
  }
}

function isSame(guess: EntryGuess, own: EntryGuess | undefined): boolean {
  const of = ({ candidates, args, nodeArgs, script }: EntryGuess) =>
    JSON.stringify([candidates, args, nodeArgs, script?.env]);
  return own !== undefined && of(own) === of(guess);
}

const presentOf = ({ folder }: Project, candidates: string[]): string | undefined =>
  candidates.find((path) => isFile(join(folder, path)) || isFile(inPackage(folder, path)));

const notThere = ({ folder }: Project, path: string): NoStart =>
  no(`${path} is not there, and no build script writes it`, `what it is to start, in ${folder}`);

/** A file of the project's, with or without a program that runs it. */
function byFile(base: string, cwd: string, { words }: Pm2Command): Pm2Start | NoStart {
  const script = readCommandLine(quoted(words), {})!;
  const path = normalize(join(cwd, ownPath(base, cwd, script.entry!)));
  const [, inModules] = /(?:^|\/)(node_modules\/.+)$/.exec(path) ?? [];
  if (inModules !== undefined) return byCommand(base, cwd, { words, isManager: false });
  if (path.startsWith("..") || isAbsolute(path)) {
    return no(`${script.entry} is not below ${base}`, "npx tsugi init --from … in its own project");
  }
  const found = projectAt(base, dirname(path));
  if (found === undefined) return NO_PACKAGE(dirname(path));
  const { project, folder } = found;
  const { args, env, nodeArgs, tool } = script;
  const named = relative(folder, path);
  // Not there yet: its build script is to write it.
  const entry =
    presentOf(project, withEndings(named)) ?? (hasBuildScript(project) ? named : undefined);
  if (entry === undefined) return notThere(project, named);
  const ranIn = cwd === folder ? {} : { ranIn: cwd };
  return { folder, project, ...ranIn, entry, args, env, nodeArgs, script, isBun: tool === "bun" };
}
