/**
 * upgrade, downgrade, rollback, install and check are one request to the supervisor, which does
 * the work: this program shows how it goes, and may die on the way without harm.
 */
import { type Command, Option } from "commander";
import type { UpgradeOptions } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { ask, RemoteError } from "./client.ts";
import { refuseIfEphemeral } from "./container.ts";
import type { Context } from "./context.ts";
import { formatReport } from "./formatReport.ts";
import { note, report } from "./output.ts";
import { requireSupervisor } from "./running.ts";
import { printStep } from "./steps.ts";
import { unpackNamed } from "./unpacking.ts";

export interface ChangeFlags {
  json?: boolean;
  force?: boolean;
  ephemeral?: boolean;
  rehearse?: "auto" | "full" | "skip";
  allowRestart?: boolean;
  boot?: boolean;
}

export function withChangeFlags(command: Command): Command {
  return command
    .addOption(
      new Option("--rehearse <mode>", "migrate a copy of the live state first")
        .choices(["auto", "full", "skip"])
        .default("auto"),
    )
    .option("--ephemeral", "also where the root is gone with its container")
    .option("--json", "one JSON document on stdout: the report");
}

export interface Change {
  direction: "upgrade" | "downgrade" | "rollback";
  /** A version, or for an upgrade also a file. */
  named: string;
  flags: ChangeFlags;
  options?: UpgradeOptions;
}

/** @throws what the supervisor refuses with; the report of what happened is printed all the same */
export async function change(context: Context, what: Change): Promise<void> {
  const { layout } = context;
  const { flags, direction } = what;
  await requireSupervisor(layout);
  if (!flags.ephemeral) refuseIfEphemeral(layout);
  surviveClosedTerminal(what);
  const { version } = await unpackNamed(context, what.named, flags.force);
  const options: UpgradeOptions = { rehearse: flags.rehearse ?? "auto", ...what.options };
  if (flags.allowRestart) options.allowRestart = true;
  try {
    const request = { verb: "upgrade", version, direction, options } as const;
    const value = (await ask(layout, request, { onEvent: printStep })) as UpgradeReport;
    report(flags.json, value, formatReport(value, { ...options, direction }));
  } catch (error) {
    const value = error instanceof RemoteError ? error.value : undefined;
    if (value && !flags.json) note(formatReport(value as UpgradeReport, { ...options, direction }));
    throw error;
  }
}

/** The upgrade goes on in the supervisor; between unpack and upgrade we must not die either. */
function surviveClosedTerminal({ direction, named }: Change): void {
  process.on("SIGHUP", () => {});
  process.once("SIGINT", () => {
    const again = direction === "rollback" ? direction : `${direction} ${named}`;
    note(`\nWhat has begun goes on in the supervisor; see it: ${again} again, or status`);
    process.exit(130);
  });
}
