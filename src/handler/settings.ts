/**
 * What a release runs with on this host: its built-in settings overlaid by `etc/`, which belongs
 * to the host and is in no tarball. Read anew at each start, reload and upgrade.
 */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { CHECKS, isRecord } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { SETTING_ROWS } from "../contract/settings.ts";
import { readIfThere } from "../platform/files.ts";
import {
  DEFAULT_SETTINGS,
  overlaySettings,
  type PartialSettings,
  type RuntimeSettings,
} from "../protocol/settings.ts";
import type { Layout } from "../release/layout.ts";
import { readEnvFile } from "./envFile.ts";
import { unknownSettings } from "./unknownSettings.ts";

export interface HostSettings {
  settings: RuntimeSettings;
  /** `etc/env`, parsed. */
  env: Record<string, string>;
  /** The release's own arguments for Node, then the host's. */
  nodeArgs: string[];
  /** Changes when any file of `etc/` that is read here does. */
  etcHash: string;
  /** What `etc/config.json` has and nobody reads, a sentence each. */
  unknown: string[];
}

/** @throws TSUGI_SETTINGS_INVALID, TSUGI_ENV_EXPOSED */
export async function readHostSettings(layout: Layout, version: string): Promise<HostSettings> {
  const release = layout.release(version);
  const [ownConfig, ownArgs, hostConfig, hostArgs, env] = await Promise.all([
    readIfThere(release.config),
    readIfThere(release.nodeArgs),
    readOfHost(layout.etcConfig),
    readOfHost(layout.etcNodeArgs),
    readPrivately(layout.etcEnv),
  ]);
  const ofHost = parseSettings(hostConfig, layout.etcConfig);
  const settings = overlaySettings(parseSettings(ownConfig, release.config), ofHost);
  await refuseBadTimes(settings, layout.etcConfig);
  return {
    settings,
    env: env === undefined ? {} : readEnvFile(env, layout.etcEnv),
    nodeArgs: [...parseNodeArgs(ownArgs), ...parseNodeArgs(hostArgs)],
    etcHash: hashOf(env, hostConfig, hostArgs),
    unknown: unknownSettings(layout.etcConfig, ofHost),
  };
}

/** What is wrong in `etc/` keeps nobody from ending what runs, or from describing it. */
export const settingsOrDefault = (layout: Layout, version: string): Promise<RuntimeSettings> =>
  readHostSettings(layout, version).then(
    ({ settings }) => settings,
    () => DEFAULT_SETTINGS,
  );

/** `etc/env` alone, before anything else is looked at. @throws as readHostSettings */
export async function refuseBadEnv({ etcEnv }: Layout): Promise<void> {
  const bytes = await readPrivately(etcEnv);
  if (bytes !== undefined) readEnvFile(bytes, etcEnv);
}

function hashOf(...texts: (string | Uint8Array | undefined)[]): string {
  const hash = createHash("sha256");
  for (const text of texts) {
    hash.update(text === undefined ? "absent\0" : `${text.length}\0`);
    if (text !== undefined) hash.update(text);
  }
  return hash.digest("hex");
}

/** Whoever reads a FIFO waits for who writes into it. */
async function fileAt(path: string): Promise<Stats | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile()) return found;
  throw new TsugiError("TSUGI_SETTINGS_INVALID", {
    file: path,
    line: "",
    problem: "it is no file",
  });
}

async function readOfHost(path: string): Promise<string | undefined> {
  await fileAt(path);
  return (await readIfThere(path))?.replace(/^\uFEFF/, "");
}

async function readPrivately(path: string): Promise<Uint8Array | undefined> {
  const found = await fileAt(path);
  if (found === undefined) return undefined;
  if ((found.mode & 0o077) !== 0) {
    const mode = (found.mode & 0o777).toString(8);
    throw new TsugiError("TSUGI_ENV_EXPOSED", { file: path, mode });
  }
  return readFile(path);
}

/** One argument a line; blank lines and lines that begin with # are left out. */
function parseNodeArgs(text: string | undefined): string[] {
  return (text ?? "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function parseSettings(text: string | undefined, file: string): PartialSettings {
  if (text === undefined) return {};
  const invalid = (problem: string) =>
    new TsugiError("TSUGI_SETTINGS_INVALID", { file, line: "", problem });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw invalid(`not JSON (${(error as Error).message})`);
  }
  if (!isRecord(json)) throw invalid("expected an object");
  for (const { path, kind } of SETTING_ROWS) {
    const value = valueAt(json, path);
    if (value === undefined || CHECKS[kind](value)) continue;
    throw invalid(`"${path}": expected ${kind}, found ${JSON.stringify(value)}`);
  }
  return json as PartialSettings;
}

/** The build has looked at what is built in. The library is loaded where there is something to read. */
async function refuseBadTimes({ reloadAt }: RuntimeSettings, file: string): Promise<void> {
  if (reloadAt === undefined) return;
  const { cronProblem } = await import("../platform/cron.ts");
  const problem = cronProblem(reloadAt);
  if (problem === undefined) return;
  const details = { file, line: "", problem: `"reloadAt": ${problem}` };
  throw new TsugiError("TSUGI_SETTINGS_INVALID", details);
}

function valueAt(json: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce((value, key) => (isRecord(value) ? value[key] : undefined), json as unknown);
}
