import { explainPlan, planUpgrade } from "../../../relup/index.ts";
import { isPath } from "../arguments.ts";
import { report } from "../output.ts";
import type { Register } from "../program.ts";
import { findSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";

interface Options {
  from?: string;
  json?: boolean;
}

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
      const running = (await findSupervisor(context.layout)) !== undefined;
      const plan = planUpgrade(origin, target);
      const remark = running ? "" : "\nIt is not running: this is what the two manifests say.";
      report(json, plan, explainPlan(plan) + remark);
    });
};
export default register;
