import type { UpgradeReport } from "../../protocol/report.ts";
import { carryOut, refuseBadSettings } from "../change.ts";
import type { Context } from "../context.ts";
import { formatReport } from "../formatReport.ts";
import { requireSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";

export default async function reloadCommand(context: Context, { json }: { json?: boolean }) {
  await requireSupervisor(context.layout);
  await refuseBadSettings(context, await requireVersion(context));
  await carryOut(context.layout, { verb: "reload" }, json, (value) =>
    formatReport(value as UpgradeReport, { direction: "reload" }),
  );
}
