/**
 * Every path of the release tree (docs/internals/design.md), once. The tree is the same after a build (`buildsIn`)
 * and in the install root on a host; nothing else in tsugi joins these names by hand.
 */
import { join } from "node:path";

/** What `releases/permanent` holds: the only thing that a boot reads. */
export interface PermanentPointer {
  version: string;
  releaseId: string;
  /** Folder name below `runtime/`, such as `node-24.21.0-linux-x64`. */
  runtimeDir: string;
  /** Folder name below `lib/`, such as `tsugi-0.1.0`. */
  tsugiDir: string;
}

export interface Layout {
  readonly root: string;
  readonly name: string;
  readonly bin: string;
  readonly binDir: string;
  readonly runtimeRoot: string;
  readonly lib: string;
  readonly releases: string;
  readonly permanent: string;
  /** What `permanent` is to a release of Node, this is to OTP's. */
  readonly startErlData: string;
  readonly releaseList: string;
  readonly etc: string;
  readonly etcEnv: string;
  /** What a deploy has brought and not put in place yet, and what was there before. */
  readonly etcEnvNext: string;
  readonly etcEnvBefore: string;
  readonly etcConfig: string;
  readonly etcNodeArgs: string;
  readonly trustedKeys: string;
  readonly log: string;
  readonly appLog: string;
  readonly upgradesLog: string;
  /** Who deployed what when, one deploy a line. */
  readonly deploysLog: string;
  readonly run: string;
  readonly pid: string;
  readonly controlSocket: string;
  readonly lock: string;
  /** Held while somebody deploys to this host, or does not want anybody to. */
  readonly deployLock: string;
  /** The process that has a deploy's environment in place and puts it right afterwards. */
  readonly deployBusy: string;
  readonly workers: string;
  /** Of the last supervisor under `foreground`, for the launcher. */
  readonly exitCode: string;
  /** Why the last supervisor gave up, or did not come up; until the next start. */
  readonly lastEnd: string;
  readonly data: string;
  /** Work in progress of an unpack, below `releases/` so that a rename stays on one file system. */
  readonly staging: string;
  /** A first install on its way in. */
  readonly firstInstall: string;
  release(version: string): ReleasePaths;
  runtime(runtimeDir: string): string;
  node(runtimeDir: string): string;
  library(folder: string): string;
}

export interface ReleasePaths {
  readonly dir: string;
  readonly manifest: string;
  readonly signature: string;
  readonly config: string;
  readonly nodeArgs: string;
  readonly tarball: string;
}

export function layoutOf(root: string, name: string): Layout {
  const at = (...parts: string[]) => join(root, ...parts);
  return {
    root,
    name,
    binDir: at("bin"),
    bin: at("bin", name),
    runtimeRoot: at("runtime"),
    lib: at("lib"),
    releases: at("releases"),
    permanent: at("releases", "permanent"),
    startErlData: at("releases", "start_erl.data"),
    releaseList: at("releases", "RELEASES.json"),
    staging: at("releases", ".staging"),
    firstInstall: at(".tsugi-install"),
    etc: at("etc"),
    etcEnv: at("etc", "env"),
    etcEnvNext: at("etc", "env.next"),
    etcEnvBefore: at("etc", "env.before"),
    etcConfig: at("etc", "config.json"),
    etcNodeArgs: at("etc", "node.args"),
    trustedKeys: at("etc", "trusted_keys"),
    log: at("log"),
    appLog: at("log", `${name}.log`),
    upgradesLog: at("log", "upgrades.jsonl"),
    deploysLog: at("log", "deploys.jsonl"),
    run: at("run"),
    pid: at("run", "pid"),
    controlSocket: at("run", "control.sock"),
    lock: at("run", "lock"),
    deployLock: at("run", "deploy.lock"),
    deployBusy: at("run", "deploy.busy"),
    workers: at("run", "workers"),
    exitCode: at("run", "exit-code"),
    lastEnd: at("run", "last-end"),
    data: at("var"),
    release: (version) => ({
      dir: at("releases", version),
      manifest: at("releases", version, "release.json"),
      signature: at("releases", version, "release.json.sig"),
      config: at("releases", version, "config.json"),
      nodeArgs: at("releases", version, "node.args"),
      tarball: at("releases", version, `${name}.tar.gz`),
    }),
    runtime: (runtimeDir) => at("runtime", runtimeDir),
    node: (runtimeDir) => at("runtime", runtimeDir, "bin", "node"),
    library: (folder) => at("lib", folder),
  };
}

/** Each supervisor's own; `run/control.sock` leads to that of the one that runs. */
export const controlSocketOf = (pid: number): string => `control.${pid}.sock`;

/**
 * Where the builds of a project lie, a tree for each app. No tool of the project's own looks there,
 * or it would take the code of an earlier release for sources: tsc and Tailwind leave out what begins
 * with a dot, ESLint, Jest and Vitest do not, and all of them leave out node_modules.
 */
export const buildsIn = (project: string): string => join(project, ".tsugi", "node_modules");
/** An Elixir project's builds lie where its own tool has them. */
export const beamBuildsIn = (project: string): string => join(project, "rel");

export const runtimeDirName = (nodeVersion: string, platform: string) =>
  `node-${nodeVersion}-${platform}`;
export const tsugiDirName = (version: string) => `tsugi-${version}`;
export const appDirName = (name: string, version: string) => `${name}-${version}`;
export const packagesDirName = (hash: string) => `packages-${hash.slice(0, 8)}`;

/** `releases/permanent` is one line of four words, so that `sh` can `read` it. */
export const formatPermanent = (p: PermanentPointer) =>
  `${p.version} ${p.releaseId} ${p.runtimeDir} ${p.tsugiDir}\n`;

/** Returns undefined for anything that is not exactly one well-formed line. */
export function parsePermanent(text: string): PermanentPointer | undefined {
  const match = /^([\w][\w.+-]*) ([0-9a-f]{64}) ([\w][\w.+-]*) ([\w][\w.+-]*)\n$/.exec(text);
  if (!match) return undefined;
  const [, version, releaseId, runtimeDir, tsugiDir] = match as unknown as string[];
  return {
    version: version!,
    releaseId: releaseId!,
    runtimeDir: runtimeDir!,
    tsugiDir: tsugiDir!,
  };
}
