/** How a deploy is shown: live on a terminal, line by line in a pipe, as events with --json. */
import { wantsJson } from "../output.ts";
import { JsonView } from "./json.ts";
import { PlainView } from "./plain.ts";
import type { DeployView } from "./view.ts";

export async function createView(hosts: string[]): Promise<DeployView> {
  if (wantsJson()) return new JsonView();
  const { stdout, env } = { stdout: process.stdout, env: process.env };
  const isLive = stdout.isTTY && env.CI === undefined && env.TERM !== "dumb";
  if (!isLive) return new PlainView(hosts);
  const { LiveView } = await import("./live.ts");
  return LiveView.create(hosts);
}
