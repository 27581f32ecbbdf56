/**
 * `tsugi release` for Node, what pack/pipeline.ts runs:
 *   decide (name, version, entry, mode, node) → compose (application, packages, runtime, manifest).
 */
import { realpathSync } from "node:fs";
import { join, relative } from "node:path";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { TsugiError } from "../contract/errors.ts";
import { contentsProblem } from "../handler/contents.ts";
import { hideBuilds, warnOfOldBuilds } from "../pack/buildFolder.ts";
import type { BuiltRelease } from "../pack/built.ts";
import type { Surroundings } from "../pack/commands.ts";
import type { Composed } from "../pack/composed.ts";
import { textFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { type BuildRequest, build, type ReleaseKind } from "../pack/pipeline.ts";
import { type Project, readProject, releaseName } from "../pack/project.ts";
import { refuseSecrets, withoutEnvFiles } from "../pack/secrets/index.ts";
import { refuseTreeConflict } from "../pack/tree.ts";
import { resolveVersion } from "../pack/version.ts";
import { thisPlatform } from "../platform/thisPlatform.ts";
import { overlaySettings, settingsIn } from "../protocol/settings.ts";
import { buildsIn, type Layout, layoutOf } from "../release/layout.ts";
import { type Application, buildApplication } from "./application.ts";
import { type AppupDecision, decideAppup } from "./appup.ts";
import { decideEntry, type EntryDecision } from "./decideEntry.ts";
import { composeRelease } from "./manifest.ts";
import { refuseUnfitAddons } from "./native/index.ts";
import { ownPreloads, placeNodeArgs, readNodeArgs } from "./nodeArgs.ts";
import { pinNode, resolveNode } from "./nodeVersion.ts";
import { groupPackages } from "./packageGroup.ts";
import { localManager } from "./packageManager.ts";
import { collectPackages, NO_DEPENDENCIES, type PackageTree, withBins } from "./packages.ts";
import { packagesOfPreloads, preloadedPackages } from "./preloads.ts";
import { obtainRuntime, runtimeFacts } from "./runtime.ts";
import { prepareSiblings } from "./siblings.ts";
import { tracePackages } from "./traced.ts";
import { isTried, tryRelease } from "./trial.ts";

export interface ReleaseRequest extends BuildRequest {
  node?: string;
  /** Nothing is noted in the project: Node's version is not written down. */
  dry?: boolean;
  /** What was packed is started before it is called built. Default true. */
  isTried?: boolean;
  /** What it lacks here, hosts have: no more than a line of it. */
  isTrialBrief?: boolean;
  /** A clone that goes away after the build: how its programs are run, and nothing is noted in it. */
  clean?: Surroundings;
}

export function buildRelease(request: ReleaseRequest, log: BuildLog): Promise<BuiltRelease> {
  const { folder, into = folder } = request;
  const node: ReleaseKind<Decided> = {
    async decide() {
      const decided = await decide(request, log);
      warnOfOldBuilds(folder, log);
      if (request.out === undefined) hideBuilds(into);
      return decided;
    },
    layout: ({ layout }) => layout,
    compose: (decided) => compose(decided, log),
    refuse: refuseTreeConflict,
    async prove(tarball, { manifest: { name, version, processes } }) {
      if (!isTried(request.isTried)) return;
      const isBrief = request.isTrialBrief === true;
      const { name: process, listens = false } = processes[0]!;
      await tryRelease(tarball, { name, version, process, listens, isBrief }, log);
    },
    async settle({ node: { isNew, version } }) {
      if (isNew) await pinNode(folder, version, log);
    },
  };
  return build(node, request.signKey, log);
}

interface Decided {
  project: Project;
  config: Config;
  configFile: string | undefined;
  appup: AppupDecision | undefined;
  version: string;
  layout: Layout;
  entry: EntryDecision;
  node: NodeDecision;
  clean: Surroundings | undefined;
  /** Then the cache saves no work that could be wrong. */
  isSigned: boolean;
}

interface NodeDecision {
  version: string;
  platform: string;
  from: string;
  /** Nothing has pinned it so far. */
  isNew: boolean;
}

async function decide(request: ReleaseRequest, log: BuildLog): Promise<Decided> {
  const { folder } = request;
  const project = readProject(folder);
  const { config, file: configFile } = await loadConfig(folder, request.configFile);
  const name = releaseName(project, config, log);
  const appup = decideAppup(folder, config.appup);
  const version = await resolveVersion(project, request.version ?? config.version, log);
  const entry = decideEntry(project, config, log);
  const wish = { flag: request.node, clean: request.clean !== undefined || request.dry === true };
  const node = await decideRuntime(project, config, wish, log);
  const layout = layoutOf(join(request.out ?? buildsIn(request.into ?? folder), name), name);
  const { clean, signKey } = request;
  const isSigned = signKey !== undefined;
  return { project, config, configFile, appup, version, layout, entry, node, clean, isSigned };
}

async function compose(decided: Decided, log: BuildLog): Promise<Composed> {
  const { project, config, version, layout, entry, node, appup, configFile } = decided;
  const { name } = layout;
  const given = readNodeArgs(entry.nodeArgs);
  const preloads = ownPreloads(given);
  const siblingFiles = await prepareSiblings(project, decided.clean, log);
  const application = await buildApplication(
    {
      project,
      mode: entry.mode,
      isGuessed: config.build === undefined,
      shape: entry.shape,
      processes: entry.processes,
      files: config.files,
      shared: config.shared ?? entry.shape?.shared ?? [],
      external: config.external ?? [],
      loader: entry.loader,
      tsconfig: entry.tsconfig,
      preloads,
      surroundings: decided.clean,
      appup,
      configFile: configFile && relative(project.folder, configFile),
    },
    log,
  );
  const loaders = application.loader === undefined ? [] : [application.loader];
  const nodeArgs = [...loaders.map((name) => `--import=${name}`), ...entry.nodeArgs];
  const args = placeNodeArgs(readNodeArgs(nodeArgs), application.placed);
  application.files = withoutEnvFiles([...application.files, ...args.files], log, project.folder);
  log.step("Packages");
  const firsts = preloadedPackages(project.folder, given.preloads);
  const carriesOwn = entry.packages === "none";
  const names = carriesOwn
    ? [...firsts, ...packagesOfPreloads(project, preloads)]
    : [...entry.bins, ...loaders, ...firsts];
  const needed = withBins(carriesOwn ? NO_DEPENDENCIES : application.needed, names, project.folder);
  const all = collectPackages(project, needed, log, siblingFiles);
  const tree =
    entry.packages === "traced" ? await traced(all, { project, config, application }, log) : all;
  const { isSigned } = decided;
  const packages = await groupPackages(tree, isSigned);
  const settings = overlaySettings(settingsIn(config));
  const lines = ["--enable-source-maps", ...args.lines];
  const settingsFile = textFile(
    "tsugi.config",
    JSON.stringify({ settings, nodeArgs: lines, processes: application.processes }),
  );
  await refuseSecrets(
    {
      own: [...application.files, settingsFile],
      packages: tree.files,
      ...(packages === undefined || isSigned ? {} : { packagesHash: packages.hash }),
      project: project.folder,
      allow: config.secrets?.allow ?? [],
    },
    log,
  );
  const runtime = await obtainRuntime({ ...node, isSigned }, project.folder, log);
  const native = { files: [...application.files, ...tree.files], packages: tree.packages };
  await refuseUnfitAddons(native, runtime, localManager(project.folder), log);
  const composed = composeRelease({
    name,
    version,
    build: application.mode,
    application,
    packages,
    runtime,
    settings,
    nodeArgs: {
      lines,
      logical: ["--enable-source-maps", ...nodeArgs],
    },
  });
  const problem = contentsProblem(composed.manifest, layout);
  if (problem === undefined) return composed;
  throw new TsugiError("TSUGI_BUILD_FAILED", { what: "The check of its contents", problem });
}

function traced(
  tree: PackageTree,
  { project, config, application }: { project: Project; config: Config; application: Application },
  log: BuildLog,
): Promise<PackageTree> {
  const entries = application.processes.map(({ entry }) => entry);
  const request = { files: application.files, entries, whole: config.external ?? [] };
  return tracePackages(tree, { folder: realpathSync(project.folder), ...request }, log);
}

/** `clean`: what is decided is not written into the project. */
export async function decideRuntime(
  project: Project,
  config: Config,
  { flag, clean }: { flag: string | undefined; clean: boolean },
  log: BuildLog,
): Promise<NodeDecision> {
  const from = config.runtime?.from ?? "npm";
  const platform = thisPlatform();
  if (from.startsWith("/")) {
    const facts = await runtimeFacts(from, "", platform);
    log.guess("node", `${facts.version} for ${facts.platform}`, from);
    return { ...facts, from, isNew: false };
  }
  const found = await resolveNode(
    project,
    { flag, config: config.runtime?.node, writes: !clean },
    log,
  );
  return { ...found, platform, from };
}
