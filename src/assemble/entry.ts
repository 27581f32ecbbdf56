/** Which file starts the app, and how it is built: guessed where it is not configured. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { basename, join, normalize } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { type Bin, binOf, inPackage } from "./bins.ts";
import { type Recognised, recogniseShape, refuseUnfit } from "./shapes/index.ts";
import { readStartScript, type StartScript } from "./startScript.ts";
import { refuseWorkspaceRoot } from "./workspace.ts";

export type BuildMode = "compile" | "own" | "bundle";

export interface EntryGuess {
  /** In the order of preference; which of them is there may only be known after the build script. */
  candidates: string[];
  why: string;
  /** Arguments of node that the start script gives. */
  nodeArgs: string[];
  /** Arguments of the entry. */
  args: string[];
  /** It is a package's command. */
  bin?: Bin;
  /** The script that was read for it: what else it says has to be told. */
  script?: StartScript;
}

const SOURCES = ["src/server.ts", "src/main.ts", "src/index.ts"];
const MORE_SOURCES = ["server", "main", "index", "app"].flatMap((name) =>
  ["ts", "mts", "js", "mjs", "cjs"].flatMap((ending) => [
    `src/${name}.${ending}`,
    `${name}.${ending}`,
  ]),
);
const OUTPUT_FOLDERS = new Set(["dist", "build", "lib", "out", "output", ".output"]);

export const isTypeScript = (path: string): boolean => /\.[cm]?tsx?$/.test(path);

export const hasBuildScript = ({ packageJson }: Project): boolean => {
  const script = packageJson.scripts?.build;
  return script !== undefined && !/--noEmit\b/.test(script);
};

/** The output folder that a path lies in (`dist` of `dist/src/main.js`), else undefined. */
export function outputFolderOf(path: string): string | undefined {
  const [first, ...rest] = normalize(path).split("/");
  return rest.length > 0 && OUTPUT_FOLDERS.has(first!) ? first : undefined;
}

interface Started {
  /** Of the script. */
  name: string;
  script: StartScript;
}

function startScripts({ packageJson }: Project): Started[] {
  return ["start:prod", "start"]
    .map((name) => ({ name, script: readStartScript(name, packageJson.scripts ?? {}) }))
    .filter((found): found is Started => found.script !== undefined);
}

/**
 * `other`: what starts it, where it is not its start script; `main` says nothing then.
 * @throws TSUGI_ENTRY_MISSING, TSUGI_SHAPE_UNFIT, TSUGI_WORKSPACE
 */
export function guessEntry(
  project: Project,
  shape: Recognised | undefined = recogniseShape(project),
  other?: Started,
): EntryGuess {
  const { packageJson, folder } = project;
  const isThere = (path: string) => isFile(join(folder, path));
  const willBeThere = (path: string) =>
    isThere(path) || (hasBuildScript(project) && outputFolderOf(path) !== undefined);
  const started = other === undefined ? startScripts(project) : [other];
  const node = started.find(({ script }) => runsAsIt(script));
  const said = (node ?? started[0])?.script;
  const nodeArgs = said?.nodeArgs ?? [];
  const guess = (candidates: string[], why: string, more: Partial<EntryGuess> = {}) => ({
    candidates,
    why,
    nodeArgs,
    args: [],
    ...(said === undefined ? {} : { script: said }),
    ...more,
  });

  const byShape = (why: string) =>
    guess(shape!.start!.candidates, why, { args: shape!.start!.args ?? [] });
  if (shape?.start?.always) return byShape(shape.name);
  const main =
    other === undefined ? (packageJson.main ?? exportsEntry(packageJson.exports)) : undefined;
  const command = node === undefined ? startedCommand(project, started) : undefined;
  // `fastify start app.js`: the file alone is no service.
  const isOfCommand = command !== undefined && !command.bin.isDevelopment;
  if (main !== undefined && willBeThere(main) && shape?.start === undefined && !isOfCommand) {
    // The same file with arguments, in a start script.
    const isSame = node !== undefined && tidy(node.script.entry!) === tidy(main);
    const args = isSame ? node.script.args : [];
    return guess([tidy(main)], "main in package.json", { args });
  }
  if (node !== undefined) {
    const { entry, args } = node.script;
    return guess(withEndings(tidy(entry!)), `the ${node.name} script`, { args });
  }
  if (command !== undefined) {
    const { name, script, bin } = command;
    const why = `${script.tool} of the ${name} script`;
    return guess([bin.path], why, { args: script.args, nodeArgs: script.nodeArgs, bin, script });
  }
  refuseUnfit(shape);
  if (shape?.start !== undefined) return byShape(shape.name);
  const tool = started.at(-1)?.script;
  const isFrontEnd = shape?.withoutServer !== undefined && tool?.entry === undefined;
  const names = isFrontEnd ? MORE_SOURCES.filter((path) => /server\./.test(path)) : MORE_SOURCES;
  const source = [tool?.entry, ...(isFrontEnd ? [] : SOURCES), ...names].find(
    (path) => path !== undefined && isThere(path),
  );
  const why = tool === undefined ? "it is there" : `seen through the start script, ${tool.tool}`;
  const args = tool?.entry === undefined ? [] : tool.args;
  const isBuilt = hasBuildScript(project) && (tool !== undefined || isTypeScript(source ?? ""));
  if (isBuilt && !isFrontEnd) return guess(builtFrom(folder, source), why, { args });
  if (source !== undefined) return guess([tidy(source)], why, { args });
  refuseWorkspaceRoot(project);
  if (shape?.withoutServer !== undefined) refuseUnfit({ ...shape, unfit: shape.withoutServer });
  throw new TsugiError("TSUGI_ENTRY_MISSING", {
    looked: `package.json (main, exports, start:prod, start), ${SOURCES.join(", ")}`,
    folder,
  });
}

/** The first that is the command of a dependency. */
function startedCommand(
  project: Project,
  started: Started[],
): (Started & { bin: Bin }) | undefined {
  for (const { name, script } of started) {
    const bin = script.entry === undefined ? binOf(project, script.tool) : undefined;
    if (bin !== undefined) return { name, script, bin };
  }
  return undefined;
}

/** A file that Node runs as it is: also what a build wrote and `bun` or `tsx` would start. */
const runsAsIt = ({ tool, entry }: StartScript): boolean =>
  entry !== undefined &&
  (tool === "node" || (!isTypeScript(entry) && outputFolderOf(entry) !== undefined));

export function chooseEntry(folder: string, candidates: string[]): string {
  const present = candidates.find(
    (path) => isFile(join(folder, path)) || isFile(inPackage(folder, path)),
  );
  if (present !== undefined) return present;
  throw new TsugiError("TSUGI_ENTRY_MISSING", { looked: candidates.join(", "), folder });
}

export const guessMode = (project: Project, entry: string): BuildMode =>
  isTypeScript(entry) && !hasBuildScript(project) ? "compile" : "own";

const tidy = (path: string) => normalize(path).replace(/^\.\//, "");

/** As Node's `require` finds it: `dist/main` is `dist/main.js`. */
export const withEndings = (path: string): string[] =>
  /\.[cm]?[jt]sx?$/.test(path)
    ? [path]
    : [path, `${path}.js`, `${path}.mjs`, `${path}.cjs`, tidy(`${path}/index.js`)];

/** Where a build script may have put it; the source itself last: its build may be of a front end. */
function builtFrom(folder: string, source: string | undefined): string[] {
  const output = [...new Set([outDirOf(folder), "dist"])].filter((name) => name !== undefined);
  const path = source === undefined ? undefined : tidy(source).replace(/\.([cm]?)tsx?$/, ".$1js");
  const own = path === undefined ? [] : [path.replace(/^src\//, ""), path, basename(path)];
  const names = [...own, "main.js", "src/main.js", "index.js", "server.js"];
  const built = output.flatMap((out) => names.map((name) => `${out}/${name}`));
  return [...new Set(source === undefined ? built : [...built, tidy(source)])];
}

/** tsconfig is JSON with comments: read for this one key only. */
function outDirOf(folder: string): string | undefined {
  for (const name of ["tsconfig.build.json", "tsconfig.json"]) {
    const file = join(folder, name);
    if (!existsSync(file)) continue;
    const found = /^[^/\n]*"outDir"\s*:\s*"([^"]+)"/m.exec(readFileSync(file, "utf8"))?.[1];
    if (found !== undefined) return tidy(found).replace(/\/$/, "");
  }
  return undefined;
}

function exportsEntry(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports;
  if (exports === null || typeof exports !== "object") return undefined;
  const map = exports as Record<string, unknown>;
  for (const key of [".", "node", "import", "default", "require"]) {
    const found = exportsEntry(map[key]);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isFile = (path: string) => existsSync(path) && statSync(path).isFile();
