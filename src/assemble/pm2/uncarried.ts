/**
 * What an ecosystem file says and a tsugi.config.ts can't: for each key why, and what to do instead.
 * Keys that need nothing, because a release does so anyway, are in NEEDLESS.
 */
import { cronProblem } from "../../platform/cron.ts";
import type { Pm2App } from "./ecosystem.ts";

/** A setting that was not, or not exactly, taken over. */
export interface Note {
  /** `api: max_memory_restart` */
  what: string;
  why: string;
  /** What to do. */
  todo: string;
}

type Reason = Omit<Note, "what">;

const CONVERTED = new Set([
  ...["name", "script", "cwd", "args", "instances", "node_args", "interpreter_args", "env"],
  ...["interpreter", "exec_interpreter", "port"],
  ...["kill_timeout", "listen_timeout", "max_restarts", "max_memory_restart"],
  ...["restart_delay", "exp_backoff_restart_delay"],
]);

/** A release does it anyway, or does not have the problem. */
const NEEDLESS = new Set([
  ...["exec_mode", "source_map_support", "time", "vizion", "force", "treekill", "wait_ready"],
  ...["namespace", "appendEnvToName", "pid_file", "pid", "min_uptime", "ignore_watch", "version"],
  ...["merge_logs", "combine_logs", "filter_env", "disable_source_map_support", "log_type"],
]);

const LOGS: Reason = {
  why: "a release logs to <root>/log/<app>.log, with time, version and pid, and rotates by size",
  todo: "bin/<app> logs -f; sizes: logs in tsugi.config.ts; to the journal: bin/<app> systemd",
};

const REASONS: Record<string, Reason> = {
  watch: {
    why: "the files of a release don't change",
    todo: "for development: npx tsugi run, and .tsugi/bin/<app> reload",
  },
  cron_restart: {
    why: "it means no time, or its app ends by itself",
    todo: 'reloadAt: "0 4 * * *" in tsugi.config.ts; a cron line for what is to end by itself',
  },
  env_file: {
    why: "a release reads variables of a host from one file, and it is not packed",
    todo: "what it sets goes into <root>/etc/env there, mode 0600, KEY=value a line",
  },
  autorestart: {
    why: "a worker that ends is always started again",
    todo: "run what is to end by itself as a cron line or systemd unit",
  },
  stop_exit_codes: {
    why: "a worker that ends is always started again, whatever its code",
    todo: "run what is to end by itself as a cron line or systemd unit",
  },
  shutdown_with_message: {
    why: "a worker that has drained gets SIGTERM, and no message",
    todo: "listen to SIGTERM, or use hot.dispose",
  },
  instance_var: {
    why: "the number of the worker is always NODE_APP_INSTANCE",
    todo: "read that one",
  },
  increment_var: {
    why: "all workers of a process have the same environment",
    todo: "add NODE_APP_INSTANCE in the code",
  },
  post_update: {
    why: "nothing is installed or compiled on a host",
    todo: "do it in the build script; per host: hooks of the environment",
  },
  error_file: LOGS,
  out_file: LOGS,
  log_file: LOGS,
  error: LOGS,
  output: LOGS,
  log: LOGS,
  log_date_format: LOGS,
  disable_logs: LOGS,
};

/** PM2 reads them by the same library. What only runs by the clock is no process of a release. */
export const timesOf = ({ cron_restart: line, autorestart }: Pm2App): string | undefined =>
  typeof line === "string" && autorestart !== false && cronProblem(line) === undefined
    ? line
    : undefined;

/** Several keys with the same reason (`out_file`, `error_file`) are one note. */
export function uncarriedOf(app: Pm2App, name: string): Note[] {
  const notes = new Map<Reason, string[]>();
  for (const [key, value] of Object.entries(app)) {
    if (CONVERTED.has(key) || NEEDLESS.has(key) || /^env_(?!file$)/.test(key)) continue;
    if (isDefault(key, value)) continue;
    if (key === "cron_restart" && timesOf(app) !== undefined) continue;
    const reason = REASONS[key] ?? UNKNOWN;
    notes.set(reason, [...(notes.get(reason) ?? []), key]);
  }
  return [...notes].map(([reason, keys]) => ({ what: `${name}: ${keys.join(", ")}`, ...reason }));
}

const UNKNOWN: Reason = {
  why: "tsugi does not know it",
  todo: "npx tsugi help config has what there is",
};

function isDefault(key: string, value: unknown): boolean {
  if (key === "autorestart") return value !== false;
  if (key === "instance_var") return value === "NODE_APP_INSTANCE";
  return value === false || value === undefined || value === null || value === "";
}
