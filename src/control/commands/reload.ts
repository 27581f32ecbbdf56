import type { UpgradeReport } from "../../protocol/report.ts";
import { carryOut, refuseBadSettings } from "../change.ts";
import type { Register } from "../command.ts";
import { formatReport } from "../formatReport.ts";
import { requireSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";

const register: Register = (program, context) => {
  program
    .command("reload")
    .description("apply a changed etc/ by handoff into the same release; no connection is dropped")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      await requireSupervisor(context.layout);
      await refuseBadSettings(context, await requireVersion(context));
      await carryOut(context.layout, { verb: "reload" }, json, (value) =>
        formatReport(value as UpgradeReport, { direction: "reload" }),
      );
    });
};
export default register;
