import type { UpgradeReport } from "../../../protocol/report.ts";
import { carryOut } from "../change.ts";
import { formatReport } from "../formatReport.ts";
import type { Register } from "../program.ts";

const register: Register = (program, context) => {
  program
    .command("reload")
    .description("apply a changed etc/ by handoff into the same release; no connection is dropped")
    .option("--json", "one JSON document on stdout")
    .action(async ({ json }: { json?: boolean }) => {
      await carryOut(context.layout, { verb: "reload" }, json, (value) =>
        formatReport(value as UpgradeReport, { direction: "reload" }),
      );
    });
};
export default register;
