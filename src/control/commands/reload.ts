import type { UpgradeReport } from "../../protocol/report.ts";
import { type ChangeFlags, carryOut, refuseBadSettings } from "../change.ts";
import type { Context } from "../context.ts";
import { formatReport } from "../formatReport.ts";
import { requireInPlace } from "../moved.ts";
import { requireVersion } from "../runningRelease.ts";

export default async function reloadCommand(context: Context, { json, wait }: ChangeFlags) {
  await requireInPlace(context.layout);
  await refuseBadSettings(context, await requireVersion(context));
  await carryOut(context.layout, { verb: "reload", wait: wait === true }, json, (value) =>
    formatReport(value as UpgradeReport, { direction: "reload" }),
  );
}
