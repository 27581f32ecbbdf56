/** What an upgrade is given to do. */
import type { ReleaseHandler } from "../../handler/index.ts";
import type { Plan } from "../../relup/instructions.ts";
import type { Generation } from "./generation.ts";
import type { Supervisor } from "./supervisor.ts";

export interface UpgradeJob {
  supervisor: Supervisor;
  handler: ReleaseHandler;
  plan: Plan;
  next: Generation;
  rehearse: "auto" | "full" | "skip";
  /** `check`: stop before the freeze. */
  checkOnly: boolean;
  /** A step begins or ends: what a terminal shows. */
  onStep: (name: string, state: "begin" | "end", ms?: number, text?: string) => void;
  /** `install`: called once the new generation has passed probation; decides whether to commit. */
  confirm: () => Promise<"commit" | "handBack">;
}
