import { readManifest } from "../../build/inspect.ts";
import { explainPlan, planUpgrade } from "../../relup/index.ts";
import { printResult } from "../output.ts";

export async function planCommand(from: string, to: string): Promise<void> {
  const plan = planUpgrade(await readManifest(from), await readManifest(to));
  printResult(plan, [explainPlan(plan)]);
  // A pipeline may fail on it: the upgrade would be refused.
  if (plan.obstacles.length > 0) process.exitCode = 4;
}
