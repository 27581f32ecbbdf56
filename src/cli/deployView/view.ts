import type { DeployEvent, DeployResult, RolloutPlan } from "../../deploy/index.ts";

export interface DeployView {
  show(event: DeployEvent): void;
  /** Something else writes to the terminal now. */
  rest(): void;
  /** True where nobody can be asked. */
  ask(question: string): Promise<boolean>;
  /** Asks whether to go on. True where nobody can be asked. */
  confirm(plan: RolloutPlan, version: string): Promise<boolean>;
  end(result: DeployResult): void;
  failed(error: unknown): void;
}
