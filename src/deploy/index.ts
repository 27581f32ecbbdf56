export { openTransport, PrinterTransport, type Transport } from "../transport/index.ts";
export { deploy } from "./deploy.ts";
export type { DeployCall } from "./deployment.ts";
export {
  chooseHosts,
  type Environment,
  type HostChoice,
  type HostSpec,
  resolveEnvironment,
} from "./environment.ts";
export type { DeployEvent, Emit, StepName } from "./events.ts";
export { withHosts } from "./fleet.ts";
export { type HostStatus, readHostStatus } from "./fleetStatus.ts";
export { Host } from "./host.ts";
export { ageText, type Lock, lockByHand, lockText, unlock } from "./lock.ts";
export { type DeployResult, type HostOutcome, wentOver } from "./outcome.ts";
export { followed, inRoot } from "./remote/runScripts.ts";
export { type RollbackResult, rollback } from "./rollback.ts";
export type { Action, Artefact, HostPlan, RolloutPlan } from "./rollout.ts";
export { expandHome, readSecrets } from "./secrets.ts";
export { settle } from "./settle.ts";
export { namesText } from "./told.ts";
export type { UndoPlan } from "./undo.ts";
