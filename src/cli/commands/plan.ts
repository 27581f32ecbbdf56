import { readManifest } from "../../build/inspect.ts";
import { explainPlan, planUpgrade } from "../../relup/index.ts";
import { printResult } from "../output.ts";

export async function planCommand(from: string, to: string): Promise<void> {
  const [old, now] = [await readManifest(from), await readManifest(to)];
  const { planBeam } = await import("../../beam/index.ts");
  const isBeam = old.kind === "beam" && now.kind === "beam";
  const plan = isBeam ? planBeam(old, now) : planUpgrade(old, now);
  printResult(plan, [explainPlan(plan)]);
  // A pipeline may fail on it: the upgrade would be refused.
  if (plan.obstacles.length > 0) process.exitCode = 4;
}
