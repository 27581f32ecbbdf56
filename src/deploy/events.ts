/** What is told while hosts are worked on: a terminal draws it, a pipe and `--json` get it line by line. */
import type { ErrorJson } from "../contract/errors.ts";
import type { RolloutPlan } from "./rollout.ts";
import type { UndoPlan } from "./undo.ts";

/** In the order of a rollout. */
export const STEPS = [
  "facts",
  "lock",
  "send",
  "unpack",
  "environment",
  "check",
  "unit",
  "start",
  "upgrade",
  "reload",
  "health",
  "verify",
  "rollback",
  "account",
] as const;

export type StepName = (typeof STEPS)[number];

export type DeployEvent =
  | { event: "step"; host: string; step: StepName; state: "begin" }
  | { event: "step"; host: string; step: StepName; state: "end"; ms: number; text?: string }
  | { event: "step"; host: string; step: StepName; state: "failed"; ms: number; error: ErrorJson }
  | { event: "bytes"; host: string; sent: number; total: number }
  /** What bin/<app> says on its way. */
  | { event: "line"; host: string; text: string }
  | { event: "plan"; plan: RolloutPlan }
  | { event: "rollbackPlan"; plan: UndoPlan }
  | { event: "wave"; number: number; count: number; hosts: string[] }
  | { event: "command"; host: string; command: string }
  | { event: "note"; text: string };

export type Emit = (event: DeployEvent) => void;
