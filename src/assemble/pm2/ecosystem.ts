/** PM2's ecosystem file: found in every form that PM2 reads, loaded, and brought into one shape. */
import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { runInNewContext } from "node:vm";
import { evaluateFile } from "../../config/load.ts";
import { isRecord } from "../../contract/checks.ts";
import { messageOf, TsugiError } from "../../contract/errors.ts";

/** What PM2 knows of an app; the keys that tsugi has something to say to. */
export interface Pm2App extends Record<string, unknown> {
  name?: string;
  script?: string;
  cwd?: string;
  args?: string | string[];
  interpreter?: string;
  instances?: number | string;
  node_args?: string | string[];
  interpreter_args?: string | string[];
  env?: Record<string, unknown>;
  kill_timeout?: number | string;
  listen_timeout?: number | string;
  max_restarts?: number;
  max_memory_restart?: number | string;
}

export interface Pm2Target extends Record<string, unknown> {
  host?: string | string[];
  user?: string;
  path?: string;
  env?: Record<string, unknown>;
}

export interface Ecosystem {
  apps: Pm2App[];
  deploy: Record<string, Pm2Target>;
}

/** @throws TSUGI_CONFIG_UNREADABLE */
export async function readEcosystem(file: string): Promise<Ecosystem> {
  const unreadable = (problem: string, cause?: unknown) =>
    new TsugiError("TSUGI_CONFIG_UNREADABLE", { file, problem }, { cause });
  const loaded = await load(file).catch((cause: unknown) => {
    throw unreadable(messageOf(cause), cause);
  });
  const { apps, deploy } = shapeOf(loaded);
  if (apps.length === 0) throw unreadable("it names no apps");
  if (!apps.every(isRecord)) throw unreadable("an app in it is no object");
  return { apps, deploy };
}

async function load(file: string): Promise<unknown> {
  if (/\.ya?ml$/.test(file)) {
    const { parse } = await import("yaml");
    return parse(await readFile(file, "utf8"));
  }
  // PM2 evaluates it, so that it may have comments and hanging commas.
  if (file.endsWith(".json")) return runInNewContext(`(${await readFile(file, "utf8")}\n)`);
  if (/\.[cm]?ts$/.test(file)) return evaluateFile(dirname(file), file);
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  return module.default ?? module;
}

/** `{ apps: […] }`, `{ apps: {…} }`, `[…]`, or one app by itself. */
function shapeOf(loaded: unknown): Ecosystem {
  if (Array.isArray(loaded)) return { apps: loaded, deploy: {} };
  if (!isRecord(loaded)) return { apps: [], deploy: {} };
  const { apps = loaded.pm2, deploy } = loaded;
  const list = apps === undefined && "script" in loaded ? loaded : apps;
  return {
    apps: (list === undefined ? [] : [list].flat()) as Pm2App[],
    deploy: isRecord(deploy) ? (deploy as Ecosystem["deploy"]) : {},
  };
}
