import type { StatusReport } from "../../protocol/report.ts";
import type { Layout } from "../../release/layout.ts";
import { explainPlan, type LiveFacts, planUpgrade } from "../../relup/index.ts";
import { isPath } from "../arguments.ts";
import { ask } from "../client.ts";
import type { Register } from "../command.ts";
import { report } from "../output.ts";
import { findSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";

interface Options {
  from?: string;
  json?: boolean;
}

const STATUS_MS = 10_000;

async function runningStatus(layout: Layout): Promise<StatusReport | undefined> {
  if ((await findSupervisor(layout)) === undefined) return undefined;
  return (await ask(layout, { verb: "status" }, { timeoutMs: STATUS_MS })) as StatusReport;
}

const declaredBy = (running: StatusReport | undefined): LiveFacts["running"] =>
  running &&
  Object.fromEntries(
    running.processes.flatMap(({ name, declares }) => (declares ? [[name, declares]] : [])),
  );

const register: Register = (program, context) => {
  program
    .command("plan")
    .argument("<version|file>", "unpacked, in the drop box, or a tarball")
    .description("how an upgrade would go, and why; nothing is run, nothing unpacked")
    .option("--from <version>", "from another release than the one that runs, or would")
    .option("--json", "one JSON document on stdout")
    .action(async (named: string, { from, json }: Options) => {
      const handler = await context.handler();
      const what = isPath(named) ? { source: context.resolvePath(named) } : { version: named };
      const target = await handler.peek(what);
      const origin = await handler.manifest(from ?? (await requireVersion(context)));
      const running = from === undefined ? await runningStatus(context.layout) : undefined;
      const plan = planUpgrade(origin, target, {
        environmentChanged: running?.etcChanged,
        supervisorNode: running?.supervisorNode,
        refusesSwap: running?.refusesSwap,
        running: declaredBy(running),
      });
      const remark = running ? "" : "\nThis is what the two manifests say: etc/ was not compared.";
      report(json, plan, explainPlan(plan) + remark);
      // A pipeline may fail on it: the upgrade would be refused.
      if (plan.obstacles.length > 0) process.exitCode = 4;
    });
};
export default register;
