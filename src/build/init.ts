/** What `tsugi init` writes: the guesses of a release as a configuration to keep and change. */
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { messageOf, TsugiError } from "../errors.ts";
import { guessEntry, guessMode } from "./entry.ts";
import { readProject } from "./project.ts";
import { splitWords } from "./startScript.ts";

export interface InitialConfig {
  config: Config;
  notes: string[];
}

/** `from`: a PM2 ecosystem file. */
export async function guessConfig(
  folder: string,
  from: string | undefined,
): Promise<InitialConfig> {
  const project = readProject(folder);
  if (from !== undefined) return fromEcosystem(resolve(folder, from));
  const { candidates, nodeArgs } = guessEntry(project);
  const entry = candidates[0]!;
  const config: Config = { entry, build: guessMode(project, entry) };
  if (nodeArgs.length > 0) config.nodeArgs = nodeArgs;
  return { config, notes: [] };
}

interface Pm2App {
  name?: string;
  script?: string;
  instances?: number | "max" | string;
  node_args?: string | string[];
  interpreter_args?: string | string[];
  env?: Record<string, unknown>;
  env_production?: Record<string, unknown>;
  kill_timeout?: number;
  max_restarts?: number;
  max_memory_restart?: unknown;
  watch?: unknown;
}

/** @throws TSUGI_CONFIG_UNREADABLE */
async function fromEcosystem(file: string): Promise<InitialConfig> {
  let apps: Pm2App[];
  try {
    const loaded = createRequire(join(file, ".."))(file) as { apps?: Pm2App[] } | Pm2App[];
    apps = Array.isArray(loaded) ? loaded : (loaded.apps ?? []);
  } catch (cause) {
    throw new TsugiError("TSUGI_CONFIG_UNREADABLE", { file, problem: messageOf(cause) }, { cause });
  }
  if (apps.length === 0) {
    throw new TsugiError("TSUGI_CONFIG_UNREADABLE", { file, problem: "it names no apps" });
  }
  return { config: configOf(apps), notes: apps.flatMap(notesOf) };
}

function configOf(apps: Pm2App[]): Config {
  const config: Config = {};
  const [first] = apps;
  if (apps.length === 1 && workersOf(first!) === 1) config.entry = scriptOf(first!);
  else {
    config.processes = Object.fromEntries(
      apps.map((app) => [processName(app), { entry: scriptOf(app), workers: workersOf(app) }]),
    );
  }
  if (first?.name !== undefined && apps.length === 1) config.name = first.name;
  const nodeArgs = [first?.node_args ?? first?.interpreter_args ?? []].flat().flatMap(splitWords);
  if (nodeArgs.length > 0) config.nodeArgs = nodeArgs;
  if (first?.kill_timeout !== undefined) config.timeouts = { stopMs: first.kill_timeout };
  return config;
}

const scriptOf = ({ script = "index.js" }: Pm2App) => script.replace(/^\.\//, "");

const processName = ({ name, script = "main" }: Pm2App) =>
  (name ?? basename(script).replace(/\.\w+$/, "")).toLowerCase().replace(/[^a-z0-9-]/g, "-");

function workersOf({ instances = 1 }: Pm2App): number | "max" {
  if (instances === "max" || Number(instances) <= 0) return "max";
  return Number(instances) || 1;
}

function notesOf(app: Pm2App): string[] {
  const variables = Object.keys({ ...app.env, ...app.env_production });
  const notes: string[] = [];
  if (variables.length > 0) {
    notes.push(`${processName(app)}: ${variables.join(", ")} go into <root>/etc/env on the host.`);
  }
  if (app.max_memory_restart !== undefined) {
    notes.push(`${processName(app)}: max_memory_restart has no counterpart.`);
  }
  if (app.watch)
    notes.push(`${processName(app)}: watch is for development; a release never reloads by itself.`);
  return notes;
}

export function renderConfig(config: Config): string {
  const body = JSON.stringify(config, null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, "$1$2:");
  return `import { defineConfig } from "tsugi";

// Every key is optional: npx tsugi help config
export default defineConfig(${body});
`;
}
