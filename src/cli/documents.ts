/**
 * What `tsugi <verb> --json` prints where no other room has a type for it: contract/commands/tool.ts
 * names the document of each verb, docs/reference/documents.md shows them.
 */
import type { Config } from "../config/index.ts";
import type { ErrorJson } from "../contract/errors.ts";
import type { Action, DeployEvent, DeployResult, HostStatus, Lock } from "../deploy/index.ts";
import type { Verified } from "../pack/inspect.ts";
import type { PublicKey } from "../pack/keys.ts";
import type { Glance } from "../protocol/documents.ts";
import type { Strategy } from "../protocol/report.ts";
import type { StoredFacts } from "../store/index.ts";
import type { Pushed } from "../store/push.ts";
import type { RunResult } from "../transport/index.ts";
import type { ViewFacts } from "../view/facts.ts";

export interface Initialised {
  file: string;
  /** As it was written. */
  config: Config;
  /** Of an ecosystem file with apps in several projects: each has its own. */
  further: { file: string; config: Config }[];
  /** What could not be said in them, and what to do. */
  notes: { what: string; why: string; todo: string }[];
  /** Apps of it that can be no release. */
  left: { what: string; why: string; todo: string }[];
}

export interface DeltaMade {
  file: string;
  name: string;
  version: string;
  bytes: number;
  bases: { version: string; releaseId: string }[];
}

export interface KeysShown {
  keys: PublicKey[];
}

/** Of a command, or without a topic of all. */
export interface HelpText {
  topic: string | null;
  text: string;
}

export interface Signed extends Verified {
  /** Whose signature this one has taken the place of. */
  replacedSigner?: string;
}

export interface PushedTo extends Pushed {
  store: string;
}

/** The newest push first. */
export type Listed = StoredFacts[];

export interface StorePruned {
  /** `wall@1.2.0` */
  removed: string[];
  kept: number;
  /** Null: not known, as of a dry run or in a registry. */
  freedBytes: number | null;
  dryRun: boolean;
}

export interface FleetStatus {
  environment: string;
  hosts: HostStatus[];
}

/** `status --watch --json`: one a line, each second one of each host. */
export type HostGlance = { host: string } & (Glance | { error: ErrorJson });

/** What the page shows. */
export interface Viewed extends ViewFacts {
  file: string;
}

export interface Executed {
  environment: string;
  hosts: ({ host: string } & RunResult)[];
  failures: { host: string; error: ErrorJson }[];
}

export interface Locked {
  environment: string;
  reason: string;
}

export interface Unlocked {
  environment: string;
  /** Null where there was no lock, or it could not be read. */
  hosts: { host: string; removed: boolean; lock: Lock | null }[];
  failures: { host: string; error: ErrorJson }[];
}

/** A row of the table of errors, its placeholders in braces. */
export interface Explained {
  code: string;
  exitCode: number;
  message: string;
  hint: string;
}

/** One line of `tsugi deploy --json` and of a rollback's; the last one is the result, or an error. */
export type DeployLine = { at: string } & DeployLineBody;

export type DeployLineBody =
  /** But for its plan, which is the one below. */
  | Exclude<DeployEvent, { event: "plan" }>
  | PlanLine
  | ({ event: "result" } & DeployResult)
  | { event: "error"; error: ErrorJson };

export interface PlanLine {
  event: "plan";
  hosts: {
    host: string;
    action: Action;
    from: string | null;
    isRunning: boolean;
    send: boolean;
    unpack: boolean;
    /** Null where nothing is upgraded. */
    strategy: Strategy | null;
    reasons: string[];
  }[];
  refusals: { host: string; error: ErrorJson }[];
  /** Names of hosts: those of a wave are changed at the same time. */
  waves: string[][];
}
