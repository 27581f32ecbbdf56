/**
 * An ecosystem file as configurations of tsugi, one for each folder that has a package.json of its
 * own, and what is to be said about it.
 */
import { availableParallelism } from "node:os";
import { basename } from "node:path";
import type { Config } from "../../config/schema.ts";
import { bytesOf, defined, filled, isSize } from "../../contract/checks.ts";
import { nodeArgsOf } from "./command.ts";
import type { Ecosystem, Pm2App } from "./ecosystem.ts";
import { environmentNotes, environmentsOf, ownVariables } from "./environments.ts";
import { findStart, type Pm2Start } from "./start.ts";
import { startNotes } from "./startNotes.ts";
import { type Note, timesOf, uncarriedOf } from "./uncarried.ts";

export interface Converted {
  releases: { folder: string; config: Config }[];
  notes: Note[];
  /** Apps that can be no release, each with why not. */
  left: Note[];
}

/** An app that can be a process of a release. */
interface Process {
  /** Of the process. */
  name: string;
  app: Pm2App;
  start: Pm2Start;
}

/** `base`: where the ecosystem file is read. */
export function convertEcosystem(base: string, { apps, deploy }: Ecosystem): Converted {
  const names = namesOf(apps);
  const groups = new Map<string, Process[]>();
  const left: Note[] = [];
  for (const app of apps) {
    const name = names.get(app)!;
    const start = findStart(base, app);
    if ("why" in start) left.push({ what: name, ...start });
    else groups.set(start.folder, [...(groups.get(start.folder) ?? []), { name, app, start }]);
  }
  const isOne = groups.size === 1;
  const releases = [...groups].map(([folder, processes]) => ({
    folder,
    config: configOf(processes, deploy, isOne),
  }));
  const notes = [...groups.values()].flatMap((processes) => notesOf(processes, deploy));
  return { releases, notes: unique(notes), left };
}

const unique = (notes: Note[]): Note[] => [
  ...new Map(notes.map((note) => [JSON.stringify(note), note])).values(),
];

function configOf(processes: Process[], deploy: Ecosystem["deploy"], isOne: boolean): Config {
  const [{ app, start }] = processes as [Process];
  const apps = processes.map((one) => one.app);
  const isAlone = processes.length === 1;
  const said = plainName(String(app.name ?? ""));
  const isNamed = said !== "" && (isAlone || start.project.packageJson.name === undefined);
  const name = isNamed ? said : undefined;
  const described = processes.map((one) => [one.name, processOf(one, apps, deploy)] as const);
  const [[, first]] = described as [(typeof described)[number]];
  const isPlain = isAlone && Object.keys(first).every((key) => key === "entry");
  return filled({
    name,
    ...(isPlain ? { entry: first.entry } : { processes: Object.fromEntries(described) }),
    nodeArgs: allNodeArgs(processes),
    timeouts: defined({
      stopMs: largest(apps, "kill_timeout"),
      readyMs: largest(apps, "listen_timeout"),
    }),
    restarts: restartsOf(apps),
    maxMemory: maxMemoryOf(apps),
    reloadAt: apps.map(timesOf).find((line) => line !== undefined),
    environments: environmentsOf(apps, deploy, isOne ? undefined : name),
  });
}

function processOf(
  { app, start: { entry, args, env } }: Process,
  apps: Pm2App[],
  deploy: Ecosystem["deploy"],
): NonNullable<Config["processes"]>[string] {
  const workers = workersOf(app);
  const variables = { ...env, ...ownVariables(app, apps, deploy) };
  return filled({ entry, args, env: variables, workers: workers === 1 ? undefined : workers });
}

function notesOf(processes: Process[], deploy: Ecosystem["deploy"]): Note[] {
  const apps = processes.map(({ app }) => app);
  return [
    ...environmentNotes(apps, deploy),
    ...processes.flatMap(({ name, app, start }) => [
      ...startNotes(name, start),
      ...instancesNotes(name, app),
    ]),
    ...sharedNotes(apps),
    ...processes.flatMap(({ name, app }) => uncarriedOf(app, name)),
  ];
}

const plainName = (name: string) => name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[.-]+/, "");

/** Each has one of its own. */
function namesOf(apps: Pm2App[]): Map<Pm2App, string> {
  const names = new Map<Pm2App, string>();
  for (const app of apps) {
    const name = processName(app);
    const taken = new Set(names.values());
    let free = name;
    for (let count = 2; taken.has(free); count++) free = `${name}-${count}`;
    names.set(app, free);
  }
  return names;
}

const processName = ({ name, script = "main" }: Pm2App): string =>
  String(name ?? basename(String(script)).replace(/\.\w+$/, ""))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "") || "main";

function workersOf({ instances = 1 }: Pm2App): number | "max" {
  if (instances === "max") return "max";
  const number = Number(instances);
  return number <= 0 ? "max" : Math.floor(number) || 1;
}

function instancesNotes(name: string, app: Pm2App): Note[] {
  if (!(Number(app.instances) < 0)) return [];
  return [
    {
      what: `${name}: instances ${app.instances}`,
      why: 'a number of workers is fixed, or "max": one a CPU',
      todo: `it is "max" now; here ${availableParallelism()} CPUs: write the number that you want`,
    },
  ];
}

/** Of Node: those of another program are no release's. */
const ownNodeArgs = (app: Pm2App): string[] =>
  /bun$/.test(String(app.interpreter ?? "")) ? [] : nodeArgsOf(app);

/** All processes of a release have the same arguments of Node. */
const allNodeArgs = (processes: Process[]): string[] => [
  ...new Set(processes.flatMap(({ start }) => start.nodeArgs)),
];

/** Of `"300M"`, `"1G"` and bytes the largest, as it is written. */
function maxMemoryOf(apps: Pm2App[]): string | undefined {
  const written = apps.flatMap(({ max_memory_restart: limit }) => {
    const text = String(limit ?? "");
    const size = /^\d+$/.test(text) ? `${Math.ceil(Number(text) / 1024)}K` : text;
    return isSize(size) && bytesOf(size) > 0 ? [size] : [];
  });
  return written.sort((a, b) => bytesOf(b) - bytesOf(a))[0];
}

function restartsOf(apps: Pm2App[]): NonNullable<Config["restarts"]> {
  const max = largest(apps, "max_restarts");
  const delays = ["restart_delay", "exp_backoff_restart_delay"].map(
    (key) => largest(apps, key) ?? 0,
  );
  const delayMs = Math.max(...delays);
  return { ...defined({ max }), ...(delayMs === 0 ? {} : { delayMs }) };
}

/** PM2 takes milliseconds, also as text (`"3000"`, `"3s"`). */
function largest(apps: Pm2App[], key: string): number | undefined {
  const values = apps.map((app) => {
    const match = /^(\d+)\s*(s|m|h)?$/.exec(String(app[key] ?? ""));
    return match ? Number(match[1]) * { "": 1, s: 1e3, m: 6e4, h: 36e5 }[match[2] ?? ""]! : NaN;
  });
  const known = values.filter((value) => Number.isFinite(value) && value > 0);
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
    ["restart_delay", (app: Pm2App) => app.restart_delay],
    ["cron_restart", timesOf],
  ] as const;
  const keys = shared.filter(([, of]) => differs(of)).map(([key]) => key);
  if (keys.length === 0) return [];
  return [
    {
      what: `all apps: ${keys.join(", ")}`,
      why: "the processes of a release share them; the largest, the first times and all arguments were taken",
      todo: "apps that need their own are better two releases, each with its tsugi.config.ts",
    },
  ];
}
