/** The account of a deploy: what became of every host, and the error that sums it up. */
import { type ErrorJson, errorFromJson, errorToJson, TsugiError } from "../contract/errors.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import type { Action } from "./rollout.ts";
import { firstOf } from "./told.ts";

/**
 * done          the new release runs there, in all processes, healthy
 * unchanged     it ran there already
 * not reached   nothing that runs was touched: the deploy stopped before
 * failed        refused, thawed or handed back: the old version serves, if it isn't stopped (see its error)
 * rolled back   it was done, and went back because another host has failed
 * unknown       the host went away in the middle: it has one whole version, tsugi status says which
 */
export type HostResult =
  | "done"
  | "unchanged"
  | "not reached"
  | "failed"
  | "rolled back"
  | "unknown";

export interface HostOutcome {
  host: string;
  action: Action | "rollback";
  from: string | null;
  result: HostResult;
  error?: ErrorJson;
  /** It has failed, and nothing runs there. */
  isStopped?: true;
  /** Of the upgrade or reload. */
  report?: UpgradeReport;
  sentBytes: number;
  ms: number;
  /** Its turn, from 1; none where it was not reached. */
  wave?: number;
}

export interface DeployResult {
  environment: string;
  name: string;
  version: string;
  releaseId?: string;
  hosts: HostOutcome[];
  ms: number;
  /** What it comes down to, where that is not that the version runs on all hosts. */
  said?: string;
  /** Commands were printed, none was run. */
  dryRun?: true;
  error?: ErrorJson;
}

/** A host that can't be reached any more may have gone on by itself. */
const resultOf = (error: unknown): HostResult =>
  error instanceof TsugiError &&
  /^TSUGI_(HOST_UNREACHABLE|HOST_SILENT|INTERRUPTED)$/.test(error.code)
    ? "unknown"
    : "failed";

/** Where nothing was changed anywhere. All reasons are in it, the first one's next step as well. */
export function refusedError(refusals: { host: string; error: ErrorJson }[]): TsugiError {
  const [first] = refusals;
  const problem =
    refusals.length === 1
      ? told(first!)
      : firstOf(refusals.map(told))
          .map((line) => `\n    ${line}`)
          .join("");
  return new TsugiError("TSUGI_DEPLOY_REFUSED", { problem, next: first!.error.hint });
}

/** Some errors say themselves which host it was. */
const told = ({ host, error }: { host: string; error: ErrorJson }): string =>
  error.details?.host === host ? error.message : `${host}: ${error.message}`;

/** Undefined where every host has what it should have. */
export function stoppedError(
  outcomes: HostOutcome[],
  version: string,
  environment: string,
): TsugiError | undefined {
  const failed = outcomes.filter(({ error }) => error !== undefined);
  const isFine = ({ result }: HostOutcome) => result === "done" || result === "unchanged";
  if (failed.length === 0 && outcomes.every(isFine)) return undefined;
  // A single host says best itself what became of it, exit code included.
  if (outcomes.length === 1 && failed.length === 1) return errorFromJson(failed[0]!.error!);
  const problem =
    failed.length === 0
      ? "it was interrupted."
      : firstOf(failed.map(({ host, error }) => told({ host, error: error! }))).join(" ");
  // Of new settings for a version that ran already, the version says nothing.
  const isReload = failed.some(({ action }) => action === "reload");
  const ran = (outcome: HostOutcome) => !isReload && ranBefore(outcome, version);
  const done = outcomes.filter((one) => isFine(one) || wentOver(one) || ran(one)).length;
  const verb = done === 1 ? "runs" : "run";
  const count = outcomes.length;
  return new TsugiError("TSUGI_DEPLOY_STOPPED", {
    done,
    count,
    verb,
    version: isReload ? `${version} as this deploy wants it` : version,
    problem,
    environment,
    next: nextOf(failed, environment, outcomes.some(isToUndo)),
  });
}

/** A version that was not well will not be better the next time. */
function nextOf(failed: HostOutcome[], environment: string, isChanged: boolean): string {
  const stopped = failed.filter(({ isStopped, from }) => isStopped && from !== null);
  if (stopped.length > 0) {
    const names = stopped.map(({ host }) => host).join(", ");
    if (stopped.some(({ error }) => error?.code === "TSUGI_START_FAILED")) {
      const logs = `tsugi logs ${environment} --host ${stopped[0]!.host}`;
      return `Nothing runs on ${names}: see why it did not start (${logs}), then the same command again`;
    }
    return `Nothing runs on ${names}: the same command again starts it there`;
  }
  const isOfVersion = failed.some(({ error, report }) =>
    /UNHEALTHY|NOT_READY|WORKER_DIED|GAVE_UP|HOST_REFUSED/.test(
      `${error?.code} ${report?.error?.code}`,
    ),
  );
  if (!isOfVersion) return "The same command again goes on from there";
  if (failed.every(({ action }) => action === "reload")) {
    return "Mend it, or the settings that it got, then the same command again";
  }
  const undo = isChanged ? `, or undo what was done: tsugi rollback ${environment}` : "";
  return `Mend it and deploy another version${undo}`;
}

/** Also where this deploy did not come to it. */
const ranBefore = ({ from, result, isStopped }: HostOutcome, version: string) =>
  from === version && !isStopped && (result === "not reached" || result === "failed");

/** It has failed when its new release ran there already: a hook's failure takes nothing back. */
export const wentOver = ({ result, isStopped, error, report }: HostOutcome): boolean =>
  result === "failed" &&
  !isStopped &&
  (report?.result === "committed" || error?.code === "TSUGI_DEPLOY_HOOK_FAILED");

/** A rollback has something to do there: another version came, or may have come. */
const isToUndo = (outcome: HostOutcome): boolean => {
  const { action, from, result } = outcome;
  if (from === null || action === "reload") return false;
  return result === "done" || result === "unknown" || wentOver(outcome);
};

export const failure = (error: unknown): { result: HostResult; error: ErrorJson } => ({
  result: resultOf(error),
  error: errorToJson(error),
});
