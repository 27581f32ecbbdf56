/**
 * The relup: the ordered instructions that take a running system from one release to another.
 * Plain data: `plan` computes it, `explain` prints it, the supervisor's upgrade loop evaluates it.
 * As in OTP there is exactly one `pointOfNoReturn`.
 */
import type { Reason } from "../contract/errors.ts";
import type { Strategy } from "../protocol/report.ts";
import type { AppliedAppup } from "./appup.ts";

export type Instruction = { component: string; from: string; to: string; why: string } & (
  | { op: "before" | "after"; run: string }
  | { op: "load"; process: string; slots: number | "max" }
  | { op: "rehearse"; state: string }
  | { op: "stop"; process: string }
  | { op: "freeze"; process: string }
  | { op: "carry"; state: string; steps: number[] }
  | { op: "pointOfNoReturn" }
  | { op: "activate"; process: string }
  | { op: "moveConnections"; process: string }
  | { op: "probation" }
  | { op: "commit" }
  | { op: "replaceSupervisor" }
  | { op: "retire"; process: string }
);

/** What is different between two releases, component by component. */
export interface Difference {
  component: string;
  from: string;
  to: string;
  /** What it means for the processes that run. */
  why: string;
}

/** Why a relup must not be run at all; becomes the error of the same code. */
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
  obstacles: Obstacle[];
  /** What the application says itself; absent where it says nothing. */
  appup?: AppliedAppup | undefined;
}

/** The supervisor's own code or Node is another one afterwards. */
export const replacesSupervisor = ({ instructions }: Plan): boolean =>
  instructions.some(({ op }) => op === "replaceSupervisor");
