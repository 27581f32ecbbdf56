/** An ecosystem file as a configuration of tsugi, and what is to be said about it. Pure. */
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import type { Config } from "../../config/schema.ts";
import { splitWords } from "../startScript.ts";
import type { Ecosystem, Pm2App } from "./ecosystem.ts";
import { environmentNotes, environmentsOf } from "./environments.ts";
import { type Note, uncarriedOf } from "./uncarried.ts";

export interface Converted {
  config: Config;
  notes: Note[];
}

export function convertEcosystem({ apps, deploy }: Ecosystem): Converted {
  const [first] = apps as [Pm2App];
  const config: Config = {};
  const isOne = apps.length === 1 && workersOf(first) === 1;
  if (apps.length === 1 && first.name !== undefined) config.name = plainName(first.name);
  if (isOne) config.entry = entryOf(first);
  else {
    config.processes = Object.fromEntries(
      apps.map((app) => [processName(app), { entry: entryOf(app), workers: workersOf(app) }]),
    );
  }
  const nodeArgs = nodeArgsOf(apps);
  if (nodeArgs.length > 0) config.nodeArgs = nodeArgs;
  const timeouts = timeoutsOf(apps);
  if (Object.keys(timeouts).length > 0) config.timeouts = timeouts;
  const restarts = largest(apps, "max_restarts");
  if (restarts !== undefined) config.restarts = { max: restarts };
  const environments = environmentsOf(apps, deploy);
  if (Object.keys(environments).length > 0) config.environments = environments;
  return { config, notes: notesOf({ apps, deploy }) };
}

function notesOf({ apps, deploy }: Ecosystem): Note[] {
  return [
    ...environmentNotes(apps, deploy, processName),
    ...apps.flatMap((app) => [...instancesNotes(app), ...memoryNotes(app)]),
    ...sharedNotes(apps),
    ...apps.flatMap((app) => uncarriedOf(app, processName(app))),
  ];
}

const entryOf = ({ script = "index.js", cwd = "." }: Pm2App): string =>
  cwd.startsWith("/") ? script.replace(/^\.\//, "") : join(cwd, script);

const plainName = (name: string) => name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "");

const processName = ({ name, script = "main" }: Pm2App): string =>
  (name ?? basename(script).replace(/\.\w+$/, ""))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+/, "") || "main";

function workersOf({ instances = 1 }: Pm2App): number | "max" {
  if (instances === "max") return "max";
  const number = Number(instances);
  return number <= 0 ? "max" : Math.floor(number) || 1;
}

function instancesNotes(app: Pm2App): Note[] {
  if (!(Number(app.instances) < 0)) return [];
  return [
    {
      what: `${processName(app)}: instances ${app.instances}`,
      why: 'a number of workers is fixed, or "max": one a CPU',
      todo: `it is "max" now; here ${availableParallelism()} CPUs: write the number that you want`,
    },
  ];
}

const ownNodeArgs = (app: Pm2App): string[] =>
  [app.node_args ?? app.interpreter_args ?? []].flat().flatMap(splitWords);

/** All processes of a release have the same arguments of Node. */
function nodeArgsOf(apps: Pm2App[]): string[] {
  const args = [...new Set(apps.flatMap(ownNodeArgs))];
  const limits = apps.map(memoryMegabytes).filter((limit) => limit !== undefined);
  if (limits.length === 0 || args.some(isHeapLimit)) return args;
  return [...args, `--max-old-space-size=${Math.max(...limits)}`];
}

const isHeapLimit = (arg: string) => /^--max[-_]old[-_]space[-_]size/.test(arg);

/** `"300M"`, `"1G"`, bytes as a number. */
function memoryMegabytes({ max_memory_restart: limit }: Pm2App): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]?)B?$/i.exec(String(limit ?? ""));
  if (!match) return undefined;
  const unit = { "": 1 / 1048576, K: 1 / 1024, M: 1, G: 1024 }[match[2]!.toUpperCase()]!;
  return Math.max(1, Math.round(Number(match[1]) * unit));
}

function memoryNotes(app: Pm2App): Note[] {
  if (app.max_memory_restart === undefined) return [];
  const kept = ownNodeArgs(app).find(isHeapLimit);
  return [
    {
      what: `${processName(app)}: max_memory_restart`,
      why: `nothing looks at the memory from outside; ${kept ?? "--max-old-space-size"} has V8 end the worker at a heap of that size, and it is started again`,
      todo: "for all of its memory: MemoryMax= in the systemd unit, with room for two versions",
    },
  ];
}

function timeoutsOf(apps: Pm2App[]): NonNullable<Config["timeouts"]> {
  const stopMs = largest(apps, "kill_timeout");
  const readyMs = largest(apps, "listen_timeout");
  return {
    ...(stopMs === undefined ? {} : { stopMs }),
    ...(readyMs === undefined ? {} : { readyMs }),
  };
}

/** PM2 takes milliseconds, also as text (`"3000"`, `"3s"`). */
function largest(apps: Pm2App[], key: string): number | undefined {
  const values = apps.map((app) => {
    const match = /^(\d+)\s*(s|m|h)?$/.exec(String(app[key] ?? ""));
    return match ? Number(match[1]) * { "": 1, s: 1e3, m: 6e4, h: 36e5 }[match[2] ?? ""]! : NaN;
  });
  const known = values.filter(Number.isFinite);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** One release is one supervisor: what PM2 has for each app, its apps now share. */
function sharedNotes(apps: Pm2App[]): Note[] {
  const differs = (of: (app: Pm2App) => unknown) =>
    new Set(apps.map((app) => JSON.stringify(of(app)))).size > 1;
  const shared = [
    ["node_args", ownNodeArgs],
    ["max_memory_restart", (app: Pm2App) => app.max_memory_restart],
    ["kill_timeout", (app: Pm2App) => app.kill_timeout],
    ["listen_timeout", (app: Pm2App) => app.listen_timeout],
    ["max_restarts", (app: Pm2App) => app.max_restarts],
  ] as const;
  const keys = shared.filter(([, of]) => differs(of)).map(([key]) => key);
  if (keys.length === 0) return [];
  return [
    {
      what: `all apps: ${keys.join(", ")}`,
      why: "the processes of a release share them; the largest, and all arguments, were taken",
      todo: "apps that need their own are better two releases, each with its tsugi.config.ts",
    },
  ];
}
