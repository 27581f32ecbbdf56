/** How a deploy is shown: live on a terminal, line by line in a pipe, as events with --json. */
import type { DeployEvent, DeployResult, RolloutPlan } from "../../deploy/index.ts";
import { wantsJson } from "../output.ts";
import { JsonView } from "./json.ts";
import { PlainView } from "./plain.ts";

export interface DeployView {
  report(event: DeployEvent): void;
  /** Asks whether to go on. True where nobody can be asked. */
  confirm(plan: RolloutPlan, version: string): Promise<boolean>;
  end(result: DeployResult): void;
  failed(error: unknown): void;
}

export async function createView(hosts: string[]): Promise<DeployView> {
  if (wantsJson()) return new JsonView();
  const { stdout, env } = { stdout: process.stdout, env: process.env };
  const isLive = stdout.isTTY && env.CI === undefined && env.TERM !== "dumb";
  if (!isLive) return new PlainView(hosts);
  const { LiveView } = await import("./live.ts");
  return LiveView.create(hosts);
}
