/**
 * What `bin/<app> <verb> --json` prints, of both kinds of host: contract/commands/host.ts names the
 * document of each verb, docs/reference/documents.md shows them, test/contract/binApp holds them.
 */
import type { ErrorJson } from "../contract/errors.ts";
import type { Status, UpgradeReport } from "./report.ts";

/** Of any command that fails, `tsugi`'s too: the document is this one. */
export interface Failed {
  error: ErrorJson;
}

export interface Started {
  name: string;
  version: string;
  pid: number;
  ms: number;
}

export interface Stopped {
  name: string;
  version: string;
  pid: number;
  /** State in memory that went with it. */
  states: string[];
  /** It did not end in time. */
  killed: boolean;
  /** Of Node: log lines since the start that went nowhere. */
  logDropped?: number;
  /** Of Node: answers that were under way still when the time to stop was over. */
  cut?: string[];
  /** Of Node: what was ended besides the workers, and what could not be. */
  ended?: string[];
  running?: string[];
  ms: number;
}

export interface Pong {
  answer: "pong";
}

export interface Pid {
  pid: number;
}

/** `status` where nothing runs: with exit code 3. */
export interface NotRunning {
  name: string;
  /** What a start would boot; null before the first. */
  version: string | null;
  status: "stopped";
  /** Where it did not end by a `stop`: until the next start. Of Node. */
  lastEnd?: LastEnd;
  error: ErrorJson;
}

/** `status --watch --json`: one a line, each second. */
export interface Glance {
  at: string;
  /** As `status` has it, and how busy the workers are; an error while nobody answers. */
  status: Status | NotRunning | Failed;
  lastUpgrade: UpgradeReport | null;
}

/** How a supervisor has ended by itself, or why it did not come up. */
export interface LastEnd {
  /** Null where it was killed: nobody has written it down. */
  at: string | null;
  version: string;
  code: string;
  message: string;
  /** Of the worker that it ended for. */
  lastWords: string[];
}

/** `doctor`: with exit code 4 where something is wrong. */
export interface Diagnosis {
  name: string;
  root: string;
  /** All that was looked at, in this order. */
  checks: CheckResult[];
  /** Where something is wrong. */
  error?: ErrorJson;
  ms: number;
}

export interface CheckResult {
  check: string;
  /** What was seen, in a few words. */
  note: string;
  findings: Finding[];
}

export interface Finding {
  problem: string;
  /** What to type, or to do. */
  remedy: string;
}

/** What `notify` is told, by POST or on stdin. */
export interface Notice {
  format: 1;
  event: NoticeEvent;
  at: string;
  /** Of the machine. */
  host: string;
  root: string;
  name: string;
  version: string;
  /** One sentence for whoever is woken. */
  text: string;
  /** `jobs.0`: the worker that it is about. */
  worker?: string;
  /** Of the error, where there is one. */
  code?: string;
  /** What the worker printed last. */
  lastWords?: string[];
}

/** `gave-up`: nothing runs any more. */
export type NoticeEvent = "crash-loop" | "gave-up" | "handed-back" | "disk-full";

/** Of an install root: what `status` says there, in a row. */
export interface AppRow {
  name: string;
  root: string;
  /** What a start would boot, where it does not run; null before the first. */
  version: string | null;
  /** As `status` has it, or `unknown`. */
  status: string;
  since: string | null;
  /** Of the supervisor, or of the VM. */
  pid: number | null;
  /** All workers; null where nothing runs. */
  healthy: boolean | null;
  restarts: number;
  workers: number;
  rssBytes: number;
  /** Of one processor, over a quarter of a second. */
  cpuPercent: number | null;
  /** Why nothing is known of it. */
  problem?: string;
}

export interface Neighbours {
  apps: AppRow[];
}

export interface Evaluated {
  /** As the console would show it. */
  value: string;
  /** Of the whole, where that was too long (Node). */
  totalBytes?: number;
}

export interface Installed {
  version: string;
  status: "current";
}

export interface Committed extends UpgradeReport {
  version: string;
}

export interface Removed {
  removed: string[];
}

export interface Pruned extends Removed {
  keep: number;
}

export interface SystemdUnit {
  path: string;
  unit: string;
}

export interface HostVersion {
  name: string;
  /** Null before the first start. */
  version: string | null;
  tsugi: string;
  /** One of the two. */
  node?: string;
  otp?: string;
}
