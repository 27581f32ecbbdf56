/**
 * What an application says about getting from one of its versions to another (OTP: appup), as its
 * manifest has it. The higher of two versions says it for both directions: the lower one was written
 * before it.
 */

export type AppupMoment = "before" | "after";
export type AppupDirection = "upgrade" | "downgrade";

/** One command or function. */
export interface AppupStep {
  /** As the configuration has it; what people read. */
  label: string;
  /**
   * `./…` is a file of the release. Absent: a function, the one in the same place of the same list
   * of `appup.mjs` (APPUP_MODULE), the compiled configuration.
   */
  command?: string[];
  on: AppupDirection | "both";
  timeoutMs: number;
}

/** Ranges of semantic versions; an absent one is any. */
export interface AppupRule {
  from?: string | undefined;
  to?: string | undefined;
  reason: string;
}

export interface ForceRule extends AppupRule {
  use: "handoff" | "restart";
}

export interface Appup {
  before: AppupStep[];
  after: AppupStep[];
  force: ForceRule[];
  forbid: AppupRule[];
}

/** In the application's folder: the functions of its appup, and nothing else of its configuration. */
export const APPUP_MODULE = "appup.mjs";

export const APPUP_TIMEOUT_MS = 600_000;
