import type { ToolOptions } from "../../contract/commands/tool.ts";
import { errorOf, TsugiError } from "../../contract/errors.ts";
import { explainPlan, type Plan, planUpgrade } from "../../relup/index.ts";
import { printError, printResult } from "../output.ts";
import { manifestAt } from "../places.ts";

/** Each allows what stands before it, too. */
const STRATEGIES = ["none", "swap", "handoff", "replace", "restart"] as const;

export async function planCommand(
  from: string,
  to: string,
  options: ToolOptions<"plan">,
): Promise<void> {
  const allowed = options.require;
  const old = await manifestAt(from, options.store);
  const now = await manifestAt(to, options.store);
  const { planBeam } = await import("../../beam/index.ts");
  const isBeam = old.kind === "beam" && now.kind === "beam";
  const plan = isBeam ? planBeam(old, now) : planUpgrade(old, now);
  printResult<Plan>(plan, [explainPlan(plan)]);
  const refusal = refusalOf(plan, allowed);
  if (refusal === undefined) return;
  // A pipeline may fail on it. The plan is the document, so this goes to stderr in any case.
  printError(refusal);
  process.exitCode = 4;
}

function refusalOf(plan: Plan, allowed: ToolOptions<"plan">["require"]): TsugiError | undefined {
  const [obstacle] = plan.obstacles;
  if (obstacle !== undefined) return errorOf(obstacle);
  const { from, to, strategy, reasons } = plan;
  if (allowed === undefined) return undefined;
  if (STRATEGIES.indexOf(strategy) <= STRATEGIES.indexOf(allowed)) return undefined;
  const why = reasons.join("; ");
  return new TsugiError("TSUGI_PLAN_NEEDS_MORE", { from, to, strategy, allowed, why });
}
