export { type AppliedStep, appupBetween } from "./appup.ts";
export { explainPlan } from "./explain.ts";
export type { Difference, Instruction, Plan } from "./instructions.ts";
export { planUpgrade } from "./plan.ts";
export type { LiveFacts } from "./strategy.ts";
