import type { HostOptions } from "../../contract/commands/host.ts";
import type { Status } from "../../protocol/report.ts";
import type { Layout } from "../../release/layout.ts";
import { explainPlan, type LiveFacts, type Plan, planUpgrade } from "../../relup/index.ts";
import { isPath } from "../arguments.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { inStore, withBrought } from "../fromStore.ts";
import { printResult } from "../output.ts";
import { findSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";

const STATUS_MS = 10_000;

async function runningStatus(layout: Layout): Promise<Status | undefined> {
  if ((await findSupervisor(layout)) === undefined) return undefined;
  return (await ask(layout, { verb: "status" }, { timeoutMs: STATUS_MS })) as Status;
}

const declaredBy = (running: Status | undefined): LiveFacts["running"] =>
  running &&
  Object.fromEntries(
    running.processes.flatMap(({ name, declares }) => (declares ? [[name, declares]] : [])),
  );

export default async function planCommand(
  context: Context,
  named: string,
  { from, json }: HostOptions<"plan">,
) {
  const handler = await context.handler();
  const what = isPath(named) ? { source: context.resolvePath(named) } : { version: named };
  const stored = await inStore(context, named);
  const target = stored
    ? await withBrought(context, stored, "head", ({ source, version }) =>
        handler.peek({ source, version }),
      )
    : await handler.peek(what);
  const origin = await handler.manifest(from ?? (await requireVersion(context)));
  const running = from === undefined ? await runningStatus(context.layout) : undefined;
  const plan = planUpgrade(origin, target, {
    environmentChanged: running?.etcChanged,
    supervisorNode: running?.supervisorNode,
    refusesSwap: running?.refusesSwap,
    running: declaredBy(running),
  });
  const remark = running ? "" : "\nThis is what the two manifests say: etc/ was not compared.";
  printResult<Plan>(json, plan, explainPlan(plan) + remark);
  // A pipeline may fail on it: the upgrade would be refused.
  if (plan.obstacles.length > 0) process.exitCode = 4;
}
