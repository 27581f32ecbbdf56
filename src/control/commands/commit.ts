import type { Committed } from "../../protocol/documents.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { carriedOut } from "../change.ts";
import type { Context } from "../context.ts";
import { formatReport } from "../formatReport.ts";
import { requireInPlace } from "../moved.ts";
import { printResult } from "../output.ts";
import { requireVersion } from "../runningRelease.ts";

export default async function commitCommand(context: Context, { json }: { json?: boolean }) {
  await requireInPlace(context.layout);
  const version = await requireVersion(context);
  const told = (value: unknown) => formatReport(value as UpgradeReport);
  const value = await carriedOut(context.layout, { verb: "commit" }, json, told);
  printResult<Committed>(
    json,
    { ...(value as UpgradeReport), version },
    `Made ${version} permanent`,
  );
}
