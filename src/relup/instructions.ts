/**
 * The relup: the ordered instructions that take a running system from one release to another.
 * Plain data: `plan` computes it, `explain` prints it, the supervisor folds over it
 * (runtime/supervisor/upgrade.ts). As in OTP there is exactly one `pointOfNoReturn`. Instructions of
 * the same kind that stand together are one step: all of them begin, and all have to end.
 */
import type { Reason } from "../contract/errors.ts";
import type { Strategy } from "../protocol/report.ts";
import type { AppliedAppup } from "./appup.ts";

export type Instruction = {
  component: string;
  from: string;
  to: string;
  why: string;
} /** `index`: its place in the appup's list. */ & (
  | { op: "before" | "after"; run: string; index: number }
  /** Without a process: the new supervisor, which then loads what follows. */
  | { op: "load"; process?: string; slots?: number | "max" }
  | { op: "rehearse" | "carry"; state: string; steps: number[] }
  | { op: "freeze" | "announce" | "stop" | "activate" | "connections" | "retire"; process: string }
  | { op: "install" | "pointOfNoReturn" | "probation" | "commit" | "takeOver" | "prune" }
);

/** What is executed: the point of no return is a place between two steps. */
export type Operation = Exclude<Instruction["op"], "pointOfNoReturn">;

/** The instructions of one step. */
export interface RelupStep {
  op: Instruction["op"];
  instructions: Instruction[];
}

/** What an appup runs is a step each: one begins when the other has ended. */
const ONE_BY_ONE: readonly Instruction["op"][] = ["before", "after"];

export function relupSteps(instructions: readonly Instruction[]): RelupStep[] {
  const steps: RelupStep[] = [];
  for (const instruction of instructions) {
    const { op } = instruction;
    const last = steps.at(-1);
    if (last?.op === op && !ONE_BY_ONE.includes(op)) last.instructions.push(instruction);
    else steps.push({ op, instructions: [instruction] });
  }
  return steps;
}

/** Their names, as the report has them. */
export const stepNames = (instructions: readonly Instruction[]): Operation[] =>
  relupSteps(instructions).flatMap(({ op }) => (op === "pointOfNoReturn" ? [] : op));

/** What is different between two releases, component by component. */
export interface Difference {
  component: string;
  from: string;
  to: string;
  /** What it means for the processes that run. */
  why: string;
}

/** Why a relup must not be run at all: `{ code, details }`, which become the error of that code. */
export type Obstacle = Reason<
  | "TSUGI_STATE_PATH_MISSING"
  | "TSUGI_WORKERS_LOSE_STATE"
  | "TSUGI_NAME_DIFFERS"
  | "TSUGI_UPGRADE_FORBIDDEN"
>;

export interface Plan {
  strategy: Strategy;
  from: string;
  to: string;
  /** One sentence each, the decisive one first. */
  reasons: string[];
  differences: Difference[];
  instructions: Instruction[];
  /** By the names of the report. Of a BEAM release only its host can say them, and the instructions, which are OTP's. */
  steps: string[];
  obstacles: Obstacle[];
  /** What the application says itself; absent where it says nothing. */
  appup?: AppliedAppup | undefined;
}

/** The supervisor's own code or Node is another one afterwards. */
export const replacesSupervisor = ({ instructions }: Plan): boolean =>
  instructions.some(({ op }) => op === "takeOver");
