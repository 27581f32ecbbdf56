/** What an upgrade reports and what `status` shows. Shared by both kinds of release. */
import type { ErrorJson } from "../contract/errors.ts";

export const REPORT_FORMAT = 1;

export type Strategy = "none" | "swap" | "handoff" | "replace" | "restart";

/** `checked`: a `check` went well; it is never written to `upgrades.jsonl`. */
export type UpgradeResult = "committed" | "refused" | "thawed" | "handed-back" | "checked";

export interface StateReport {
  name: string;
  /** Of Node, where several workers have states: whose it is, as "web.0". */
  worker?: string;
  /** A number; of an Erlang module its -vsn, which may be a text. null: there is none. */
  from: number | string | null;
  to: number | string | null;
  bytes: number;
  /** Null where nobody measured it: OTP's own release handler did it, one module after the other. */
  migrateMs: number | null;
  /** true, false, or why it was skipped. */
  rehearsed: boolean | string;
  /** Of an Erlang module: how many processes hold it, where it is more than one. */
  processes?: number;
  /** How many of them were children that the new version has no more. */
  dropped?: number;
}

export interface StepReport {
  name: string;
  ms: number;
  /** The last one, where the upgrade ended. */
  failed?: true;
  /** Of an appup: ISO time of its start, the command or function, and null where a signal ended it. */
  at?: string;
  run?: string;
  exitCode?: number | null;
}

export interface UpgradeReport {
  format: typeof REPORT_FORMAT;
  from: string;
  to: string;
  strategy: Strategy;
  reasons: string[];
  /** ISO time of the start. */
  at: string;
  steps: StepReport[];
  /** From the freeze to the activation or the thaw; 0 where nothing was frozen. Of a restart: the gap. Of a hand-back: until the old one takes requests again, if that was longer. */
  pauseMs: number;
  /** Per carried connection: from its last read by the old to its first by the new generation. */
  quietMs: { p50: number; p99: number; max: number };
  /**
   * Requests that the pause held back on open connections, a pipeline once (those of connections that
   * were opened meanwhile are not counted), and requests under way at its begin.
   */
  requests: {
    waited: number;
    underWay: number;
    /** Of a BEAM node: processes that were still at work when the time to wait was up. */
    notHeld?: number;
    /** Of a BEAM node whose telemetry says so: answers of 500 and above, and crashes, from the pause to the verdict. */
    failed?: number;
  };
  /** `closed`: WebSockets of servers that are not registered; they are among the drained. */
  connections: {
    carried: number;
    drained: number;
    lost: number;
    closed?: number;
    /** Of the drained, those that were carried to the new version, which has closed them. */
    refused?: { count: number; why: string }[];
    /** Of the lost, those that were ended in the middle of an answer: method, path, bytes so far. */
    cut?: string[];
  };
  /** How long workers of both versions ran: from the activation to the end of the last old one. */
  overlapMs?: number;
  states: StateReport[];
  /** Pages of Phoenix LiveView that were open. */
  pages?: { open: number; rendered: number; remounted: number };
  /** It was told while the old generation still answered something: for so long at most. */
  retiring?: { drainMs: number };
  /** What the old version listened on and the new one does not: ports, paths of Unix sockets. Not of a replace. */
  closedListeners?: string[];
  /** What of the old generation still runs, by kind and name. Empty on success. */
  leftovers: string[];
  /** What had to be ended with the old generation: child processes, workers by SIGKILL. */
  ended?: string[];
  result: UpgradeResult;
  /** Set where state was taken as of an earlier moment (a hand-back without `downgrade`). */
  stateAsOf?: string;
  error?: ErrorJson;
}

export interface SlotStatus {
  pid: number;
  generation: number;
  node: string;
  restarts: number;
  rssBytes: number;
  healthy: boolean;
  /** Of Node: the version that the process itself says that it is of. */
  version?: string;
  /** Of Node: why it runs and is not healthy. */
  problem?: string;
  /** Processor time that it has taken so far. */
  cpuMs?: number;
  /** Of Node, where it was asked for: open at its servers. */
  connections?: number;
  /** Of Node, where it was asked for, from the second time on. */
  eventLoop?: EventLoopDelay;
  /** Of Node, where it was asked for and a health check of the application tells: answered so far. */
  requests?: number;
  /** Of the BEAM, where it was asked for: how many processes live in the VM. */
  vmProcesses?: number;
  /** Of Node: how it has last crashed, since this version serves. */
  crash?: SlotCrash;
}

/** How late it came to what was due, since the last time that somebody asked. */
export interface EventLoopDelay {
  p50Ms: number;
  p99Ms: number;
}

export interface SlotCrash {
  at: string;
  /** How the process ended. */
  why: string;
  /** What it printed last, from the error on. */
  lastWords: string[];
  /** More often than `restarts` bears, and it has not run for that long since. */
  keepsCrashing: boolean;
  /** Not running now: it is started again then. */
  nextAt?: string;
}

/** What the workers of a process say of themselves: with it `plan` is what an upgrade does. */
export interface ProcessFacts {
  states: { name: string; version: number }[];
  usesHot: boolean;
  /** It has `hot.freeze` hooks. */
  freezes: boolean;
  /** It has registered servers, whose connections are carried. */
  carries?: boolean;
  /** Open WebSockets of servers that are not registered, when it was last asked. */
  unregistered?: number;
  /** UDP sockets that wait for datagrams and end with the process, when it was last asked. */
  unshared?: number;
  /** How long an upgrade gives those. */
  webSocketDrainMs?: number;
}

export interface Retiring {
  version: string;
  since: string;
}

/** `until`: what is under way is cut short then; absent while the stop waits for an upgrade. */
export interface Stopping {
  since: string;
  until?: string;
}

export interface Status {
  name: string;
  version: string;
  releaseId: string;
  status: string;
  since: string;
  processes: { name: string; slots: SlotStatus[]; declares?: ProcessFacts }[];
  /** `etc/` differs from what the running generation was started with: `reload` applies it. */
  etcChanged: boolean;
  /** The step of the upgrade under way, or null. */
  upgrade: { to: string; step: string } | null;
  /** The version before, where it still answers something: it takes nothing new. */
  retiring?: Retiring;
  /** It was told to stop, and answers what is under way. Of Node. */
  stopping?: Stopping;
  leftovers: string[];
  /** Generations that were swapped out and whose memory has not been collected yet. */
  pending?: string[];
  /** The Node that the supervisor runs on: it may be an older one than its workers'. */
  supervisorNode?: string;
  /** What of the running processes speaks against a swap of an app that accepts one. */
  refusesSwap?: string;
  /** Log lines lost since start to a full disk or a slow reader. */
  logDropped: number;
  /** Why the log can't be written, or not rotated, at this moment. */
  logProblem?: string;
}
