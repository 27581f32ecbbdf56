export { type AppliedAppup, type AppliedStep, appupBetween } from "./appup.ts";
export { diffManifests } from "./diff.ts";
export { explainPlan } from "./explain.ts";
export {
  type Difference,
  type Instruction,
  type Obstacle,
  type Operation,
  type Plan,
  type RelupStep,
  relupSteps,
} from "./instructions.ts";
export { planUpgrade } from "./plan.ts";
export { type StatePath, statePath, type VersionedState } from "./states.ts";
export type { LiveFacts } from "./strategy.ts";
