import type { Committed } from "../../protocol/documents.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { report } from "../output.ts";
import { requireSupervisor } from "../running.ts";
import { requireVersion } from "../runningRelease.ts";
import { printStep } from "../steps.ts";

export default async function commitCommand(context: Context, { json }: { json?: boolean }) {
  await requireSupervisor(context.layout);
  const version = await requireVersion(context);
  const value = await ask(context.layout, { verb: "commit" }, { onEvent: printStep });
  report<Committed>(json, { ...(value as UpgradeReport), version }, `Made ${version} permanent`);
}
