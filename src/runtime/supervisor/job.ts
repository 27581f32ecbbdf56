/** What an upgrade is given to do, and what its steps share. */
import type { ReleaseHandler } from "../../handler/index.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { Plan } from "../../relup/instructions.ts";
import type { Generation } from "./generation.ts";
import type { MoveTally } from "./moveConnections.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Leftover, Takeover } from "./takeover.ts";
import type { Unsteady } from "./unsteady.ts";

export interface UpgradeJob {
  supervisor: Supervisor;
  handler: ReleaseHandler;
  plan: Plan;
  next: Generation;
  rehearse: "auto" | "full" | "skip";
  /** `check`: only what leaves nothing behind, and before the old one would notice. */
  checkOnly: boolean;
  /** What runs now is not to be gone back to by itself. */
  rollback: boolean;
  /** A step begins or ends: what a terminal shows. */
  onStep: (name: string, state: "begin" | "end", ms?: number, text?: string) => void;
  /** Nothing is left but the end of the old version, which may take long. */
  onRetiring: (soFar: () => UpgradeReport) => void;
  /** `install`: called once the new generation has passed probation; decides whether to commit. */
  confirm: () => Promise<"commit" | "handBack">;
  /** The supervisor is to end: what an appup runs is ended, and counts as failed. */
  stop: AbortSignal;
}

/** One upgrade that is under way. */
export interface UpgradeState {
  readonly job: UpgradeJob;
  readonly old: Generation;
  readonly next: Generation;
  readonly unsteady: Unsteady;
  readonly report: UpgradeReport;
  readonly tally: MoveTally;
  readonly takeover: Takeover;
  readonly leftovers: Leftover[];
  /** Since the old generation takes no request. */
  pausedMs: () => number;
  frozenAt: string | undefined;
  /** Processes that must not run twice have ended: what is loaded from here on begins at once. */
  stoppedMs: (() => number) | undefined;
  /** Since both generations run. */
  overlapMs: (() => number) | undefined;
}
