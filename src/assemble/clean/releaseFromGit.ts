/**
 * `tsugi release --git`, the table of contents: clone → the release's own Node → the project's own
 * package manager → install → build and pack, as ever. All of it in a temporary folder; what stays
 * is the release where the caller wants it.
 *
 *   what is the same on every machine            by
 *   the files                                    the commit
 *   packages                                     the lock file, frozen
 *   Node: for scripts, addons and the release    .node-version and the like
 *   the package manager                          packageManager in package.json
 *   time zone, locale, "now" for those who ask   TZ, LC_ALL, SOURCE_DATE_EPOCH
 */
import { existsSync, mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { defined } from "../../contract/checks.ts";
import { TsugiError } from "../../contract/errors.ts";
import { refuseForeignCache } from "../../pack/cache.ts";
import type { Surroundings } from "../../pack/commands.ts";
import { type BuildLog, silentLog } from "../../pack/log.ts";
import { readProject } from "../../pack/project.ts";
import { wantedManager } from "../packageManager.ts";
import { decideRuntime, type ReleaseRequest } from "../release.ts";
import { obtainRuntime } from "../runtime.ts";
import { checkOut } from "./checkout.ts";
import { whileHidden, withoutSecrets } from "./hiddenNames.ts";
import { installFrozen } from "./install.ts";
import { withManager } from "./manager.ts";
import { inWorkFolder } from "./workFolder.ts";

export interface GitReleaseRequest
  extends Omit<ReleaseRequest, "folder" | "out" | "into" | "clean"> {
  /** A URL or a path, as `git clone` takes it. */
  git: string;
  /** A branch, a tag or a commit; default: what a clone begins with. */
  ref?: string;
  /** The app's folder inside the repository; default: its top. */
  folder?: string;
  /** Where it was asked for: the release goes there, as it would into a project; nothing else stays. */
  into: string;
  /** A folder for <app> instead. */
  out?: string;
}

/**
 * `build` is what builds a project that lies in a folder: `buildRelease`, or that of another kind.
 * @throws TsugiError; the temporary folder is gone then too
 */
export function releaseFromGit<T>(
  request: GitReleaseRequest,
  build: (request: ReleaseRequest, log: BuildLog) => Promise<T>,
  log: BuildLog,
): Promise<T> {
  const { git, ref, folder: inside = ".", into: _, ...rest } = request;
  return inWorkFolder(async (work, running) => {
    // Its Node and its package managers run before anything is built.
    await refuseForeignCache();
    const repository = join(realpathSync(work), "source");
    const folder = join(repository, insideOf(inside));
    const env = plainEnvironment(process.env);
    const { committedAtSeconds } = await checkOut(
      { git, ...defined({ ref }) },
      repository,
      { env, running },
      log,
    );
    // What an installation adds is no change to the sources: version "git" asks for those.
    ignore(repository, ["node_modules/", "/.pnp.*", "/.yarn/"]);
    const TMPDIR = join(work, "temporary");
    mkdirSync(TMPDIR);
    const open = withoutSecrets(env, folder);
    const given = { ...sameEverywhere(committedAtSeconds), ...compilerFlags(open, repository) };
    const same = { env: { ...open, ...given, TMPDIR }, running };
    return whileHidden(
      Object.keys(env).filter((name) => !(name in open)),
      async () => {
        const clean = await prepare(request, folder, same, log);
        return build({ ...rest, folder, clean }, log);
      },
    );
  });
}

/** Installs, where the project is one for a package manager. */
async function prepare(
  request: GitReleaseRequest,
  folder: string,
  surroundings: Surroundings,
  log: BuildLog,
): Promise<Surroundings> {
  // Elixir and Erlang fetch by themselves.
  if (!existsSync(join(folder, "package.json"))) return surroundings;
  const withNode = await withReleasesNode(request, folder, surroundings);
  const wanted = wantedManager(folder);
  const withBoth = await withManager(wanted, withNode, log);
  await installFrozen(wanted, folder, withBoth, log);
  return withBoth;
}

/** Install scripts compile addons for the Node that runs them: that has to be the release's. */
async function withReleasesNode(
  { node, configFile, signKey }: GitReleaseRequest,
  folder: string,
  { env, running }: Surroundings,
): Promise<Surroundings> {
  // A configuration that imports packages does not load before they are installed.
  const loaded = await loadConfig(folder, configFile).catch(() => undefined);
  const config = loaded?.config ?? {};
  const project = readProject(folder);
  const decided = await decideRuntime(project, config, { flag: node, clean: true }, silentLog);
  if (decided.from.startsWith("/") || decided.version === process.versions.node) {
    return { env, running };
  }
  const isSigned = signKey !== undefined;
  const runtime = await obtainRuntime({ ...decided, isSigned }, folder, silentLog);
  return { running, env: { ...env, PATH: `${dirname(runtime.node)}:${env.PATH ?? ""}` } };
}

function insideOf(folder: string): string {
  const path = normalize(folder);
  if (!path.startsWith("/") && path !== ".." && !path.startsWith("../")) return path;
  const problem = `with --git the folder is one of the repository, not ${folder}`;
  throw new TsugiError("TSUGI_USAGE", { problem, help: "tsugi release apps/web --git <url>" });
}

/** Without what npm or npx have said to the tsugi that they have started. */
function plainEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const ofAnotherProject =
    /^(npm_(package|lifecycle)_.*|npm_config_local_prefix|npm_command|npm_(node_)?execpath|INIT_CWD|NODE_ENV)$/i;
  return Object.fromEntries(Object.entries(env).filter(([name]) => !ofAnotherProject.test(name)));
}

const sameEverywhere = (committedAtSeconds: string): Record<string, string> => ({
  TZ: "UTC",
  LC_ALL: "C.UTF-8",
  SOURCE_DATE_EPOCH: committedAtSeconds,
  // A release has packages in node_modules; Plug'n'Play has none.
  YARN_NODE_LINKER: "node-modules",
  YARN_ENABLE_TELEMETRY: "0",
  YARN_ENABLE_GLOBAL_CACHE: "true",
});

/** Addons are compiled with the paths of their sources and headers in them; here, with the same. */
function compilerFlags(env: NodeJS.ProcessEnv, repository: string): Record<string, string> {
  const maps = [`-ffile-prefix-map=${repository}=.`, `-ffile-prefix-map=${homedir()}=~`].join(" ");
  return { CFLAGS: `${env.CFLAGS ?? ""} ${maps}`, CXXFLAGS: `${env.CXXFLAGS ?? ""} ${maps}` };
}

function ignore(repository: string, patterns: string[]): void {
  const file = join(repository, ".git", "info", "exclude");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, patterns.map((pattern) => `${pattern}\n`).join(""));
}
