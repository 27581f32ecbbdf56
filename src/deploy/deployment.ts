/** What a deploy is asked for, and what every part of one that changes something has. */
import type { Manifest } from "../release/manifest.ts";
import type { Plan } from "../relup/index.ts";
import type { Transport } from "../transport/index.ts";
import type { Environment, HostSpec } from "./environment.ts";
import type { Emit } from "./events.ts";
import type { Host } from "./host.ts";
import type { Ledger } from "./ledger.ts";
import type { Artefact, RolloutPlan } from "./rollout.ts";

/** Hosts are asked first; the release is built or fetched when they could take one. */
export interface DeployCall {
  environment: Environment;
  /** Of the release. */
  app: string;
  obtain: () => Promise<Artefact>;
  secrets: Record<string, string>;
  /** Of a BEAM release, where another OTP or Elixir means one. */
  allowRestart: boolean;
  /** No host is changed: there are no commands, or they are printed. */
  dryRun: boolean;
  /** Of the project: where hooks run. */
  folder: string;
  planUpgrade: (from: Manifest, to: Manifest) => Plan;
  open: (host: HostSpec) => Transport;
  /** False gives it up, with nothing changed. */
  confirm: (plan: RolloutPlan, version: string) => Promise<boolean>;
  signal: AbortSignal;
  emit: Emit;
}

export interface DeployRequest extends DeployCall {
  artefact: Artefact;
}

/** What every part of a deploy that changes something has. */
export interface Deployment {
  request: DeployRequest;
  hosts: Host[];
  plan: RolloutPlan;
  /** Commands are printed, none is run. */
  isDry: boolean;
  /** Else the upgrade of the only host refuses what a check would: it would load the same once more. */
  checksFirst: boolean;
  ledger: Ledger;
  /** Names of hosts whose etc/env will be another one. */
  envChanged: Set<string>;
  hook(name: "beforeDeploy" | "afterHost" | "afterDeploy", host?: string): Promise<void>;
}
