/**
 * The commands and functions of an appup, around an upgrade:
 *
 *   before   nothing of the new version runs yet, the old one serves. A failure: refused, exit 4.
 *   after    committed, and nothing of the old version runs any more. A failure: exit 1; the new
 *            version serves and stays.
 *
 * Each runs in a process of its own with the code, the Node and the environment of the release whose
 * appup it is, one after the other; the first that fails is the last. A `check` runs none.
 */
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import { isoNow, stopwatch } from "../../platform/clock.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import type { AppupMoment } from "../../release/appup.ts";
import type { AppliedAppup, AppliedStep } from "../../relup/index.ts";
import { appupCommand, type Ended, runAppupProcess } from "./appupProcess.ts";
import type { Generation } from "./generation.ts";
import type { UpgradeJob } from "./job.ts";
import { emptyReport } from "./report.ts";

/** `stop`: the supervisor is to end; a step under way is ended and counts as failed. */
export async function withAppup(
  job: UpgradeJob,
  stop: AbortSignal,
  upgrade: () => Promise<UpgradeReport>,
): Promise<UpgradeReport> {
  const { appup } = job.plan;
  if (appup === undefined || job.checkOnly) return upgrade();
  const run = new AppupRun(job, appup, stop);
  const refused = emptyReport(job.plan);
  const failure = await run.all("before", refused);
  if (failure !== undefined) {
    job.supervisor.noteError(failure);
    return { ...refused, error: errorToJson(failure) };
  }
  const report = await upgrade();
  report.steps.unshift(...refused.steps);
  if (report.result !== "committed") return report;
  const late = await run.all("after", report);
  if (late !== undefined) {
    job.supervisor.noteError(late);
    report.error ??= errorToJson(late);
  }
  return report;
}

class AppupRun {
  readonly #job: UpgradeJob;
  readonly #appup: AppliedAppup;
  readonly #stop: AbortSignal;
  readonly #newer: Generation;

  constructor(job: UpgradeJob, appup: AppliedAppup, stop: AbortSignal) {
    this.#job = job;
    this.#appup = appup;
    this.#stop = stop;
    const { next, supervisor } = job;
    this.#newer = next.version === appup.by ? next : supervisor.current;
  }

  /** The failure of the first that failed, if any did. */
  async all(moment: AppupMoment, report: UpgradeReport): Promise<TsugiError | undefined> {
    for (const step of this.#appup[moment]) {
      const problem = await this.#one(moment, step, report);
      if (problem === undefined) continue;
      const { bin } = this.#job.supervisor.parts.layout;
      return new TsugiError("TSUGI_HOOK_FAILED", { hook: step.label, moment, problem, bin });
    }
    return undefined;
  }

  async #one(
    moment: AppupMoment,
    step: AppliedStep,
    report: UpgradeReport,
  ): Promise<string | undefined> {
    const { onStep, supervisor } = this.#job;
    const at = isoNow();
    const ms = stopwatch();
    onStep(moment, "begin", undefined, step.label);
    supervisor.note(`appup, ${moment}: ${step.label}`);
    const { problem, exitCode } = await this.#run(moment, step);
    const entry = { name: moment, ms: ms(), at, run: step.label, exitCode };
    report.steps.push(problem === undefined ? entry : { ...entry, failed: true });
    supervisor.note(`appup, ${moment}: ${step.label}: ${problem ?? "done"}`);
    if (problem === undefined) onStep(moment, "end", ms(), step.label);
    return problem;
  }

  #run(moment: AppupMoment, step: AppliedStep): Promise<Ended> {
    const newer = this.#newer;
    const { from, to } = this.#job.plan;
    const { log } = this.#job.supervisor.parts;
    const process = newer.plan.manifest.processes[0]!;
    const spec = newer.specOf(process, 0, "rehearsal");
    const { direction } = this.#appup;
    return runAppupProcess({
      ...appupCommand(spec, moment, step, { from, to, direction }),
      cwd: spec.cwd,
      timeoutMs: step.timeoutMs,
      stop: this.#stop,
      onLine: (pid, line) => log.line(newer.version, pid, line),
    });
  }
}
