/** How the app starts and is built: what is configured, and for the rest guesses that are told. */
import type { Config } from "../config/schema.ts";
import type { Project } from "../pack/project.ts";
import type { BuildReport } from "../pack/report.ts";
import {
  type BuildMode,
  type EntryGuess,
  guessEntry,
  guessMode,
  hasBuildScript,
  withEndings,
} from "./entry.ts";
import type { ProcessDecision } from "./request.ts";
import { type Recognised, recogniseShape } from "./shapes/index.ts";
import type { PackagesMode } from "./shapes/shape.ts";
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
}

export function decideEntry(project: Project, config: Config, report: BuildReport): EntryDecision {
  const shape = recogniseShape(project);
  if (shape !== undefined) report.guess("shape", shape.name, "package.json");
  const decided = decideProcesses(project, shape, config, report);
  const mode = config.build ?? modeOf(project, decided.processes[0]!.candidates[0]!, report);
  const packages = config.packages ?? shape?.packages ?? "all";
  if (config.packages === undefined && packages !== "all") {
    report.guess("packages", packages, `the output of ${shape?.name} carries its own`);
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

type Decided = Pick<EntryDecision, "processes"> & Partial<Pick<EntryDecision, "nodeArgs" | "bins">>;

const PLAIN = { workers: 1, overlap: true } as const;

/** What is configured; a process without an entry, and a project without processes, start what is guessed. */
function decideProcesses(
  project: Project,
  shape: Recognised | undefined,
  config: Config,
  report: BuildReport,
): Decided {
  const named = Object.entries(config.processes ?? {});
  const isOpen = named.length === 0 || named.some(([, { entry }]) => entry === undefined);
  const whole: Decided | undefined = !isOpen
    ? undefined
    : config.entry === undefined
      ? guessed(project, shape, config, report)
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
      ...(said.args === undefined ? {} : { args: said.args }),
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
  report: BuildReport,
): Decided {
  const guess = guessEntry(project, shape);
  const { candidates, why, args, script, bin } = guess;
  report.guess("entry", candidates[0]!, why);
  if (args.length > 0) report.guess("args", args.join(" "), why);
  const env = script?.env ?? {};
  const main: ProcessDecision = {
    name: "main",
    candidates,
    ...PLAIN,
    ...(args.length === 0 ? {} : { args }),
    ...(Object.keys(env).length === 0 ? {} : { env }),
  };
  if (script !== undefined) tellScript(script, report);
  tellProcesses(project, report);
  if (bin?.isDevelopment) {
    report.warn(`${bin.packageName} runs the service, and is a devDependency; it is packed too.`);
  }
  const bins = bin?.isDevelopment ? [bin.packageName] : [];
  return { processes: [main], bins, ...nodeArgsOf(guess, config, report) };
}

function nodeArgsOf({ nodeArgs }: EntryGuess, config: Config, report: BuildReport) {
  if (nodeArgs.length === 0 || config.nodeArgs !== undefined) return {};
  report.guess("nodeArgs", nodeArgs.join(" "), "the start script");
  return { nodeArgs };
}

function modeOf(project: Project, entry: string, report: BuildReport): BuildMode {
  const mode = guessMode(project, entry);
  const why =
    mode === "compile" ? "a TypeScript entry and no build script" : "its files as they are";
  report.guess("build", mode, why);
  return mode;
}
