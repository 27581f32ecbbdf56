/**
 * upgrade, downgrade, rollback, install and check are one request to the supervisor, which does
 * the work: this program shows how it goes, and may die on the way without harm.
 */
import type { HostOptions } from "../contract/commands/host.ts";
import type { ExitCode } from "../contract/errors.ts";
import { exists } from "../platform/files.ts";
import type { UpgradeOptions } from "../protocol/control.ts";
import type { UpgradeReport, UpgradeResult } from "../protocol/report.ts";
import type { Layout } from "../release/layout.ts";
import { ask, RemoteError, type Request } from "./client.ts";
import { refuseIfEphemeral } from "./container.ts";
import type { Context } from "./context.ts";
import { formatReport } from "./formatReport.ts";
import { requireInPlace } from "./moved.ts";
import { note, printResult, warnOnce } from "./output.ts";
import { printStep } from "./steps.ts";
import { unpackNamed } from "./unpacking.ts";

export type ChangeFlags = Partial<HostOptions<"upgrade"> & HostOptions<"check">>;

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
  await requireInPlace(layout);
  if (!flags.ephemeral) refuseIfEphemeral(layout);
  surviveClosedTerminal(what);
  await refuseBadEnv(context);
  const { version } = await unpackNamed(context, what.named, flags.force);
  await refuseBadSettings(context, version);
  note(`Config generated from releases/${version} and etc/`);
  const { rehearse = "auto", wait = false } = flags;
  const options: UpgradeOptions = { rehearse, wait, ...what.options };
  const request = { verb: "upgrade", version, direction, options } as const;
  const isFirst = !options.checkOnly && !(await exists(layout.upgradesLog));
  // Of what had nothing to do there is no page.
  const page = (report: UpgradeReport) =>
    isFirst && report.strategy !== "none" ? pageOf(layout) : "";
  await carryOut(layout, request, flags.json, (value) =>
    isReport(value)
      ? formatReport(value, { ...options, direction }) + page(value)
      : installed(version),
  );
}

const pageOf = ({ root }: Layout): string =>
  `\nHow that went, as a page, where tsugi is:\n  tsugi view ${root}`;

/** Sends a request that ends with the report of an upgrade, and shows how it goes. */
export async function carryOut(
  layout: Layout,
  request: Request,
  json: boolean | undefined,
  format: (value: unknown) => string,
): Promise<void> {
  const value = await carriedOut(layout, request, json, format);
  printResult(json, value, format(value));
}

/** @throws what went wrong, with the exit code of what became of the system */
export async function carriedOut(
  layout: Layout,
  request: Request,
  json: boolean | undefined,
  format: (value: unknown) => string,
): Promise<unknown> {
  try {
    return await ask(layout, request, { onEvent: printStep });
  } catch (error) {
    if (!(error instanceof RemoteError) || !isReport(error.value)) throw error;
    if (!json) note(format(error.value));
    throw new RemoteError({ ...error.json, exitCode: EXIT[error.value.result] }, error.value);
  }
}

/** What became of the system decides the exit code, whatever the fault was. */
const EXIT: Record<UpgradeResult, ExitCode> = {
  checked: 1,
  refused: 4,
  thawed: 4,
  "handed-back": 5,
  committed: 1, // the new version serves, but something of the old was not put away
};

const isReport = (value: unknown): value is UpgradeReport =>
  value !== null && typeof value === "object" && "result" in value;

const installed = (version: string): string =>
  `Installed ${version}; it is current, not permanent: commit keeps it, rollback gives it up`;

/** Before the supervisor is told: it would find the same, later. */
export async function refuseBadSettings(context: Context, version: string): Promise<void> {
  const { readHostSettings } = await import("../handler/settings.ts");
  warnOnce((await readHostSettings(context.layout, version)).unknown);
}

/** Before a release is unpacked for it. */
async function refuseBadEnv(context: Context): Promise<void> {
  const settings = await import("../handler/settings.ts");
  await settings.refuseBadEnv(context.layout);
}

/** The upgrade goes on in the supervisor; between unpack and upgrade we must not die either. */
function surviveClosedTerminal({ direction, named, options = {} }: Change): void {
  process.on("SIGHUP", () => {});
  process.once("SIGINT", () => {
    // As it was typed: "upgrade" would make an upgrade of a check.
    const command = options.checkOnly ? "check" : options.installOnly ? "install" : direction;
    const again = command === "rollback" ? command : `${command} ${named}`;
    note(`\nWhat has begun goes on in the supervisor; see it: ${again} again, or status`);
    process.exit(130);
  });
}
