/** Which file starts the app, where nothing is configured: what the project says, then what it is, then what lies there. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { Project } from "../pack/project.ts";
import { type Bin, binOf } from "./bins.ts";
import { isFile, isTypeScript, outputFolderOf, tidy, withEndings } from "./entry.ts";
import { hasBuildScript } from "./projectBuild.ts";
import { type Recognised, recogniseShape, refuseUnfit } from "./shapes/index.ts";
import { compilerConfig } from "./start/compilerConfig.ts";
import { transpiles } from "./start/runners.ts";
import { SHELLS, type Started, type StartScript, startedBy } from "./start/startScript.ts";
import { refuseElsewhere, refuseWorkspaceRoot } from "./workspace.ts";

export interface EntryGuess {
  /** In the order of preference; which of them is there may only be known after the build script. */
  candidates: string[];
  why: string;
  /** Arguments of node that the start script gives. */
  nodeArgs: string[];
  /** Arguments of the entry. */
  args: string[];
  /** What runs it compiles as it goes: plain Node may not take the file as it is. */
  isTranspiled?: boolean;
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

/**
 * `other`: what starts it, where it is not its start script; `main` says nothing then.
 * @throws TSUGI_ENTRY_MISSING, TSUGI_SHAPE_UNFIT, TSUGI_WORKSPACE, TSUGI_START_ELSEWHERE
 */
export function guessEntry(
  project: Project,
  shape: Recognised | undefined = recogniseShape(project),
  other?: Started,
): EntryGuess {
  return new Guess(project, shape, other).made();
}

class Guess {
  readonly #project: Project;
  readonly #shape: Recognised | undefined;
  readonly #started: Started[];
  /** Names a file that Node runs. */
  readonly #node: Started | undefined;
  readonly #main: string | undefined;

  constructor(project: Project, shape: Recognised | undefined, other: Started | undefined) {
    const { main, exports } = project.packageJson;
    this.#project = project;
    this.#shape = shape;
    this.#started = other === undefined ? startedBy(project) : [other];
    this.#node = this.#started.find(({ script }) => runsAsIt(script));
    this.#main = other === undefined ? (main ?? exportsEntry(exports)) : undefined;
  }

  made(): EntryGuess {
    const { start } = this.#shape ?? {};
    if (start?.always) return this.#byShape();
    return this.#bySaid() ?? this.#byMain() ?? this.#byNode() ?? this.#byRest();
  }

  #byRest(): EntryGuess {
    const command = this.#byCommand();
    if (command !== undefined) return command;
    refuseUnfit(this.#shape);
    if (this.#shape?.start !== undefined) return this.#byShape();
    for (const { script } of this.#started) refuseElsewhere(this.#project, script);
    return this.#bySource() ?? this.#refused();
  }

  #guess(candidates: string[], why: string, more: Partial<EntryGuess> = {}): EntryGuess {
    const script = (this.#node ?? this.#started[0])?.script;
    const said = script === undefined ? {} : { script };
    return { candidates, why, nodeArgs: script?.nodeArgs ?? [], args: [], ...said, ...more };
  }

  #byShape(): EntryGuess {
    const { name, start } = this.#shape!;
    return this.#guess(start!.candidates, name, { args: start!.args ?? [] });
  }

  #isThere(path: string): boolean {
    return isFile(join(this.#project.folder, path));
  }

  #willBeThere(path: string): boolean {
    return (
      this.#isThere(path) || (outputFolderOf(path) !== undefined && hasBuildScript(this.#project))
    );
  }

  /** A start script that names a file, which is there or will be. */
  #bySaid(): EntryGuess | undefined {
    const entry = this.#node?.script.entry;
    if (entry === undefined || tidy(entry) === ".") return undefined;
    const candidates = withEndings(tidy(entry));
    return candidates.some((path) => this.#willBeThere(path)) ? this.#byNode() : undefined;
  }

  #byNode(): EntryGuess | undefined {
    if (this.#node === undefined) return undefined;
    const { script, where } = this.#node;
    return this.#guess(withEndings(tidy(script.entry!)), where, { args: script.args });
  }

  #byMain(): EntryGuess | undefined {
    const main = this.#main;
    if (main === undefined || this.#shape?.start !== undefined) return undefined;
    const candidates = withEndings(tidy(main));
    if (!candidates.some((path) => this.#willBeThere(path))) return undefined;
    // `fastify start app.js`: the file alone is no service.
    const command = this.#node === undefined ? this.#byCommand() : undefined;
    if (command !== undefined && !command.bin!.isDevelopment) return undefined;
    // `node .`
    const args = this.#node?.script.args ?? [];
    return this.#guess(candidates, "main in package.json", { args });
  }

  /** The first that is the command of a dependency. */
  #byCommand(): EntryGuess | undefined {
    for (const { where, script } of this.#started) {
      const { tool, args, nodeArgs, entry } = script;
      const bin = entry === undefined ? binOf(this.#project, tool) : undefined;
      if (bin === undefined) continue;
      return this.#guess([bin.path], `${tool} of ${where}`, { args, nodeArgs, bin, script });
    }
    return undefined;
  }

  /** What a development tool starts, or what lies where servers lie; of it, what the build makes. */
  #bySource(): EntryGuess | undefined {
    const tool = this.#started.at(-1)?.script;
    const named = tool?.entry === undefined ? [] : withEndings(tidy(tool.entry), true);
    const isFrontEnd = this.#shape?.withoutServer !== undefined && named.length === 0;
    const names = isFrontEnd ? MORE_SOURCES.filter((path) => /server\./.test(path)) : MORE_SOURCES;
    const source = [...named, ...(isFrontEnd ? [] : SOURCES), ...names].find((path) =>
      this.#isThere(path),
    );
    const why = whyFound(tool);
    const isTranspiled = tool !== undefined && transpiles(tool.tool);
    const more = { args: named.length === 0 ? [] : tool!.args, isTranspiled };
    const isBuilt = tool !== undefined || isTypeScript(source ?? "");
    if (source === undefined) refuseWorkspaceRoot(this.#project);
    if (isBuilt && !isFrontEnd && hasBuildScript(this.#project))
      return this.#guess(builtFrom(this.#project, source), why, more);
    return source === undefined ? undefined : this.#guess([source], why, more);
  }

  #refused(): never {
    const { folder } = this.#project;
    const shape = this.#shape;
    for (const { script } of this.#started) refuseEcosystem(script);
    if (shape?.withoutServer !== undefined) refuseUnfit({ ...shape, unfit: shape.withoutServer });
    const looked = `package.json (start:prod, start, main, exports), the Procfile, ${SOURCES.join(", ")}`;
    throw new TsugiError("TSUGI_ENTRY_MISSING", { looked, folder });
  }
}

/** `pm2-runtime ecosystem.config.js`: what there is to start stands in that file. @throws TSUGI_SHAPE_UNFIT */
function refuseEcosystem({ tool, args }: StartScript): void {
  const file = args.find((word) =>
    /^(\.\/)?(ecosystem|pm2|process)\b.*\.([cm]?js|json|ya?ml)$/.test(word),
  );
  if (!tool.startsWith("pm2") || file === undefined) return;
  const problem = `what it starts stands in ${file}, which a build does not read`;
  throw new TsugiError("TSUGI_SHAPE_UNFIT", {
    shape: "PM2",
    problem,
    todo: `Take it over once: tsugi init --from ${file}`,
  });
}

/** A file that Node runs as it is: also what a build wrote and `bun` or `tsx` would start. */
const runsAsIt = ({ tool, entry }: StartScript): boolean =>
  entry !== undefined &&
  (tool === "node" || (!isTypeScript(entry) && outputFolderOf(entry) !== undefined));

function whyFound(tool: StartScript | undefined): string {
  if (tool === undefined) return "it is there";
  const isUnread =
    tool.entry === undefined && (SHELLS.test(tool.tool) || /^make$|[./]/.test(tool.tool));
  if (!isUnread) return `seen through the start script, ${tool.tool}`;
  return `it is there; what the start script's ${tool.tool} runs was not seen`;
}

/** Where a build script may have put it; the source itself last: its build may be of a front end. */
function builtFrom(project: Project, source: string | undefined): string[] {
  const output = [...new Set([outDirOf(project), "dist"])].filter((name) => name !== undefined);
  const path = source?.replace(/\.([cm]?)tsx?$/, ".$1js");
  const own = path === undefined ? [] : [path.replace(/^src\//, ""), path, basename(path)];
  const names = [...own, "main.js", "src/main.js", "index.js", "server.js"];
  const built = output.flatMap((out) => names.map((name) => `${out}/${name}`));
  return [...new Set(source === undefined ? built : [...built, source])];
}

/** tsconfig is JSON with comments: read for this one key only. */
function outDirOf(project: Project): string | undefined {
  const { tsconfig, outDir } = compilerConfig(project);
  if (outDir !== undefined) return tidy(outDir);
  for (const name of [...(tsconfig ? [tsconfig] : []), "tsconfig.build.json", "tsconfig.json"]) {
    const file = join(project.folder, name);
    if (!existsSync(file)) continue;
    const found = /^[^/\n]*"outDir"\s*:\s*"([^"]+)"/m.exec(readFileSync(file, "utf8"))?.[1];
    const inside = found && tidy(join(dirname(name), found));
    // Of one that stands above the project and writes there, nothing could be packed.
    if (inside && !inside.startsWith("..")) return inside;
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
