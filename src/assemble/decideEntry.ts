/** How the app starts and is built: what is configured, and for the rest guesses that are told. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";
import { defined, filled } from "../contract/checks.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { type BuildMode, guessMode, withEndings } from "./entry.ts";
import { type EntryGuess, guessEntry } from "./guessEntry.ts";
import { refusePlugAndPlay } from "./packageManager.ts";
import { hasBuildScript } from "./projectBuild.ts";
import type { ProcessDecision } from "./request.ts";
import { type Recognised, recogniseShape } from "./shapes/index.ts";
import type { PackagesMode } from "./shapes/shape.ts";
import { compilerConfig } from "./start/compilerConfig.ts";
import { tellProcesses, tellScript } from "./tellScript.ts";

export interface EntryDecision {
  mode: BuildMode;
  processes: ProcessDecision[];
  nodeArgs: string[];
  /** A build script runs first. */
  hasScript: boolean;
  shape: Recognised | undefined;
  packages: PackagesMode;
  /** Development packages whose command is what runs. */
  bins: string[];
  /** The package that compiles its sources as it goes: the start script has it. */
  loader?: string;
  /** The tsconfig that the start script has it take. */
  tsconfig?: string;
}

export function decideEntry(project: Project, config: Config, log: BuildLog): EntryDecision {
  const shape = recogniseShape(project);
  if (shape !== undefined) log.guess("shape", shape.name, "package.json");
  const packages = config.packages ?? shape?.packages ?? "all";
  if (packages !== "none") refusePlugAndPlay(project);
  const decided = decideProcesses(project, shape, config, log);
  const mode = config.build ?? modeOf(project, decided, log);
  if (config.packages === undefined && packages !== "all") {
    log.guess("packages", packages, `the output of ${shape?.name} carries its own`);
  }
  const hasScript = mode === "own" && hasBuildScript(project);
  return {
    nodeArgs: config.nodeArgs ?? [],
    bins: [],
    ...decided,
    mode,
    hasScript,
    shape,
    packages,
  };
}

type Decided = Pick<EntryDecision, "processes"> &
  Partial<
    Pick<EntryDecision, "nodeArgs" | "bins" | "loader" | "tsconfig"> &
      Pick<EntryGuess, "isTranspiled">
  >;

const PLAIN = { workers: 1, overlap: true } as const;

/** What is configured; a process without an entry, and a project without processes, start what is guessed. */
function decideProcesses(
  project: Project,
  shape: Recognised | undefined,
  config: Config,
  log: BuildLog,
): Decided {
  const named = Object.entries(config.processes ?? {});
  const isOpen = named.length === 0 || named.some(([, { entry }]) => entry === undefined);
  const whole: Decided | undefined = !isOpen
    ? undefined
    : config.entry === undefined
      ? guessed(project, shape, config, log)
      : { processes: [{ ...PLAIN, name: "main", candidates: asConfigured(config.entry) }] };
  if (named.length === 0) return { bins: developmentBins(project, whole!.processes), ...whole! };
  const processes = named.map(([name, { entry, ...said }]): ProcessDecision => {
    const { env, ...base } =
      entry === undefined
        ? whole!.processes[0]!
        : { ...PLAIN, candidates: asConfigured(entry), env: undefined };
    const variables = { ...env, ...said.env };
    return {
      ...base,
      name,
      workers: said.workers ?? PLAIN.workers,
      overlap: said.overlap ?? PLAIN.overlap,
      ...defined({ args: said.args }),
      ...(env === undefined && said.env === undefined ? {} : { env: variables }),
    };
  });
  return { ...whole, bins: developmentBins(project, processes), processes };
}

const asConfigured = (entry: string) => withEndings(entry.replace(/^\.\//, ""));

/** Of commands, by the files that they are. */
function developmentBins({ packageJson }: Project, processes: ProcessDecision[]): string[] {
  const names = processes.map(
    ({ candidates }) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(candidates[0]!)?.[1],
  );
  const { dependencies = {}, devDependencies = {} } = packageJson;
  return names.filter(
    (name) => name !== undefined && name in devDependencies && !(name in dependencies),
  ) as string[];
}

function guessed(
  project: Project,
  shape: Recognised | undefined,
  config: Config,
  log: BuildLog,
): Decided {
  const guess = guessEntry(project, shape);
  const { candidates, why, args, script, bin } = guess;
  log.guess("entry", candidates[0]!, why);
  if (args.length > 0) log.guess("args", args.join(" "), why);
  const main: ProcessDecision = {
    name: "main",
    candidates,
    ...PLAIN,
    ...filled({ args, env: script?.env }),
  };
  if (script !== undefined) tellScript(script, project, log);
  tellProcesses(project, log);
  if (bin?.isDevelopment) {
    log.warn(`${bin.packageName} runs the service, and is a devDependency; it is packed too.`);
  }
  const bins = bin?.isDevelopment ? [bin.packageName] : [];
  const { isTranspiled = false } = guess;
  const loader = script?.tool === "tsx" ? script.tool : undefined;
  const { TS_NODE_PROJECT, TSX_TSCONFIG_PATH } = script?.env ?? {};
  const said = script?.tsconfig ?? TS_NODE_PROJECT ?? TSX_TSCONFIG_PATH;
  // Without one of its own, what its build is told to take is what its sources are written for.
  const hasOwn = existsSync(join(project.folder, "tsconfig.json"));
  const tsconfig = said ?? (hasOwn ? undefined : compilerConfig(project).tsconfig);
  const more = { ...defined({ loader, tsconfig }), ...nodeArgsOf(guess, config, log) };
  return { processes: [main], bins, isTranspiled, ...more };
}

function nodeArgsOf({ nodeArgs }: EntryGuess, config: Config, log: BuildLog) {
  if (nodeArgs.length === 0 || config.nodeArgs !== undefined) return {};
  log.guess("nodeArgs", nodeArgs.join(" "), "the start script");
  return { nodeArgs };
}

function modeOf(project: Project, { processes, isTranspiled }: Decided, log: BuildLog): BuildMode {
  const mode = guessMode(project, processes[0]!.candidates[0]!, isTranspiled);
  const why =
    mode === "compile"
      ? `a ${isTranspiled ? "source" : "TypeScript entry"} and no build script`
      : "its files as they are";
  log.guess("build", mode, why);
  return mode;
}
