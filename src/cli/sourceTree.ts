/**
 * `tsugi run`: a project is run where it lies, by the same supervisor as a release. For that it gets
 * an install root of its own, `<project>/.tsugi`, whose folders are links:
 *
 *   .tsugi/runtime/node-…/bin/node   the Node that runs this
 *   .tsugi/lib/tsugi-<vsn>           what tsugi ships in a release
 *   .tsugi/lib/<app>-<vsn>           the project; and .tsugi/var, so that it is the working directory
 *   .tsugi/bin/<app>                 every command of a host: status, logs -f, rpc, console …
 *
 * Nothing is built or copied: a change is there after the next `tsugi run`.
 */
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { decideEntry } from "../assemble/decideEntry.ts";
import { chooseEntry, isTypeScript } from "../assemble/entry.ts";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { TsugiError } from "../contract/errors.ts";
import { silentLog } from "../pack/log.ts";
import { ownPackage, shippedFolder } from "../pack/ownPackage.ts";
import { type Project, readProject, releaseName } from "../pack/project.ts";
import { thisPlatform } from "../platform/thisPlatform.ts";
import { overlaySettings, settingsIn } from "../protocol/settings.ts";
import {
  appDirName,
  type Layout,
  layoutOf,
  runtimeDirName,
  tsugiDirName,
} from "../release/layout.ts";
import { canonicalJson, MANIFEST_FORMAT, type Manifest } from "../release/manifest.ts";

export interface SourceProject {
  project: Project;
  config: Config;
  layout: Layout;
}

/** @throws TSUGI_PROJECT_INVALID, TSUGI_CONFIG_INVALID */
export async function readSourceProject(folder: string): Promise<SourceProject> {
  const project = readProject(folder);
  const { config } = await loadConfig(folder);
  const name = releaseName(project, config, silentLog);
  return { project, config, layout: layoutOf(join(folder, ".tsugi"), name) };
}

/** @throws TSUGI_ENTRY_MISSING, TSUGI_NO_TYPESCRIPT_LOADER */
export function writeSourceTree(source: SourceProject, entry: string | undefined): void {
  const { project, layout } = source;
  const config = entry === undefined ? source.config : { ...source.config, entry, processes: {} };
  const decision = decideEntry(project, config, silentLog);
  const processes = decision.processes.map(({ candidates, ...rest }) => ({
    ...rest,
    // From lib/<app>-<vsn> to the file itself and not to a link: argv[1] is what a module compares.
    entry: join("../../..", chooseEntry(project.folder, candidates)),
  }));
  const typescript = processes.some((process) => isTypeScript(process.entry));
  const nodeArgs = withLoader(decision.nodeArgs, typescript ? project.folder : undefined);
  const manifest = sourceManifest(layout.name, project, processes);

  for (const place of [layout.binDir, layout.releases, layout.lib, layout.runtimeRoot]) {
    removeTree(place);
  }
  linkData(layout, project.folder);
  writeFileSync(join(layout.root, ".gitignore"), "*\n");
  link(process.execPath, layout.node(manifest.runtime.dir));
  link(shippedFolder(), layout.library(manifest.tsugi.dir));
  link(project.folder, layout.library(appDirName(manifest.name, manifest.version)));
  mkdirSync(layout.binDir);
  copyFileSync(join(shippedFolder(), "bin.sh"), layout.bin);
  chmodSync(layout.bin, 0o755);
  const release = layout.release(manifest.version);
  mkdirSync(release.dir, { recursive: true });
  writeFileSync(release.config, canonicalJson(overlaySettings(settingsIn(source.config))));
  writeFileSync(release.nodeArgs, nodeArgs.map((argument) => `${argument}\n`).join(""));
  writeFileSync(release.manifest, canonicalJson(manifest));
}

function sourceManifest(
  name: string,
  { packageJson }: Project,
  processes: Manifest["processes"],
): Manifest {
  const { node } = process.versions;
  const platform = thisPlatform();
  const { version } = ownPackage();
  return {
    format: MANIFEST_FORMAT,
    name,
    version: packageJson.version ?? "0.0.0",
    kind: "node",
    runtime: { dir: runtimeDirName(node, platform), version: node, platform },
    tsugi: { dir: tsugiDirName(version), version },
    components: [],
    processes,
    states: [],
    usesHot: false,
    accepts: false,
    build: "own",
    files: [],
  };
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/** Never through a link: behind some of them is the project itself. */
function removeTree(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isDirectory()) {
    unlinkSync(path);
    return;
  }
  for (const name of readdirSync(path)) removeTree(join(path, name));
  rmdirSync(path);
}

/** The working directory is the project, as when it is started by hand. */
function linkData(layout: Layout, folder: string): void {
  mkdirSync(layout.root, { recursive: true });
  removeTree(layout.data);
  symlinkSync(folder, layout.data);
}

/** TypeScript: by the loader that the start script names, by the project's tsx, or by Node itself. */
function withLoader(nodeArgs: string[], folder: string | undefined): string[] {
  const args = ["--enable-source-maps", ...nodeArgs];
  const hasLoader = nodeArgs.some((argument) => /tsx|ts-node|swc|strip-types/.test(argument));
  if (folder === undefined || hasLoader) return args;
  if (canResolve(folder, "tsx")) return [...args, "--import=tsx"];
  const features = process.features as { typescript?: string | false };
  if (features.typescript) return args;
  if (process.allowedNodeEnvironmentFlags.has("--experimental-strip-types")) {
    return [...args, "--experimental-strip-types", "--disable-warning=ExperimentalWarning"];
  }
  throw new TsugiError("TSUGI_NO_TYPESCRIPT_LOADER", { node: process.versions.node, folder });
}

function canResolve(folder: string, name: string): boolean {
  try {
    createRequire(join(folder, "package.json")).resolve(name);
    return true;
  } catch {
    return false;
  }
}
