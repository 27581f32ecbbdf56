export { type DeployRequest, deploy } from "./deploy.ts";
export { type Environment, type HostSpec, resolveEnvironment } from "./environment.ts";
export type { DeployEvent, Report, StepName } from "./events.ts";
export { Host } from "./host.ts";
export type { DeployResult, HostOutcome, HostResult } from "./outcome.ts";
export type { Artefact, HostPlan, RolloutPlan } from "./rollout.ts";
export { expandHome, readSecrets } from "./secrets.ts";
export {
  LocalTransport,
  PrinterTransport,
  SshTransport,
  type Transport,
} from "./transport/index.ts";
